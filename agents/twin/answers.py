"""Scripted turns as the Messages API would say them: one message, or the events of a stream; and its errors."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from agents.model import SCRIPTED_ID
from agents.twin.scripts import Branch

# The label of every answer, beside the id's own beginning.
LABEL = {"x-millwright-twin": "scripted"}
ERROR_TYPES = {
    400: "invalid_request_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}
CHARACTERS_PER_TOKEN = 4
# A text or an input comes in pieces, as from the API.
PIECE = 40
Json = dict[str, Any]


def message(branch: Branch, body: Json, task: str, turn: int) -> Json:
    """The answer as one message. The same request has the same answer, ids included."""
    seed = hashlib.sha256(f"{task}\0{turn}".encode()).hexdigest()
    content: list[Json] = [{"type": "text", "text": branch.say}] if branch.say else []
    for index, use in enumerate(branch.use):
        name, arguments = use.call
        identifier = f"toolu_scripted_{seed[:16]}{index:02d}"
        content.append({"type": "tool_use", "id": identifier, "name": name, "input": arguments})
    return {
        "id": f"{SCRIPTED_ID}{seed[:20]}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": content,
        "stop_reason": branch.stop or ("tool_use" if branch.use else "end_turn"),
        "stop_sequence": None,
        "usage": _usage(branch, body, content),
    }


def events(whole: Json) -> Iterator[str]:
    """The message as server-sent events. https://docs.anthropic.com/en/api/messages-streaming"""
    usage = whole["usage"]
    begun = whole | {"content": [], "stop_reason": None, "usage": usage | {"output_tokens": 1}}
    yield _event("message_start", message=begun)
    yield _event("ping")
    for index, block in enumerate(whole["content"]):
        empty: Json = {"text": ""} if block["type"] == "text" else {"input": {}}
        yield _event("content_block_start", index=index, content_block=block | empty)
        for delta in _deltas(block):
            yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    delta = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield _event("message_delta", delta=delta, usage={"output_tokens": usage["output_tokens"]})
    yield _event("message_stop")


def error(status: int, text: str) -> Json:
    """An error in the API's form."""
    return {"type": "error", "error": {"type": ERROR_TYPES[status], "message": text}}


def _usage(branch: Branch, body: Json, content: list[Json]) -> Json:
    counted = {
        "input_tokens": len(json.dumps(body)) // CHARACTERS_PER_TOKEN + 1,
        "output_tokens": len(json.dumps(content)) // CHARACTERS_PER_TOKEN + 1,
    }
    said = branch.usage.model_dump() if branch.usage else counted
    return {**said, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}


def _deltas(block: Json) -> Iterator[Json]:
    if block["type"] == "text":
        for piece in _pieces(block["text"]):
            yield {"type": "text_delta", "text": piece}
        return
    for piece in _pieces(json.dumps(block["input"])):
        yield {"type": "input_json_delta", "partial_json": piece}


def _pieces(text: str) -> Iterator[str]:
    for start in range(0, len(text), PIECE):
        yield text[start : start + PIECE]


def _event(kind: str, **data: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n"
