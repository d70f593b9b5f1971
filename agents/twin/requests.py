"""What the real API would refuse about a request: pure checks, in its order and words."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

# Top-level parameters of the Messages API that the loop may come to use; others are refused here, by name.
# https://docs.anthropic.com/en/api/messages
KNOWN = frozenset(
    (
        *("model", "max_tokens", "messages", "system", "tools", "tool_choice", "stream", "metadata"),
        *("stop_sequences", "temperature", "top_p", "top_k", "cache_control"),
    )
)
ROLES = ("user", "assistant")
Block = dict[str, Any]


class RequestRefused(Exception):
    """The request is refused with 400; the message is the API's, or says which script does not fit."""


@dataclass(frozen=True)
class Asked:
    """A request that the API would take: blocks only, results beside the calls that they answer."""

    body: dict[str, Any]
    messages: list[tuple[str, list[Block]]]

    @property
    def answers(self) -> list[list[Block]]:
        """The blocks of every assistant message so far."""
        return [blocks for role, blocks in self.messages if role == "assistant"]

    @property
    def tools(self) -> set[str]:
        """The names of the tools on offer."""
        return {tool["name"] for tool in self.body.get("tools", [])}


def checked(body: Any) -> Asked:
    """The request, taken apart. Raises RequestRefused."""
    if not isinstance(body, dict):
        raise RequestRefused("the request is no JSON object")
    for name in sorted(set(body) - KNOWN):
        raise RequestRefused(f"{name}: Extra inputs are not permitted by the twin")
    _check_parameters(body)
    messages = [_message(index, message) for index, message in enumerate(body["messages"])]
    _check_order([role for role, _ in messages])
    for index in range(len(messages)):
        _check_results(index, messages)
    _check_unique(messages)
    return Asked(body, messages)


def _check_parameters(body: dict[str, Any]) -> None:
    for name, kind in (("model", str), ("max_tokens", int), ("messages", list)):
        if name not in body:
            raise RequestRefused(f"{name}: Field required")
        if not isinstance(body[name], kind) or isinstance(body[name], bool) or not body[name]:
            raise RequestRefused(f"{name}: Input should be a valid {kind.__name__} that is not empty or zero")
    if body["max_tokens"] < 1:
        raise RequestRefused("max_tokens: must be greater than or equal to 1")
    names = [_tool_name(index, tool) for index, tool in enumerate(body.get("tools", []))]
    if len(set(names)) != len(names):
        raise RequestRefused("tools: Tool names must be unique.")


def _tool_name(index: int, tool: Any) -> str:
    for key, kind in (("name", str), ("input_schema", dict)):
        if not isinstance(tool, dict) or not isinstance(tool.get(key), kind):
            raise RequestRefused(f"tools.{index}.custom.{key}: Field required")
    if tool["input_schema"].get("type") != "object":
        raise RequestRefused(f"tools.{index}.custom.input_schema.type: Input should be 'object'")
    return str(tool["name"])


def _message(index: int, message: Any) -> tuple[str, list[Block]]:
    at = f"messages.{index}"
    if not isinstance(message, dict) or message.get("role") not in ROLES:
        raise RequestRefused(f"{at}.role: Input should be 'user' or 'assistant'")
    content = message.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if not isinstance(blocks, list) or not blocks:
        raise RequestRefused(f"{at}: all messages must have non-empty content")
    for number, block in enumerate(blocks):
        _check_block(f"{at}.content.{number}", message["role"], block)
    return message["role"], blocks


def _check_block(at: str, role: str, block: Any) -> None:
    kind = block.get("type") if isinstance(block, dict) else None
    allowed = {"user": ("text", "tool_result"), "assistant": ("text", "tool_use")}[role]
    if kind not in allowed:
        raise RequestRefused(f"{at}: Input tag {kind!r} found, the twin takes: {', '.join(allowed)}")
    if kind == "text" and not (isinstance(block.get("text"), str) and block["text"].strip()):
        raise RequestRefused(f"{at}.text: text content blocks must be non-empty")
    needed = {"text": (), "tool_use": ("id", "name", "input"), "tool_result": ("tool_use_id",)}[kind]
    for key in needed:
        if key not in block:
            raise RequestRefused(f"{at}.{kind}.{key}: Field required")


def _check_order(roles: list[str]) -> None:
    if roles[0] != "user":
        raise RequestRefused('messages: first message must use the "user" role')
    for index, (before, role) in enumerate(pairwise(roles), start=1):
        if before == role:
            # The API joins them; our loop never sends them, so here it is a mistake.
            raise RequestRefused(f"messages.{index}: roles must alternate, found {role!r} twice in a row")
    if roles[-1] != "user":
        raise RequestRefused('messages: the last message must use the "user" role: the twin continues no answer')


def _check_results(index: int, messages: list[tuple[str, list[Block]]]) -> None:
    role, blocks = messages[index]
    if role != "user":
        return
    called = _ids(messages[index - 1][1], "tool_use", "id") if index else []
    answered = _ids(blocks, "tool_result", "tool_use_id")
    for identifier in answered:
        if identifier not in called:
            raise RequestRefused(
                f"messages.{index}.content: unexpected `tool_use_id` found in `tool_result` blocks: {identifier}. Each "
                "`tool_result` block must have a corresponding `tool_use` block in the previous message."
            )
    if len(set(answered)) != len(answered):
        raise RequestRefused(f"messages.{index}.content: each tool_use must have a single result")
    if missing := [identifier for identifier in called if identifier not in answered]:
        raise RequestRefused(
            f"messages.{index - 1}: `tool_use` ids were found without `tool_result` blocks immediately after: "
            f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block in the next "
            "message."
        )


def _check_unique(messages: list[tuple[str, list[Block]]]) -> None:
    every = [identifier for _, blocks in messages for identifier in _ids(blocks, "tool_use", "id")]
    if len(set(every)) != len(every):
        raise RequestRefused("messages: `tool_use` ids must be unique")


def _ids(blocks: list[Block], kind: str, key: str) -> list[str]:
    return [str(block[key]) for block in blocks if block["type"] == kind]
