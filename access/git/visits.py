"""What is done for one request: git's refs told, objects fetched, or a push judged, recorded, and only then taken."""

import asyncio
import contextlib
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Send

from access.git import pktline
from access.git.judging import judge
from access.git.limits import Limits
from access.git.pktline import Command, Push
from access.git.programs import JUDGED, command, output, parts, require_checked, running, tip_of
from access.git.refusals import Reason, Refused
from access.git.session import Guest
from access.git.spool import digest_from, spooled

NOT_CACHED: Final = {"cache-control": "no-cache, max-age=0, must-revalidate"}
# Git is told of no second version: by it a client is given every object it can name, on a branch or not.
FIRST_PROTOCOL: Final[dict[str, str]] = {}
WANTS_TOLD: Final = 20
WORDS_CHARACTERS: Final = 400
TAIL_BYTES: Final = 2000
# Of what git answers when what unpacks a push has died.
UNPACKER: Final = "unpacker error"


@dataclass(frozen=True)
class Visit:
    """One request of one guest."""

    guest: Guest
    request: Request
    client: str
    service: str
    spool: Path
    limits: Limits

    def line(self, *, advertise: bool) -> list[str]:
        """The command line of what serves it."""
        return command(self.service, self.guest.order.repository, self.limits, advertise=advertise)

    async def answer(self, content: bytes, kind: str, send: Send) -> None:
        """Answer with this; `kind` is `advertisement` or `result`."""
        response = Response(content, headers=NOT_CACHED, media_type=f"application/x-git-{self.service}-{kind}")
        await response(self.request.scope, self.request.receive, send)


async def advertised(visit: Visit, send: Send) -> None:
    """Tell the refs, and what git can do. Raises Refused."""
    began = time.monotonic()
    number = visit.guest.record("refs", visit.client, service=visit.service)
    with _said() as said:
        async with (
            asyncio.timeout(visit.limits.apply_seconds),
            running(visit.line(advertise=True), said, FIRST_PROTOCOL, subprocess.DEVNULL) as git,
        ):
            told = await output(git, visit.limits.want_bytes)
    visit.guest.outcome(number, began, "", tags=[f"{len(told)} bytes"])
    first = pktline.packet(b"# service=git-%s\n" % visit.service.encode()) + pktline.FLUSH
    await visit.answer(first + told, "advertisement", send)


async def fetched(visit: Visit, send: Send) -> None:
    """Send objects. Raises Refused."""
    began, limits = time.monotonic(), visit.limits
    async with spooled(visit.request, visit.spool, limits.want_bytes, limits.upload_seconds) as asks:
        asked = asks.read()
        asks.seek(0)
        number = visit.guest.record("fetch", visit.client, **pktline.wants_of(asked, WANTS_TOLD))
        sent, code = 0, ""
        with _said() as said:
            async with (
                asyncio.timeout(limits.fetch_seconds),
                running(visit.line(advertise=False), said, FIRST_PROTOCOL, asks) as git,
            ):
                headers = [(b"content-type", b"application/x-git-upload-pack-result"), (b"cache-control", b"no-cache")]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                try:
                    async for part in parts(git):
                        sent += len(part)
                        await send({"type": "http.response.body", "body": part, "more_body": True})
                except Refused as why:
                    # As git's own http-backend: what was sent is an answer, and git sees itself whether it is whole.
                    code = why.reason.value
    visit.guest.outcome(number, began, code, tags=[f"{sent} bytes"])
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def pushed(visit: Visit, send: Send) -> None:
    """Judge a push, write it down, and have git take it. Raises Refused."""
    limits = visit.limits
    async with spooled(visit.request, visit.spool, limits.push_bytes, limits.upload_seconds) as body:
        push = pktline.read_push(body.read(limits.command_bytes))
        if not push.commands:
            # Git asks so whether it is let in, before it sends something large.
            await visit.answer(b"", "result", send)
            return
        answer = await _judged(visit, push, body)
    await visit.answer(answer, "result", send)


async def _judged(visit: Visit, push: Push, body: IO[bytes]) -> bytes:
    """What came of it, as git tells it."""
    guest, first = visit.guest, push.commands[0]
    pack, size = await asyncio.to_thread(digest_from, body, push.pack_at)
    told: dict[str, Any] = {"ref": first.ref, "old": first.old, "new": first.new, "pack": pack, "size": size}
    try:
        one = judge(push.commands, guest.order.branches)
        require_checked(guest.order.repository)
    except Refused as why:
        number = guest.record("push", visit.client, refused=why.detail, **told)
        guest.outcome(number, time.monotonic(), why.reason.value)
        guest.happened("git_refused", visit.client, reason=why.reason.value, detail=why.detail, **told)
        return pktline.refusal(push, why.detail)
    try:
        number = guest.record("push", visit.client, **told)
    except Refused as why:
        guest.happened("git_refused", visit.client, reason=why.reason.value, detail=why.detail, **told)
        return pktline.refusal(push, why.detail)
    return await _taken(visit, one, body, number, told) or pktline.refusal(push, "it was not taken; see the door's log")


async def _taken(visit: Visit, one: Command, body: IO[bytes], number: int, told: dict[str, Any]) -> bytes:
    """Have git take it, and its answer; empty when it gave none. Killed, with all it started, when the grant ends."""
    limits, began, answer = visit.limits, time.monotonic(), b""
    code, detail = Reason.ENDED.value, "it was ended in the middle"
    try:
        with _said() as said:
            async with (
                asyncio.timeout(limits.apply_seconds),
                running(visit.line(advertise=False), said, {JUDGED: one.line()}, body) as git,
            ):
                answer = await output(git, limits.answer_bytes)
        why = pktline.status_of(answer, one.ref)
        code, detail = (Reason.DECLINED.value, f"{why}: {_words(answer, why)}") if why else ("", "")
    except TimeoutError:
        code, detail = Reason.LIMIT.value, "git took too long"
    except Refused as refused:
        code, detail = refused.reason.value, refused.detail
    finally:
        # A branch moves at once or not at all; where it is says which, also when git was killed before it could.
        unsure = code not in ("", Reason.DECLINED)
        if unsure and tip_of(visit.guest.order.repository, one.ref) == one.new != one.old:
            code = ""
        _settle(visit, number, began, code, told if not code else {**told, "detail": detail})
    return answer


def _words(answer: bytes, why: str) -> str:
    said = pktline.words_of(answer, WORDS_CHARACTERS)
    return said or ("git did not get through it within its bounds" if why == UNPACKER else "")


def _settle(visit: Visit, number: int, began: float, code: str, told: dict[str, Any]) -> None:
    """Tell what came of a push; then write it down, which may fail when it is too late to refuse anything."""
    if code:
        visit.guest.happened("git_refused", visit.client, reason=code, **told)
    else:
        visit.guest.happened("git_pushed", visit.client, **told)
    with contextlib.suppress(Refused):
        visit.guest.outcome(number, began, code, tags=[] if code else ["taken"])


class _said:  # noqa: N801 -- used as a context manager's function
    """Where git's words to the operator go: the end of them into the door's log."""

    def __enter__(self) -> IO[bytes]:
        self._file = tempfile.TemporaryFile()
        return self._file

    def __exit__(self, *_: object) -> None:
        self._file.seek(0)
        if words := self._file.read(TAIL_BYTES):
            sys.stderr.write(words.decode(errors="replace"))
        self._file.close()
