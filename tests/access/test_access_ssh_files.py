"""Files over a host's grant: OpenSSH's sftp and scp, each operation recorded, and no more than the scope says."""

import hashlib
import inspect
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from ssh_place import SshPlane, client, run, ssh, ssh_plane
from sshd_place import sshd

from access.grants import Given
from access.ssh.files import Files
from access.ssh.transfer import Pieces
from factory.spec import Scope

SIZE = 3 << 20


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshPlane]:
    """One for all: each has a grant of its own."""
    with sshd(tmp_path_factory.mktemp("sshd")) as host, ssh_plane(tmp_path_factory.mktemp("plane"), host) as made:
        yield made


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """A folder at the host."""
    made = tmp_path / "there"
    made.mkdir()
    (made / "old.bin").write_bytes(os.urandom(SIZE))
    return made


def sftp(plane: SshPlane, given: Given, *lines: str, name: str = "client") -> "Any":
    files = plane.files(given, name)
    return run([client("sftp"), "-F", str(files.config), "-b", "-", files.name], "\n".join(lines) + "\n")


def scp(plane: SshPlane, given: Given, *arguments: str, name: str = "client") -> "Any":
    return run([client("scp"), "-F", str(plane.files(given, name).config), *arguments])


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def moved(plane: SshPlane, given: Given, way: str) -> list[str]:
    """Digests of what was read or written, in order."""
    return [
        line[way]["sha256"] for line in plane.lines(given, ".jsonl") if line.get("operation") == "close" and way in line
    ]


def test_a_file_is_read_and_its_digest_recorded(plane: SshPlane, there: Path, tmp_path: Path) -> None:
    given = plane.given(Scope.READ)
    done = sftp(plane, given, f"ls {there}", f"get {there}/old.bin {tmp_path}/got.bin")
    assert (done.returncode, digest(tmp_path / "got.bin")) == (0, digest(there / "old.bin")), done.stderr
    (ended,) = plane.ended(given)
    (path,) = plane.recordings(given, ".jsonl")
    assert (ended.properties["what"], ended.properties["digest"]) == ("sftp", digest(path))
    start, *lines, end = plane.lines(given, ".jsonl")
    assert (start["kind"], start["what"], end["kind"], end["left"]) == ("session_start", "sftp", "session_end", False)
    assert moved(plane, given, "read") == [digest(there / "old.bin")]
    done = [(line["operation"], line["about"]) for line in lines if line["kind"] == "file"]
    assert ("list", [f"{there}/"]) in done
    assert ("open", [f"{there}/old.bin", "read"]) in done


WRITES = [
    "put {here} {there}/new.bin",
    "rm {there}/old.bin",
    "mkdir {there}/folder",
    "rename {there}/old.bin {there}/other.bin",
    "chmod 777 {there}/old.bin",
    "ln -s old.bin {there}/link",
    "ln {there}/old.bin {there}/hard",
    "rmdir {there}/empty",
]


@pytest.mark.parametrize("line", WRITES)
def test_a_grant_for_reading_writes_nothing(plane: SshPlane, there: Path, tmp_path: Path, line: str) -> None:
    (there / "empty").mkdir()
    here = tmp_path / "here.bin"
    here.write_bytes(b"mine")
    command = line.format(here=here, there=there)
    before = sorted((path.name, path.stat().st_mode) for path in there.iterdir())
    given = plane.given(Scope.READ)
    done = sftp(plane, given, command)
    assert done.returncode != 0
    assert sorted((path.name, path.stat().st_mode) for path in there.iterdir()) == before
    entry = plane.place.logged("request.refused", reason="scope", grant=given.grant.id)
    assert entry["actor"] == given.grant.principal
    assert any(each.get("refused") == "scope" for each in plane.lines(given, ".jsonl"))
    wide = plane.given(Scope.WRITE)
    assert sftp(plane, wide, command).returncode == 0
    assert sorted((path.name, path.stat().st_mode) for path in there.iterdir()) != before


@pytest.mark.parametrize("way", [(), ("-O",)], ids=["by sftp", "as of old"])
def test_scp_copies_both_ways_and_runs_nothing(
    plane: SshPlane, there: Path, tmp_path: Path, way: tuple[str, ...]
) -> None:
    given, here = plane.given(Scope.WRITE), tmp_path / "tree"
    (here / "deep").mkdir(parents=True)
    (here / "deep" / "new.bin").write_bytes(os.urandom(SIZE))
    done = scp(plane, given, *way, "-r", "-p", str(here), f"legacy:{there}/tree")
    assert (done.returncode, digest(there / "tree/deep/new.bin")) == (0, digest(here / "deep/new.bin")), done.stderr
    done = scp(plane, given, *way, f"legacy:{there}/old.bin", str(tmp_path / "got.bin"), name="back")
    assert (done.returncode, digest(tmp_path / "got.bin")) == (0, digest(there / "old.bin")), done.stderr
    plane.ended(given, 2)
    assert moved(plane, given, "written") == [digest(here / "deep/new.bin")]
    assert moved(plane, given, "read") == [digest(there / "old.bin")]
    assert plane.recordings(given, ".cast") == []


def test_scp_of_old_is_read_and_not_run(plane: SshPlane, there: Path) -> None:
    given = plane.given(Scope.WRITE)
    for trick in (f"scp -t {there}/x; touch {there}/run", f"scp -f $(touch {there}/run)", f"scp -S /bin/sh -t {there}"):
        assert run(ssh(plane.files(given, str(abs(hash(trick)))), trick)).returncode != 0
    assert not (there / "run").exists()
    assert scp(plane, given, "-O", f"{there}/old.bin", f"legacy:{there}/copy", name="good").returncode == 0


def test_scp_of_old_writes_nothing_for_a_grant_that_reads(plane: SshPlane, there: Path, tmp_path: Path) -> None:
    given = plane.given(Scope.READ)
    assert scp(plane, given, "-O", f"{there}/old.bin", f"legacy:{there}/copy").returncode != 0
    assert not (there / "copy").exists()
    plane.place.logged("request.refused", reason="scope", grant=given.grant.id)
    assert scp(plane, given, "-O", f"legacy:{there}/old.bin", f"{tmp_path}/got", name="back").returncode == 0


def test_the_end_of_the_grant_ends_a_transfer(plane: SshPlane, there: Path, tmp_path: Path) -> None:
    given = plane.given(Scope.READ)
    assert sftp(plane, given, f"get {there}/old.bin {tmp_path}/got.bin").returncode == 0
    plane.end(given)
    # The certificate is still good by its time.
    again = sftp_again(plane, given)
    assert again.returncode == 255


def sftp_again(plane: SshPlane, given: Given) -> "Any":
    config = plane.folder / f"client-{given.grant.id}" / "config"
    return run([client("sftp"), "-F", str(config), "-b", "-", "legacy"], "ls /\n")


def test_pieces_that_do_not_join_have_no_digest_of_the_whole() -> None:
    whole, gaps = Pieces(), Pieces()
    assert [whole.joins(0, b"ab"), whole.joins(2, b"cd")] == [True, True]
    assert whole.told() == {"bytes": 4, "sha256": hashlib.sha256(b"abcd").hexdigest()}
    assert [gaps.joins(0, b"ab"), gaps.joins(4, b"cd")] == [True, False]
    assert gaps.told() == {"bytes": 4}


def test_no_operation_of_the_librarys_own_server_is_left() -> None:
    # What only looks at the connection, or makes of answers what is sent.
    harmless = {"channel", "connection", "env", "logger", "exit", "convert_attrs", "format_user", "format_group"}
    operations = (
        {name for name, _ in inspect.getmembers(asyncssh.SFTPServer) if not name.startswith("_")}
        - harmless
        - {"reverse_map_path"}
    )
    assert operations - set(vars(Files)) == set()
