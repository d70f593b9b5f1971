"""The twin's HTTP side: `POST /v1/messages` of one address on loopback."""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from agents.model import SCRIPT_HEADER
from agents.twin import answers
from agents.twin.play import Played, address, play
from agents.twin.requests import Asked, RequestRefused, checked
from agents.twin.scripts import Fault, load_script
from factory.errors import InputError
from factory.loopback import Loopback

# The API's own bound is 32 MB.
MOST_BYTES = 32_000_000
HANG_SECONDS = 600.0
# A stream that breaks has begun: this many of its events come.
BEFORE_BREAK = 3


class Twin:
    """Plays the scripts below `apps` on loopback. Which turn comes next is read from each request, so it has no
    memory, except of the faults that it has injected (once each per task and turn)."""

    def __init__(self, apps: Path, port: int = 0) -> None:
        self._apps = apps
        self._injected: Counter[tuple[str, int]] = Counter()
        self._lock = threading.Lock()
        routes = [Route("/v1/messages", self._messages, methods=["POST"]), Route("/{path:path}", _unknown)]
        self._loopback = Loopback(Starlette(routes=routes), port)

    @property
    def url(self) -> str:
        """Where it listens."""
        return self._loopback.url

    def start(self) -> str:
        """Answer from now on. Returns the address, which takes the API's paths."""
        self._loopback.start()
        return self.url

    def stop(self) -> None:
        """Answer no more."""
        self._loopback.stop()

    async def _messages(self, request: Request) -> Response:
        raw = await request.body()
        if len(raw) > MOST_BYTES:
            return _error(413, f"the request has {len(raw)} bytes, at most {MOST_BYTES} are taken")
        try:
            asked = _parsed(raw)
            header = request.headers.get(SCRIPT_HEADER)
            played = self._played(header, asked)
        except RequestRefused as error:
            return _error(400, str(error))
        task = f"{header}\0{(asked.body.get('metadata') or {}).get('user_id')}"
        if fault := self._next_fault(task, played):
            return await _faulty(fault, played, asked, task)
        whole = answers.message(played.branch, asked.body, task, played.turn)
        if asked.body.get("stream"):
            return _stream(answers.events(whole))
        return JSONResponse(whole, headers=answers.LABEL)

    def _played(self, header: str | None, asked: Asked) -> Played:
        wanted = address(header)
        path = wanted.path(self._apps)
        if not path.is_file():
            raise RequestRefused(f"{path}: there is no such script, and the twin answers nothing else")
        try:
            # Read for each request: a script that was mended is played at once.
            script = load_script(path)
        except InputError as error:
            raise RequestRefused(error.rendered()) from None
        return play(script, str(path), wanted.attempt, asked)

    def _next_fault(self, task: str, played: Played) -> Fault | None:
        with self._lock:
            done = self._injected[task, played.turn]
            if done >= len(played.branch.faults):
                return None
            self._injected[task, played.turn] += 1
        return played.branch.faults[done]


def _parsed(raw: bytes) -> Asked:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise RequestRefused(f"the request is no JSON: {error}") from None
    return checked(body)


async def _faulty(fault: Fault, played: Played, asked: Asked, task: str) -> Response:
    if fault == "hang":
        await asyncio.sleep(HANG_SECONDS)
        return _error(500, "the injected hang is over")
    if fault == "broken":
        whole = answers.message(played.branch, asked.body, task, played.turn)
        return _stream(list(answers.events(whole))[:BEFORE_BREAK], breaks=True)
    return _error(fault, f"injected by the script, turn {played.turn}")


def _stream(parts: Iterable[str], *, breaks: bool = False) -> Response:
    async def sent() -> AsyncIterator[str]:
        for part in parts:
            yield part
            await asyncio.sleep(0)
        if breaks:
            # The server closes the connection in the middle of the body.
            raise ConnectionResetError("injected by the script")

    return StreamingResponse(sent(), media_type="text/event-stream", headers=answers.LABEL)


def _error(status: int, text: str) -> Response:
    return JSONResponse(answers.error(status, text), status_code=status, headers=answers.LABEL)


async def _unknown(request: Request) -> Response:
    return _error(404, f"the twin answers POST /v1/messages alone, not {request.method} {request.url.path}")
