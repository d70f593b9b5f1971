"""What a few bytes can make of git: packs that unfold to much more, and fetches of much; beside them what passes."""

import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from git_door_place import BRANCH, Door, door_place
from grant_waits import wait_for
from test_access_git_refused import CAPABILITIES, Raw, line

from access.git.limits import KIB, MIB, Limits
from access.git.pktline import FLUSH, packet
from access.grants import Given

COMMIT, TREE, BLOB, OFS_DELTA = 1, 2, 3, 6
MOST_COPIED = (1 << 24) - 1
FETCH = {"content-type": "application/x-git-upload-pack-request"}


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with door_place(tmp_path_factory.mktemp("git")) as made:
        yield made


def entry(kind: int, size: int, content: bytes, before: bytes = b"") -> bytes:
    """One object of a pack: its kind and unpacked size, what it is based on, and its content (gitformat-pack(5))."""
    head, rest = [kind << 4 | size & 15], size >> 4
    while rest:
        head[-1] |= 0x80
        head.append(rest & 0x7F)
        rest >>= 7
    return bytes(head) + before + zlib.compress(content, 9)


def number(value: int) -> bytes:
    """Of a delta: a size."""
    found = [value & 0x7F]
    while value := value >> 7:
        found[-1] |= 0x80
        found.append(value & 0x7F)
    return bytes(found)


def back(distance: int) -> bytes:
    """How far before its delta a base begins."""
    found = [distance & 0x7F]
    while distance := distance >> 7:
        distance -= 1
        found.insert(0, 0x80 | distance & 0x7F)
    return bytes(found)


def copies(base: int, size: int) -> bytes:
    """A delta that copies the beginning of a base of so many bytes until there are `size`."""
    found = [number(base), number(size)]
    while size:
        part = min(size, base, MOST_COPIED)
        found.append(b"\xf0" + part.to_bytes(3, "little"))
        size -= part
    return b"".join(found)


def named(kind: str, *parts: bytes) -> bytes:
    found = hashlib.sha1(f"{kind} {sum(map(len, parts))}\0".encode())  # noqa: S324 -- git's own names
    for part in parts:
        found.update(part)
    return found.digest()


def push(tip: str, size: int, base: int, more: int) -> bytes:
    """A push of one commit after `tip`, whose one file of `size` zeros is a delta; and of `more` objects beside it."""
    zeros = named("blob", *([bytes(MIB)] * (size // MIB)), bytes(size % MIB))
    tree = b"100644 zeros.bin\0" + zeros
    commit = (
        f"tree {named('tree', tree).hex()}\nparent {tip}\n"
        "author Somebody <> 1770000000 +0000\ncommitter Somebody <> 1770000000 +0000\n\nZeros\n"
    ).encode()
    beside = [entry(BLOB, 4, each.to_bytes(4, "big")) for each in range(more)]
    first = entry(BLOB, base, bytes(base))
    delta = copies(base, size)
    objects = [
        *beside,
        entry(COMMIT, len(commit), commit),
        entry(TREE, len(tree), tree),
        first,
        entry(OFS_DELTA, len(delta), delta, back(len(first))),
    ]
    pack = b"PACK" + (2).to_bytes(4, "big") + len(objects).to_bytes(4, "big") + b"".join(objects)
    asked = line(tip, named("commit", commit).hex(), f"refs/heads/{BRANCH}", CAPABILITIES)
    return asked + FLUSH + pack + hashlib.sha1(pack).digest()  # noqa: S324 -- as above


# Git unpacks few objects one by one, and many as one file.
@pytest.mark.parametrize("more", [0, 200])
def test_a_small_pack_that_unfolds_to_much_is_refused_and_one_that_does_not_is_taken(door: Door, more: int) -> None:
    given = door.given()
    tip, raw = door.repository.head(BRANCH), Raw(door, given)
    # A bound, not an expectation.
    raw.client.timeout = 200
    unfolds = Limits().unfolded_bytes + 16 * MIB
    bomb = push(tip, unfolds, 8 * MIB, more)
    assert len(bomb) < 64 * KIB
    answer = raw.push(bomb)
    assert f"ng refs/heads/{BRANCH} unpacker error".encode() in answer.content
    assert b"Out of memory" in answer.content
    assert door.repository.head(BRANCH) == tip
    (told,) = wait_for(lambda: of(door, given, "git.refused"))
    assert (told.properties["reason"], "Out of memory" in told.properties["detail"]) == ("declined", True)
    honest = push(tip, 1_900_000, 64 * KIB, more)
    assert f"ok refs/heads/{BRANCH}".encode() in raw.push(honest).content
    assert wait_for(lambda: of(door, given, "git.pushed"))
    assert door.repository.head(BRANCH) != tip


def test_a_push_of_a_few_mebibytes_is_taken(door: Door, tmp_path: Path) -> None:
    given = door.given()
    clone = door.clone(given, str(tmp_path / "clone"))
    # Text that does not get much smaller.
    texts = {
        f"data/{each}.txt": "".join(hashlib.sha256(f"{each} {n}".encode()).hexdigest() for n in range(22_000))
        for each in range(4)
    }
    sha = door.commit(clone, texts)
    pushed = door.git(given, "push", "--quiet", "origin", BRANCH, at=clone)
    assert pushed.returncode == 0, pushed.stderr
    assert door.repository.head(BRANCH) == sha
    (told,) = wait_for(lambda: of(door, given, "git.pushed"))
    assert told.properties["size"] > 2 * MIB
    # And from there to somebody else.
    assert door.clone(given, str(tmp_path / "other")).is_dir()


def test_git_runs_within_its_bounds_and_not_at_all_without_them(
    door: Door, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from access.git import programs
    from access.git.refusals import Refused

    limits = Limits()
    line_of = programs.command("receive-pack", door.repository.folder, limits, advertise=True)
    assert line_of[1:4] == [
        f"--data={limits.unfolded_bytes}",
        f"--fsize={limits.file_bytes}",
        f"--cpu={limits.processor_seconds}",
    ]
    monkeypatch.setattr("os.defpath", str(tmp_path))
    with pytest.raises(Refused, match="prlimit is not installed"):
        programs.command("receive-pack", door.repository.folder, limits, advertise=True)


def test_of_a_fetch_of_many_objects_all_are_recorded(door: Door) -> None:
    given, folder = door.given(), str(door.repository.folder)
    raw, tips = Raw(door, given), [door.repository.head()]
    raw.client.timeout = 200
    tree = door.run("--git-dir", folder, "rev-parse", "main^{tree}").stdout.strip()
    for each in range(30):
        made = door.run("--git-dir", folder, "commit-tree", "-p", tips[0], "-m", f"{each}", tree).stdout.strip()
        door.run("--git-dir", folder, "update-ref", f"refs/heads/people/ada/{each}", made)
        tips.append(made)
    asks = b"".join(packet(f"want {each}{' ofs-delta' if not n else ''}\n".encode()) for n, each in enumerate(tips))
    where = f"{raw.base}/tally.git/git-upload-pack"
    assert b"PACK" in raw.client.post(where, content=asks + FLUSH + packet(b"done\n"), headers=FETCH).content
    (session,) = door.recorded(given.grant)
    (said,) = [each.text for each in session.said if each.text.startswith("fetch")]
    everything = hashlib.sha256("".join(f"{each}\n" for each in tips).encode()).hexdigest()
    assert said == f"fetch {' '.join(tips[:20])} and 11 more (sha256 of all {everything})"


def of(door: Door, given: Given, kind: str) -> list:
    return [each for each in door.told(kind) if each.properties["grant"] == given.grant.id]
