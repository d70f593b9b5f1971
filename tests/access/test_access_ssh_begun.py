"""One session without a host: its end in the moment of its beginning, and how much of it is kept in memory."""

import asyncio
from typing import Any, cast

import pytest

from access.ssh.files import READ_BYTES, Files, Handle
from access.ssh.limits import Limits
from access.ssh.model import Around, Closed, Grant, Work
from access.ssh.orders import Happened, Open, Target
from access.ssh.refusals import Reason, Refused
from access.ssh.session import Session
from factory.spec import Scope

# Nobody listens there.
TARGET = Target(address="127.0.0.1", port=1, user="x", host_keys=["ssh-ed25519 x"], key="none", certificate="none")
ORDER = Open(grant="g", login="mw-g", target=TARGET, scope=Scope.ADMIN, app="tally", principal="ada")


class Written:
    """A recording that holds how the session ended."""

    def __init__(self) -> None:
        self.how: dict[str, Any] = {}

    def ended(self, **how: Any) -> None:
        self.how = how

    def close(self) -> Closed:
        return Closed("recording", "0")


class Gone:
    """A channel whose client has left."""

    def is_closing(self) -> bool:
        return True

    def get_encoding(self) -> tuple[None, str]:
        return None, "strict"

    def get_read_datatypes(self) -> set[int]:
        return set()

    def get_write_datatypes(self) -> set[int]:
        return set()

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


@pytest.mark.parametrize("steps", [0, 1], ids=["before its first step", "after it"])
def test_a_session_that_is_ended_as_it_begins_is_told_and_keeps_no_place(steps: int) -> None:
    told: list[Happened] = []
    written, grant = Written(), Grant(ORDER)

    async def ends() -> None:
        async def nothing(*_: object) -> str:
            return "0"

        around = Around(Limits(), told.append, lambda *_: Work(written, nothing), lambda *_: None, lambda *_: None)
        session = Session("s", grant, "127.0.0.1:9", around)
        session._chan = cast(Any, Gone())
        grant.sessions.add(session)
        assert session.exec_requested("true")
        session.session_started()
        for _ in range(steps):
            await asyncio.sleep(0)
        session.end(Refused(Reason.ENDED, "the grant has ended"))
        async with asyncio.timeout(60):
            await session.ended

    asyncio.run(ends())
    assert [each.happened for each in told] == ["session_began", "session_ended"]
    assert not grant.sessions
    assert written.how["left"] is False
    if not steps:
        assert written.how["reason"] == "ended"


def test_one_read_is_never_more_than_a_bound_whatever_is_asked_for() -> None:
    asked: list[int] = []

    class File:
        async def read(self, size: int, offset: int) -> bytes:
            asked.append(size)
            return b"x"

    class Taken(Gone):
        def get_write_buffer_size(self) -> int:
            return 0

    async def reads() -> None:
        none = cast(Any, Taken())
        served = Files(none, none, none, writes=False, refused=lambda _: None, broken=lambda _: None)
        for size in (5, 1 << 31):
            assert await served.read(Handle(cast(Any, File()), b"f"), 0, size) == b"x"

    asyncio.run(reads())
    assert asked == [5, READ_BYTES]
