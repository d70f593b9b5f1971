"""The worker's door for agents' tasks: the model, the way to hand in a step, and what commands reach by grants.

A task holds a token that opens this door for that one task, until it is revoked. Its calls of the model are passed on
to the access plane with the token of the task's grant, which never goes the other way; the API's key is not here.
"""

import hmac
import json
import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from access.client import NotReached, Passed, Upstream, forwarded
from agents.door import Reach
from agents.model import DOOR_HEADER
from factory.errors import AccessDenied, MillwrightError
from factory.loopback import Loopback
from factory.usage import Usage

LOG = logging.getLogger("millwright.door")
MESSAGES = "/model/v1/messages"
MODEL_BYTES = 8_000_000
STEP_BYTES = 64_000
TRIES = 2
JSON = "application/json"
ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    500: "api_error",
    502: "api_error",
    503: "api_error",
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

    `model_of` says where a task's calls of the model go; it is told the address that did not answer before ("": none
    was asked), may block, and raises AccessDenied when the task's grant is over. `on_step` commits a step and is called
    again for the same step when a task was killed before it heard the answer; `on_usage` hears what each answer has
    cost, also of one that the task did not hear to its end; it must be quick. `reach_of` says what its commands reach.
    """

    def __init__(
        self,
        model_of: Callable[[str, str], Upstream],
        on_step: Callable[[str, Step], StepAnswer],
        on_usage: Callable[[str, Usage], None],
        reach_of: Callable[[str], Reach] = lambda _: Reach(),
    ) -> None:
        self._model_of = model_of
        self._on_step = on_step
        self._on_usage = on_usage
        self._reach_of = reach_of
        self._tokens: dict[str, str] = {}
        self._lock = threading.Lock()
        routes = [
            Route(MESSAGES, self._guarded(self._model), methods=["POST"]),
            Route("/steps", self._guarded(self._step), methods=["POST"]),
            Route("/reach", self._guarded(self._reach), methods=["POST"]),
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
        self._loopback.start()
        return self.url

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

    async def _reach(self, _: Request, task: str) -> Response:
        # It holds tokens, for the environment of the task's commands.
        return Response((await run_in_threadpool(self._reach_of, task)).model_dump_json(), media_type=JSON)

    async def _model(self, request: Request, task: str) -> Response:
        body = await _body(request, MODEL_BYTES)
        if request.url.query:
            raise _Refused(400, "parameters in the address are not passed on")
        if _user_of(body) != task:
            raise _Refused(403, "metadata.user_id is not the token's task")
        failed = ""
        for _ in range(TRIES):
            upstream = await run_in_threadpool(self._where, task, failed)
            seen = Passed()
            try:
                return await forwarded(upstream, request.headers, body, seen, partial(self._seen, task, seen))
            except NotReached:
                # The access plane may have begun anew, at another address.
                failed = upstream.url
        raise _Refused(502, "the model's relay cannot be reached")

    def _where(self, task: str, failed: str) -> Upstream:
        try:
            return self._model_of(task, failed)
        except AccessDenied as error:
            raise _Refused(403, str(error)) from None
        except MillwrightError as error:
            raise _Refused(503, str(error)) from None

    def _seen(self, task: str, seen: Passed, _: str) -> None:
        if seen.meter.usage != Usage():
            self._on_usage(task, seen.meter.usage)


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
    raise _Refused(
        404, f"{request.method} {request.url.path} is not passed on: POST {MESSAGES}, /steps and /reach alone are"
    )


def _error(status: int, message: str) -> Response:
    body = {"type": "error", "error": {"type": ERROR_TYPES[status], "message": f"the worker's door: {message}"}}
    return JSONResponse(body, status_code=status, headers={DOOR_HEADER: "refused"})
