"""What an sftp client asks for and does not take: it waits at the host, and not in the bastion."""

import asyncio
from types import SimpleNamespace
from typing import Any

import asyncssh
import pytest

from access.ssh import files
from access.ssh.files import Files, Handle
from access.ssh.refusals import Refused


class Channel:
    """A client's side that has taken all but so many bytes."""

    def __init__(self) -> None:
        self.unread = 0

    def get_write_buffer_size(self) -> int:
        return self.unread

    def get_connection(self) -> Any:
        return SimpleNamespace(logger=None)

    logger = SimpleNamespace(get_child=lambda *_, **__: None)


class There:
    """A file at the host, which counts how often it is read."""

    def __init__(self) -> None:
        self.read_times = 0

    async def read(self, size: int, offset: int) -> bytes:
        del offset
        self.read_times += 1
        return bytes(size)


def served(channel: Channel, broken: list[Refused]) -> Files:
    log: Any = SimpleNamespace(asked=lambda *_, **__: 1, outcome=lambda *_, **__: None, piece=lambda *_: None)
    nobody: Any = None
    return Files(channel, nobody, log, writes=False, refused=broken.append, broken=broken.append)  # type: ignore[arg-type]


def test_what_is_not_taken_keeps_the_next_read_waiting_until_it_is() -> None:
    async def reads() -> list[int]:
        channel, there = Channel(), There()
        given: Any = there
        serving, handle = served(channel, []), Handle(given, b"/big")
        channel.unread = files.UNREAD_BYTES + 1
        waiting = asyncio.ensure_future(serving.read(handle, 0, 10))
        await asyncio.sleep(3 * files.LOOK_SECONDS)
        before = there.read_times
        channel.unread = 0
        assert await waiting == bytes(10)
        return [before, there.read_times]

    assert asyncio.run(reads()) == [0, 1]


def test_who_asks_for_more_and_takes_nothing_is_out() -> None:
    async def reads() -> list[str]:
        channel, there = Channel(), There()
        given: Any = there
        broken: list[Refused] = []
        serving, handle = served(channel, broken), Handle(given, b"/big")
        channel.unread = files.UNREAD_BYTES + 1
        many = [asyncio.ensure_future(serving.read(handle, 0, 10)) for _ in range(files.MOST_READS)]
        await asyncio.sleep(0)
        assert broken == []
        with pytest.raises(asyncssh.SFTPFailure):
            await serving.read(handle, 0, 10)
        for each in many:
            each.cancel()
        await asyncio.gather(*many, return_exceptions=True)
        # Those who have gone wait no more.
        channel.unread = 0
        assert await serving.read(handle, 0, 10) == bytes(10)
        return [each.reason.value for each in broken]

    assert asyncio.run(reads()) == ["limit"]
