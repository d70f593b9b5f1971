"""One call of the Messages API passed on: what of it goes up, what comes down, and how it ended."""

import hashlib
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import httpx2
from starlette.responses import Response, StreamingResponse

from factory.usage import UsageMeter

MESSAGES: Final = "/v1/messages"
# Longer than any task's patience: the task decides when a silence is a hang.
UPSTREAM_SECONDS: Final = 660.0
CONNECT_SECONDS: Final = 10.0
# What the API needs of a request, and what it tells about an answer; the rest stays on its side of the relay.
PASSED_UP: Final = ("content-type", "accept", "anthropic-version", "x-millwright-script")
PASSED_DOWN: Final = (
    "content-type",
    "request-id",
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
    "x-millwright-twin",
)


@dataclass(frozen=True)
class Upstream:
    """Where the Messages API is found, and what is told there as its key; None: it needs none."""

    url: str
    key: str | None


@dataclass
class Passed:
    """What has come of an answer so far; `status` is 0 while none has begun."""

    status: int = 0
    received: int = 0
    meter: UsageMeter = field(default_factory=UsageMeter)
    hashed: Any = field(default_factory=hashlib.sha256)

    def feed(self, piece: bytes) -> None:
        """Take the next bytes."""
        self.received += len(piece)
        self.hashed.update(piece)
        self.meter.feed(piece)


class NotReached(Exception):
    """The API did not answer."""


async def forwarded(
    upstream: Upstream, headers: Mapping[str, str], body: bytes, seen: Passed, noted: Callable[[str], None]
) -> Response:
    """The API's answer, as it comes. `noted` hears once how it ended: why it broke, or "". Raises NotReached."""
    told = {name: headers[name] for name in PASSED_UP if name in headers}
    if upstream.key:
        told["x-api-key"] = upstream.key
    client = httpx2.AsyncClient(
        verify=_trust(),
        trust_env=False,
        timeout=httpx2.Timeout(UPSTREAM_SECONDS, connect=CONNECT_SECONDS),
        follow_redirects=False,
    )
    try:
        sent = client.build_request("POST", f"{upstream.url}{MESSAGES}", content=body, headers=told)
        answer = await client.send(sent, stream=True)
    except BaseException as error:
        noted(type(error).__name__)
        await client.aclose()
        if isinstance(error, httpx2.HTTPError):
            # Its class alone: a message may quote what was sent.
            raise NotReached(f"the model's API cannot be reached: {type(error).__name__}") from None
        raise
    seen.status = answer.status_code
    passed = {name: answer.headers[name] for name in PASSED_DOWN if name in answer.headers}
    return StreamingResponse(_relayed(client, answer, seen, noted), answer.status_code, passed)


async def _relayed(
    client: httpx2.AsyncClient, answer: httpx2.Response, seen: Passed, noted: Callable[[str], None]
) -> AsyncIterator[bytes]:
    """The answer's bytes as they come. When it breaks, so does ours: the task must not take half for whole."""
    why = "whoever asked went"
    try:
        async for piece in answer.aiter_bytes():
            seen.feed(piece)
            yield piece
        why = ""
    except httpx2.HTTPError as error:
        why = type(error).__name__
        raise
    finally:
        # Before anything is waited for: when the task is gone, this is cancelled at the next wait.
        noted(why)
        await answer.aclose()
        await client.aclose()


@cache
def _trust() -> ssl.SSLContext:
    # Once: reading every authority's certificate is most of the work of a request.
    return httpx2.create_ssl_context(trust_env=False)
