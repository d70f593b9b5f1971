"""A restore takes only a whole backup of this very factory, and never over anything that is there."""

import contextlib
import gzip
import io
import json
import shutil
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from backup_place import KEPT, SETTINGS, Place, tree
from backup_place import place as made

from factory.errors import InputError
from factory.settings import Settings
from pipeline.backup import restore, save


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return made(tmp_path)


def test_a_file_that_exists_or_would_be_lost_is_refused(place: Place) -> None:
    place.file.write_text("mine")
    with pytest.raises(InputError, match="nothing is written over it"):
        place.save()
    assert place.file.read_text() == "mine"
    with pytest.raises(InputError, match="would be lost"):
        save(place.root, SETTINGS, place.root.state / "backup.tgz")
    with pytest.raises(InputError, match="is no folder"):
        save(place.root, SETTINGS, place.file.parent / "gone" / "backup.tgz")


def test_a_restore_overwrites_nothing(place: Place) -> None:
    place.save()
    assert "is not empty" in str(place.refused())
    before = place.lose()
    place.root.state.mkdir()
    restore(place.root, SETTINGS, place.file)
    assert {name: text for name, text in tree(place.root.state).items() if name in KEPT} == {
        name: before[name] for name in KEPT
    }


def test_a_backup_of_another_factory_is_refused(place: Place) -> None:
    place.save()
    place.lose()
    account = Settings(aws="account", aws_account="210987654321")
    assert "this factory has `aws: account`" in str(place.refused(account))
    project = place.root.project_file.read_text()
    place.root.project_file.write_text(project.replace("my-factory", "other"))
    assert "its project is 'my-factory', this one's 'other'" in str(place.refused())
    place.root.project_file.write_text(project)
    restore(place.root, SETTINGS, place.file)


def test_damage_at_any_place_is_refused(place: Place) -> None:
    place.save()
    place.lose()
    whole = place.file.read_bytes()
    for at in range(10, len(whole), max(1, len(whole) // 12)):
        place.file.write_bytes(whole[:at])
        assert isinstance(place.refused(), InputError)
        damaged = whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :]
        if not _means_the_same(damaged, whole):
            place.file.write_bytes(damaged)
            assert isinstance(place.refused(), InputError)
    place.file.write_bytes(b"")
    assert isinstance(place.refused(), InputError)
    place.file.unlink()
    assert "does not exist" in str(place.refused())
    place.file.write_bytes(whole)
    restore(place.root, SETTINGS, place.file)


def _means_the_same(damaged: bytes, whole: bytes) -> bool:
    """Some bits of a compressed file say nothing."""
    with contextlib.suppress(OSError, EOFError, zlib.error):
        return gzip.decompress(damaged) == gzip.decompress(whole)
    return False


Members = list[tuple[tarfile.TarInfo, bytes]]


def _rewritten(file: Path, change: Callable[[dict, Members], None]) -> None:
    """The archive with its manifest and its members changed."""
    with tarfile.open(file) as archive:
        members = [(each, (archive.extractfile(each) or io.BytesIO()).read()) for each in archive]
    manifest = json.loads(members[0][1])
    change(manifest, members)
    text = json.dumps(manifest).encode()
    members[0][0].size = len(text)
    members[0] = (members[0][0], text)
    with gzip.open(file, "wb") as packed, tarfile.open(fileobj=packed, mode="w|") as archive:
        for member, content in members:
            archive.addfile(member, io.BytesIO(content))


def _member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", content: bytes = b"") -> tuple:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, len(content)
    return info, content


def _entry(path: str) -> dict:
    return {"path": path, "kind": "file", "mode": 0o600, "size": 0, "sha256": "e3" * 32}


def _as_link(members: Members, target: str) -> None:
    (found,) = (member for member, _ in members if member.name == "millwright/passphrase")
    found.type, found.linkname, found.size = tarfile.SYMTYPE, target, 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m, _: m.update(version=2), "reads up to 1"),
        (lambda m, _: m.update(revision="9999"), "a newer Millwright"),
        (lambda m, _: m.update(format="other"), "is no backup"),
        (lambda m, _: m["entries"].append(_entry("../out")), "is no path below a folder"),
        (lambda m, _: m["entries"].append(_entry("/out")), "is no path below a folder"),
        (lambda m, _: m["entries"].append(_entry("passphrase")), "stands twice"),
        (lambda m, _: m["entries"].append(_entry("passphrase/below")), "has no folder to be in"),
        (lambda m, _: m["entries"].append(_entry("zz")), "files are missing in it"),
        (lambda m, _: m["entries"][-1].update(sha256="0" * 64), "is not what was saved"),
        (lambda m, _: m["entries"][-1].update(size=1), "is not the file that its manifest names"),
        (lambda m, ms: ms.pop(), "files are missing in it"),
        (lambda m, ms: ms.append(ms[-1]), "which its manifest does not name"),
        (lambda m, ms: ms.append(_member("../out", content=b"x")), "damaged"),
        (lambda m, ms: ms.append(_member("/out", content=b"x")), "does not name"),
        (lambda m, ms: ms.append(_member("millwright/l", tarfile.SYMTYPE, "/etc")), "damaged"),
        (lambda m, ms: ms.append(_member("millwright/d", tarfile.CHRTYPE)), "damaged"),
        (lambda m, ms: _as_link(ms, "stacks"), "is not the file that its manifest names"),
    ],
)
def test_an_archive_that_is_not_what_it_says_is_refused(place: Place, change: Callable, said: str) -> None:
    place.save()
    place.lose()
    shutil.copy(place.file, place.file.with_suffix(".good"))
    _rewritten(place.file, change)
    assert said in str(place.refused())
    place.file.with_suffix(".good").replace(place.file)
    _rewritten(place.file, lambda _, __: None)
    restore(place.root, SETTINGS, place.file)
