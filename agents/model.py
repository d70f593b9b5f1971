"""One call of the model by the official SDK: its answer as plain data, and few errors for all that can go wrong."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agents.brief import TaskBrief
from agents.door import Door, DoorClosed
from factory.usage import Usage

# The SDK's own default; it waits longer each time, or as long as the API asks.
RETRIES = 2
# The API sends pings into a stream while the model is at work, so a longer silence is a hang.
SILENCE_SECONDS = 60.0
CONNECT_SECONDS = 5.0
# A header that only the twin reads; the API ignores what it does not know.
SCRIPT_HEADER = "x-millwright-script"
# The door's own refusals carry it, so that they are not taken for the API's.
DOOR_HEADER = "x-millwright-door"
SCRIPTED_ID = "msg_scripted_"
UNAUTHORIZED = 401


@dataclass(frozen=True)
class Answer:
    """What the model said. `scripted`: it came from an authored script, and nobody is charged."""

    content: list[dict[str, Any]]
    stop: str
    usage: Usage
    scripted: bool


class ModelFailed(Exception):
    """The model cannot be asked; the message says why."""


class StreamBroken(Exception):
    """The answer began and did not end. `usage` is what it has cost all the same."""

    def __init__(self, message: str, usage: Usage) -> None:
        super().__init__(message)
        self.usage = usage


class Model:
    """The Messages API behind the worker's door, for one task."""

    def __init__(self, brief: TaskBrief, door: Door, silence_seconds: float = SILENCE_SECONDS) -> None:
        # Late: over a second, which nothing else that imports this room should pay.
        import anthropic

        self._brief = brief
        self._silence = silence_seconds
        self._client = anthropic.Anthropic(
            api_key=door.token,
            base_url=door.model_url,
            max_retries=RETRIES,
            default_headers={SCRIPT_HEADER: brief.script},
            # Loopback: whatever proxy the environment names has no business with it.
            http_client=anthropic.DefaultHttpxClient(trust_env=False),
        )

    def ask(self, request: dict[str, Any], seconds: float, clock: Callable[[], float] = time.monotonic) -> Answer:
        """The answer to a request (a body of the Messages API), within `seconds`.

        Raises ModelFailed, StreamBroken, DoorClosed.
        """
        import anthropic
        import httpx2

        # The SDK may try so often, and every try may be silent as long as this.
        silence = max(min(self._silence, seconds / (RETRIES + 1)), 0.5)
        timeout = anthropic.Timeout(silence, connect=CONNECT_SECONDS)
        deadline = clock() + seconds
        seen = Usage()
        begun = False
        try:
            with self._client.messages.stream(
                **request, metadata={"user_id": self._brief.task}, timeout=timeout
            ) as stream:
                begun = True
                for event in stream:
                    if event.type == "message_start":
                        seen = usage_of(event.message.usage)
                    if clock() > deadline:
                        raise StreamBroken("the answer took longer than the task may", seen)
                message = stream.get_final_message()
        except anthropic.APIStatusError as error:
            if begun:
                raise StreamBroken(f"the stream ended with an error: {error}", seen) from None
            raise _named(error.status_code, error.message, error.response.headers) from None
        except anthropic.APITimeoutError:
            raise ModelFailed(f"the model was silent for {silence:g} s, {RETRIES + 1} times running") from None
        except anthropic.APIConnectionError as error:
            raise DoorClosed(f"the worker does not answer: {error.__cause__ or error}") from None
        except (httpx2.HTTPError, ValueError, AssertionError) as error:
            # What the SDK does not wrap: the connection broke within a stream, or what came was no JSON.
            raise StreamBroken(f"the stream broke: {type(error).__name__}: {error}", seen) from None
        return _answer(message)


def usage_of(usage: Any) -> Usage:
    """The API's usage as ours."""
    return Usage(
        input=usage.input_tokens or 0,
        output=usage.output_tokens or 0,
        cache_written=usage.cache_creation_input_tokens or 0,
        cache_read=usage.cache_read_input_tokens or 0,
    )


def _answer(message: Any) -> Answer:
    if message.stop_reason is None:
        raise StreamBroken("the stream ended before the answer did", usage_of(message.usage))
    content = [block for each in message.content if (block := _block(each)) is not None]
    return Answer(content, message.stop_reason, usage_of(message.usage), message.id.startswith(SCRIPTED_ID))


def _block(block: Any) -> dict[str, Any] | None:
    """A block as it is sent back with the next request; the API refuses empty texts there."""
    if block.type == "text":
        return {"type": "text", "text": block.text} if block.text.strip() else None
    if block.type == "tool_use":
        return {"type": "tool_use", "id": block.id, "name": block.name, "input": block.input}
    # The model's thinking goes back exactly as it came, or the API refuses the conversation.
    whole: dict[str, Any] = block.to_dict(mode="json")
    return whole


def _named(status: int, message: str, headers: Any) -> Exception:
    if status == UNAUTHORIZED and DOOR_HEADER in headers:
        return DoorClosed("the task's token is not valid any more")
    return ModelFailed(f"the model's API answered {status}: {message}")
