"""What somebody with a grant for a repository, or without one, tries beyond it; beside each what they may do."""

import asyncio
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from git_door_place import BRANCH, Door, door_place
from test_access_git_refused import Raw

from access.certificates import certificate
from access.git.front import Front
from access.git.limits import Limits
from access.git.orders import Begin
from access.git.pktline import FLUSH, packet
from access.grants import State
from factory.spec import Scope

FETCH = {"content-type": "application/x-git-upload-pack-request", "git-protocol": "version=2"}


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with door_place(tmp_path_factory.mktemp("git")) as made:
        yield made


def test_a_change_that_is_called_every_change_opens_nothing(door: Door) -> None:
    asked = door.place.ask(resource="repository", scope=Scope.WRITE, change="*")
    door.look()
    assert door.place.state(asked.grant) is not State.ACTIVE
    assert door.given().grant.provider_ref == BRANCH


def test_an_object_of_no_branch_is_given_to_nobody_and_what_is_given_is_told(door: Door) -> None:
    given, folder = door.given(), str(door.repository.folder)
    raw, tip = Raw(door, given), door.repository.head()
    tree = door.run("--git-dir", folder, "rev-parse", "main^{tree}").stdout.strip()
    lost = door.run("--git-dir", folder, "commit-tree", "-m", "lost", tree).stdout.strip()
    where = f"{raw.base}/tally.git/git-upload-pack"
    second = packet(b"command=fetch") + packet(b"agent=command=ls-refs") + b"0001"
    for body in (
        second + packet(b"want " + lost.encode()) + packet(b"done") + FLUSH,
        packet(b"want " + lost.encode() + b" ofs-delta\n") + FLUSH + packet(b"done\n"),
    ):
        with raw.client.stream("POST", where, content=body, headers=FETCH) as answer:
            try:
                content = b"".join(answer.iter_bytes())
            except httpx2.RemoteProtocolError as error:  # it breaks off: git has ended badly
                content = str(error).encode()
        assert b"PACK" not in content
    taken = packet(b"want " + tip.upper().encode() + b" ofs-delta\n") + FLUSH + packet(b"done\n")
    assert b"PACK" in raw.client.post(where, content=taken, headers=FETCH).content
    (session,) = door.recorded(given.grant)
    assert any(tip[:12] in each.text for each in session.said)


def test_who_is_not_let_in_keeps_no_connection_by_sending_on(door: Door, tmp_path: Path) -> None:
    about = certificate(door.place.root.access, datetime.now(UTC))
    begin = Begin(recordings=tmp_path, spool=tmp_path, certificate=about.certificate, key=about.key)

    async def left() -> bytes:
        front = Front(begin, Limits(), lambda _: None)
        context = ssl.create_default_context(cafile=str(about.certificate))
        reader, writer = await asyncio.open_connection("127.0.0.1", front.port, ssl=context)
        writer.write(b"POST /tally.git/git-upload-pack HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
        first = await reader.readline()
        # A byte of the request after its answer.
        writer.write(b"x")
        async with asyncio.timeout(60):
            await reader.read()
        writer.close()
        await front.stop()
        return first

    assert asyncio.run(left()).startswith(b"HTTP/1.1 401")
