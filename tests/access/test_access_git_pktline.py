"""What a push asks for is read as git reads it, or refused; which of it a grant holds is decided without git."""

import asyncio
import gzip
import hashlib
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from access.git.judging import is_branch, judge
from access.git.pktline import FLUSH, NOTHING, Command, packet, packets, read_push, refusal, status_of, wants_of
from access.git.refusals import Reason, Refused
from access.git.spool import spooled

OLD, NEW = "1" * 40, "2" * 40
LINE = f"{OLD} {NEW} refs/heads/change/sums".encode()
OWN = ["change/sums"]


def test_commands_and_the_place_of_the_pack_are_read() -> None:
    head = packet(LINE + b"\0 report-status side-band-64k agent=git/2.39.5") + packet(LINE + b"\n") + FLUSH
    push = read_push(head + b"PACK....")
    assert push.commands == (Command(OLD, NEW, "refs/heads/change/sums"),) * 2
    assert (head + b"PACK....")[push.pack_at :] == b"PACK...."
    assert "side-band-64k" in push.capabilities


@given(st.binary(max_size=200))
def test_no_bytes_are_anything_but_a_push_or_refused(data: bytes) -> None:
    for body in (data, FLUSH + data, packet(LINE + b"\0 report-status") + data, packet(LINE + b"\0" + data) + FLUSH):
        try:
            push = read_push(body)
        except Refused as why:
            assert why.reason is Reason.FRAMING  # noqa: PT017 -- either of two outcomes is right
        else:
            assert all(each.ref.isascii() and " " not in each.ref for each in push.commands)


@given(st.lists(st.binary(min_size=1, max_size=100)))
def test_what_is_packed_is_unpacked(payloads: list[bytes]) -> None:
    body = b"".join(map(packet, payloads)) + FLUSH
    assert [payload for payload, _ in packets(body)] == [*payloads, None]


@pytest.mark.parametrize("bands", [True, False])
def test_a_refusal_says_as_git_does_why_each_ref_is_not_moved(bands: bool) -> None:
    asked = b"\0 report-status" + (b" side-band-64k" if bands else b"")
    push = read_push(packet(LINE + asked) + FLUSH)
    answer = refusal(push, "not\nso")
    assert status_of(answer, "refs/heads/change/sums") == "not so"
    assert status_of(answer, "refs/heads/other") == "git did not say what came of it"
    assert status_of(answer.replace(b"002cng", b"002cok"), "refs/heads/change/sums") != ""


def test_what_a_fetch_wants_is_told_once_each() -> None:
    body = packet(b"want " + OLD.encode() + b" multi_ack\n") + packet(b"want " + NEW.encode()) * 2 + FLUSH
    everything = hashlib.sha256(f"{OLD}\n{NEW}\n".encode()).hexdigest()
    assert wants_of(body, 5) == {"wants": [OLD, NEW], "wanted": 2, "sha256": everything}
    assert wants_of(body, 1) == {"wants": [OLD], "wanted": 2, "sha256": everything}
    # Git reads capitals as well; what only looks like one is none.
    likes = packet(b"want " + NEW.upper().encode()) + packet(b"agent=want " + OLD.encode())
    assert wants_of(likes, 5)["wants"] == [NEW]


def command(branch: str, old: str = OLD, new: str = NEW) -> Command:
    return Command(old, new, f"refs/heads/{branch}")


@pytest.mark.parametrize(
    ("branches", "allowed", "refused"),
    [
        (["change/sums"], ["change/sums"], ["change/sum", "change/sums/x", "change/other", "sums", "main"]),
        (["people/ada/*"], ["people/ada/x", "people/ada/x/y"], ["people/ada", "people/adam/x", "people/bob/x"]),
        (["*"], ["x", "change/other", "people/ada/x"], ["main"]),
        ([], [], ["change/sums", "x", "main"]),
    ],
)
def test_a_grant_holds_its_branches_and_no_other(branches: list[str], allowed: list[str], refused: list[str]) -> None:
    for branch in allowed:
        assert judge([command(branch)], branches).ref == f"refs/heads/{branch}"
    for branch in refused:
        with pytest.raises(Refused):
            judge([command(branch)], branches)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ([command("main")], Reason.MAIN),
        ([], Reason.SEVERAL),
        ([command("change/sums"), command("change/sums")], Reason.SEVERAL),
        ([command("change/sums", new=NOTHING)], Reason.DELETE),
        ([command("change/sums", old=NOTHING)], Reason.MISSING),
        ([Command(OLD, NEW, "refs/tags/change/sums")], Reason.BRANCH),
        ([Command(OLD, NEW, "refs/heads/change/sums.lock")], Reason.BRANCH),
        ([Command(OLD, NEW, "change/sums")], Reason.BRANCH),
        ([Command(OLD, NEW, "HEAD")], Reason.BRANCH),
    ],
)
def test_each_refusal_has_its_reason(asked: list[Command], reason: Reason) -> None:
    with pytest.raises(Refused) as refused:
        judge(asked, OWN)
    assert refused.value.reason is reason


def test_names_of_branches_are_those_the_factory_gives() -> None:
    assert all(map(is_branch, ("x", "change/add-tags", "people/ada/x.y_z")))
    assert not any(map(is_branch, ("", "a..b", "a/", "/a", "-a", "a.", "a b", "A", "a" * 161, "x/.lock", "refs/../x")))


def request(parts: list[bytes], packed: bool) -> Request:
    left = list(parts)

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    headers = [(b"content-encoding", b"gzip")] if packed else []
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


def kept(parts: list[bytes], most: int, folder: Path, *, packed: bool = False) -> bytes:
    async def read() -> bytes:
        async with spooled(request(parts, packed), folder, most, 30) as file:
            return file.read()

    return asyncio.run(read())


def test_what_comes_is_kept_until_there_is_too_much(tmp_path: Path) -> None:
    assert kept([b"ab", b"cd"], 4, tmp_path) == b"abcd"
    assert kept([gzip.compress(b"abcd")], 4, tmp_path, packed=True) == b"abcd"
    for parts, packed in (([b"abc", b"de"], False), ([zlib.compress(bytes(10**8), wbits=31)], True)):
        with pytest.raises(Refused) as refused:
            kept(parts, 4, tmp_path, packed=packed)
        assert refused.value.reason is Reason.LIMIT
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_kept_of_what_comes_after_the_end_of_a_gzip(tmp_path: Path) -> None:
    whole = gzip.compress(b"abcd")
    assert kept([whole[:5], whole[5:], b""], 4, tmp_path, packed=True) == b"abcd"
    with pytest.raises(Refused) as refused:
        kept([whole, bytes(1 << 16), bytes(1 << 16)], 4, tmp_path, packed=True)
    assert refused.value.reason is Reason.REQUEST
