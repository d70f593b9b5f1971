"""The worker's door for agents' tasks: the model without its key, and the way to hand in a step.

A task holds a token that opens this door for that one task, until it is revoked. The key of the model's API stays in
the worker: it is put into the request here, and never goes the other way.
"""

import hmac
import json
import logging
import secrets
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx2
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from agents.loopback import Loopback
from agents.model import DOOR_HEADER, SCRIPT_HEADER
from agents.prices import Usage
from pipeline.usage_meter import UsageMeter

LOG = logging.getLogger("millwright.door")
MESSAGES = "/model/v1/messages"
MODEL_BYTES = 8_000_000
STEP_BYTES = 64_000
# Longer than any task's patience: the task decides when a silence is a hang.
UPSTREAM_SECONDS = 660.0
CONNECT_SECONDS = 10.0
# What the API needs of a request, and what it tells about an answer; the rest stays on its side of the door.
PASSED_UP = ("content-type", "accept", "anthropic-version", SCRIPT_HEADER)
PASSED_DOWN = ("content-type", "request-id", "retry-after", "retry-after-ms", "x-should-retry", "x-millwright-twin")
ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    500: "api_error",
    502: "api_error",
}


class Step(BaseModel):
    """One step that a task hands in: the same number again is the same step."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str = Field(max_length=300)
    step: int = Field(ge=1, le=10_000)
    tools: list[str] = Field(max_length=200)
    summary: str = Field(max_length=1_000)


@dataclass(frozen=True)
class StepAnswer:
    """What became of a step: its commit (None: nothing had changed), or why it was refused, for the model to read."""

    commit: str | None = None
    problems: tuple[str, ...] = ()


class _Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class TaskDoor:
    """One worker's door, on loopback.

    `upstream_key` gives the API's key (None: the upstream needs none); `on_step` commits a step and is called again
    for the same step when a task was killed before it heard the answer; `on_usage` hears what each answer has cost,
    also of one that the task did not hear to its end. It must be quick.
    """

    def __init__(
        self,
        upstream_url: str,
        upstream_key: Callable[[], str | None],
        on_step: Callable[[str, Step], StepAnswer],
        on_usage: Callable[[str, Usage], None],
    ) -> None:
        self._upstream = upstream_url.rstrip("/")
        self._key = upstream_key
        self._on_step = on_step
        self._on_usage = on_usage
        self._tokens: dict[str, str] = {}
        self._lock = threading.Lock()
        routes = [
            Route(MESSAGES, self._guarded(self._model), methods=["POST"]),
            Route("/steps", self._guarded(self._step), methods=["POST"]),
            Route("/{path:path}", self._guarded(_unknown), methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ]
        app = Starlette(routes=routes)
        # A path that is nearly right is wrong.
        app.router.redirect_slashes = False
        self._loopback = Loopback(app)

    @property
    def url(self) -> str:
        """Where tasks find it."""
        return self._loopback.url

    def start(self) -> str:
        """Open it. Returns its address."""
        return self._loopback.start()

    def stop(self) -> None:
        """Close it; every token is dead."""
        with self._lock:
            self._tokens.clear()
        self._loopback.stop()

    def issue(self, task: str) -> str:
        """A new token for one task; one that the task had before is dead."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._tokens[task] = token
        return token

    def revoke(self, task: str) -> None:
        """The task's token opens nothing any more."""
        with self._lock:
            self._tokens.pop(task, None)

    def _task_of(self, request: Request) -> str:
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        given = (request.headers.get("x-api-key") or bearer).encode()
        found = None
        with self._lock:
            # All are compared, whichever matches: how long it takes tells nothing.
            for task, token in self._tokens.items():
                if hmac.compare_digest(token.encode(), given):
                    found = task
        if found is None:
            raise _Refused(401, "the token is not valid (any more)")
        return found

    def _guarded(self, serve: Callable[[Request, str], Any]) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            try:
                served: Response = await serve(request, self._task_of(request))
            except _Refused as refusal:
                return _error(refusal.status, str(refusal))
            return served

        return answer

    async def _step(self, request: Request, task: str) -> Response:
        try:
            step = Step.model_validate_json(await _body(request, STEP_BYTES))
        except ValidationError as error:
            raise _Refused(400, f"not a step: {error.errors(include_url=False, include_input=False)}") from None
        if step.task != task:
            raise _Refused(403, "the token is another task's")
        try:
            answer = await run_in_threadpool(self._on_step, task, step)
        except Exception:  # a bug, or a repository that is gone: the worker's log has it, the task ends and can go on
            LOG.exception("%s: step %s could not be taken", task, step.step)
            raise _Refused(500, "the step could not be taken; the worker's log says why") from None
        if answer.problems:
            return JSONResponse({"problems": list(answer.problems)}, status_code=409)
        return JSONResponse({"commit": answer.commit})

    async def _model(self, request: Request, task: str) -> Response:
        body = await _body(request, MODEL_BYTES)
        if request.url.query:
            raise _Refused(400, "parameters in the address are not passed on")
        if _user_of(body) != task:
            raise _Refused(403, "metadata.user_id is not the token's task")
        headers = {name: request.headers[name] for name in PASSED_UP if name in request.headers}
        if key := self._key():
            headers["x-api-key"] = key
        client = httpx2.AsyncClient(
            verify=_trust(),
            trust_env=False,
            timeout=httpx2.Timeout(UPSTREAM_SECONDS, connect=CONNECT_SECONDS),
            follow_redirects=False,
        )
        try:
            sent = client.build_request("POST", f"{self._upstream}/v1/messages", content=body, headers=headers)
            answer = await client.send(sent, stream=True)
        except httpx2.HTTPError as error:
            await client.aclose()
            # Its class alone: a message may quote what was sent.
            raise _Refused(502, f"the model's API cannot be reached: {type(error).__name__}") from None
        except BaseException:
            await client.aclose()
            raise
        passed = {name: answer.headers[name] for name in PASSED_DOWN if name in answer.headers}
        return StreamingResponse(self._relayed(client, answer, task), answer.status_code, passed)

    async def _relayed(self, client: httpx2.AsyncClient, answer: httpx2.Response, task: str) -> AsyncIterator[bytes]:
        """The answer's bytes as they come. When it breaks, so does ours: the task must not take half for whole."""
        meter = UsageMeter()
        try:
            async for piece in answer.aiter_bytes():
                meter.feed(piece)
                yield piece
        finally:
            # Before anything is waited for: when the task is gone, this is cancelled at the next wait.
            if meter.usage != Usage():
                self._on_usage(task, meter.usage)
            await answer.aclose()
            await client.aclose()


@cache
def _trust() -> ssl.SSLContext:
    # Once: reading every authority's certificate is most of the work of a request.
    return httpx2.create_ssl_context(trust_env=False)


async def _body(request: Request, limit: int) -> bytes:
    held = bytearray()
    async for piece in request.stream():
        held += piece
        if len(held) > limit:
            raise _Refused(413, f"more than {limit} bytes")
    return bytes(held)


def _user_of(body: bytes) -> str | None:
    try:
        user = json.loads(body)["metadata"]["user_id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return user if isinstance(user, str) else None


async def _unknown(request: Request, task: str) -> Response:
    del task
    raise _Refused(404, f"{request.method} {request.url.path} is not passed on: POST {MESSAGES} and /steps alone are")


def _error(status: int, message: str) -> Response:
    body = {"type": "error", "error": {"type": ERROR_TYPES[status], "message": f"the worker's door: {message}"}}
    return JSONResponse(body, status_code=status, headers={DOOR_HEADER: "refused"})
