"""The relay's door: the Messages API on loopback, for who holds a grant's token. The key is put in here.

What is asked is written down before it is sent; what cannot be is not sent. When a grant is cut, its calls end at once,
in the middle of an answer too.
"""

import asyncio
import json
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Collection
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from access.grants import Grant
from access.grants.model import digest
from access.messages.calls import Call, Calls, Tell
from access.messages.forwarding import MESSAGES, NotReached, Upstream, forwarded
from access.postgres.refusals import Refused as NotRecorded
from factory.errors import MillwrightError
from factory.loopback import Loopback
from factory.paths import FactoryRoot

LOG = logging.getLogger("millwright.access")
BODY_BYTES: Final = 8_000_000
# Of one grant at a time: a task's loop makes one, and each is taken in whole.
TOGETHER: Final = 16
CUT_SECONDS: Final = 1.0
MODEL_CHARACTERS: Final = 100
# Of the relay's own refusals, so that they are not taken for the API's.
RELAY_HEADER: Final = "x-millwright-relay"
ERROR_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    502: "api_error",
    503: "api_error",
}


class _Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class _Open:
    """A grant whose holder is let in. `tasks` are its calls under way; `over` says why nothing passes any more."""

    grant: Grant
    calls: Calls
    ends_at: float
    tasks: set["asyncio.Task[Any]"] = field(default_factory=set)
    over: str = ""


class ModelRelay:
    """Serves it, from `start` on. Grants are opened and cut by other threads.

    `refuse` tells that somebody came with a token that opens nothing here (its digest, and why); it may block.
    `upstream` raises MillwrightError while there is nothing to ask.
    """

    def __init__(
        self,
        root: FactoryRoot,
        upstream: Callable[[], Upstream],
        tell: Tell,
        refuse: Callable[[str, str], None],
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._root, self._upstream, self._tell, self._refuse, self._ticks = root, upstream, tell, refuse, ticks
        self._open: dict[str, _Open] = {}
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        routes = [
            Route(MESSAGES, self._guarded(self._messages), methods=["POST"]),
            Route("/{path:path}", self._guarded(_unknown), methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ]
        app = Starlette(routes=routes)
        # A path that is nearly right is wrong.
        app.router.redirect_slashes = False
        self._loopback = Loopback(app)
        self._loopback.start()

    @property
    def url(self) -> str:
        """Where it is served."""
        return self._loopback.url

    def open(self, grant: Grant, seconds: float) -> None:
        """Let a grant's holder in, for so long at most."""
        opened = _Open(grant, Calls(self._root, grant, self._tell), self._ticks() + seconds)
        with self._lock:
            self._open[grant.token_digest] = opened

    def serves(self, grant: Grant) -> bool:
        """Whether its holder is let in."""
        return grant.token_digest in self._open

    def cut(self, grants: Collection[Grant]) -> None:
        """Let nobody in any more by these, and end their calls; by then their recordings are closed.

        Raises MillwrightError when calls do not end in time.
        """
        with self._lock:
            ending = [opened for grant in grants if (opened := self._open.pop(grant.token_digest, None))]
            for opened in ending:
                reason = next(each.ended_reason for each in grants if each.id == opened.grant.id)
                opened.over = reason or "it has ended"
        self._end(ending)

    def close(self) -> None:
        """Let nobody in any more, and end."""
        with self._lock:
            ending = list(self._open.values())
            self._open.clear()
            for opened in ending:
                opened.over = "the relay ends"
        self._end(ending)
        self._loopback.stop()

    def _end(self, ending: list[_Open]) -> None:
        if not ending or self._loop is None:
            # Nobody has asked for anything yet.
            return
        done = asyncio.run_coroutine_threadsafe(_ended(ending), self._loop)
        try:
            done.result(2 * CUT_SECONDS)
        except NotInTime:
            raise MillwrightError("calls of the model do not end") from None

    def _guarded(self, serve: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            self._loop = asyncio.get_running_loop()
            try:
                return await serve(request)
            except _Refused as refusal:
                return _error(refusal.status, str(refusal))

        return answer

    async def _messages(self, request: Request) -> Response:
        opened = await self._let_in(request)
        if (task := asyncio.current_task()) is None:
            raise RuntimeError("a request is a task of its loop")
        if len(opened.tasks) >= TOGETHER:
            raise _Refused(429, f"the grant has {TOGETHER} calls under way already")
        opened.tasks.add(task)
        task.add_done_callback(opened.tasks.discard)
        try:
            return await self._passed_on(opened, request)
        except asyncio.CancelledError:
            if not opened.over:
                raise
            # It was cut before anything came back.
            task.uncancel()
            raise _Refused(403, f"the grant is over: {opened.over}") from None

    async def _let_in(self, request: Request) -> _Open:
        """The grant of the token that comes with a request. Raises _Refused, which is told."""
        told = digest(request.headers.get("x-api-key") or "")
        # By its digest: how long it takes to find tells nothing of a token.
        with self._lock:
            opened = self._open.get(told)
        if opened is None:
            await run_in_threadpool(self._refuse, told, "a call of the model by a token that opens nothing (any more)")
            raise _Refused(401, "the token opens nothing (any more)")
        await self._require_time(opened)
        return opened

    async def _require_time(self, opened: _Open) -> None:
        """Raises _Refused, which is told: the grant's time is over, and nobody has cut it off yet."""
        if self._ticks() >= opened.ends_at:
            why = "a call of the model after the grant's hard limit"
            await run_in_threadpool(self._refuse, opened.grant.token_digest, why)
            raise _Refused(401, "the token opens nothing any more: the grant's time is over")

    async def _passed_on(self, opened: _Open, request: Request) -> Response:
        body = await _body(request)
        if request.url.query:
            raise _Refused(400, "parameters in the address are not passed on")
        model, user = _asked(body)
        if user != opened.grant.task:
            why = "a call of the model for another task"
            await run_in_threadpool(self._refuse, opened.grant.token_digest, why)
            raise _Refused(403, "metadata.user_id is not the grant's task")
        if opened.over:
            raise _Refused(403, f"the grant is over: {opened.over}")
        # Once more: a body may take its time, and what was stopped reads before anybody cuts it off.
        await self._require_time(opened)
        try:
            upstream = self._upstream()
            call = opened.calls.ask(model, body)
        except MillwrightError as error:
            raise _Refused(503, str(error)) from None
        except NotRecorded:
            raise _Refused(503, "the call cannot be recorded, so it is not made") from None
        try:
            return await forwarded(upstream, request.headers, body, call.seen, partial(_noted, opened, call))
        except NotReached as error:
            raise _Refused(502, str(error)) from None


def _noted(opened: _Open, call: Call, why: str) -> None:
    try:
        opened.calls.answered(call, (opened.over or why) if why else "")
    except NotRecorded:
        # What was asked is written down; nothing more is asked until something can be written again.
        LOG.error("what came of a call of grant %s is not recorded", opened.grant.id)  # noqa: TRY400 -- as above


async def _ended(ending: list[_Open]) -> None:
    """Their calls, at once; then their recordings."""
    tasks = [task for opened in ending for task in opened.tasks]
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=CUT_SECONDS)
    for opened in ending:
        try:
            opened.calls.close(opened.over)
        except NotRecorded:
            LOG.error("the end of the recording of grant %s is not written", opened.grant.id)  # noqa: TRY400 -- as above


async def _body(request: Request) -> bytes:
    held = bytearray()
    async for piece in request.stream():
        held += piece
        if len(held) > BODY_BYTES:
            raise _Refused(413, f"more than {BODY_BYTES} bytes")
    return bytes(held)


def _asked(body: bytes) -> tuple[str, str | None]:
    """Of a request: the model that is asked, and for whom."""
    try:
        said = json.loads(body)
        model, user = said["model"], said["metadata"]["user_id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return "", None
    return str(model)[:MODEL_CHARACTERS], user if isinstance(user, str) else None


async def _unknown(request: Request) -> Response:
    raise _Refused(404, f"{request.method} {request.url.path} is not passed on: POST {MESSAGES} alone is")


def _error(status: int, message: str) -> Response:
    body = {"type": "error", "error": {"type": ERROR_TYPES[status], "message": f"the model's relay: {message}"}}
    return JSONResponse(body, status_code=status, headers={RELAY_HEADER: "refused"})
