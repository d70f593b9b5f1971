"""`save`: everything stands still, is copied into a draft beside the file, and the draft becomes the file."""

import contextlib
import os
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

from engine.cache import sha256
from factory import db
from factory.errors import InputError
from factory.paths import FactoryRoot
from factory.project import project_name
from factory.settings import Settings
from pipeline.backup import archive
from pipeline.backup.contents import Contents, Found, contents, elsewhere, is_database, is_hostile
from pipeline.backup.manifest import Entry, Manifest, Origin
from pipeline.backup.progress import Report, Step, silent
from pipeline.backup.still import standstill

# What is lost with `.millwright` all the same, when it is not in the backup.
NEEDED = ("database", "backend", "passphrase_file")


def save(
    root: FactoryRoot, settings: Settings, file: Path, *, only_here: bool = False, report: Report = silent
) -> Manifest:
    """Write a backup of the factory to `file`, whole or not at all, readable by its owner only.

    Daemons that run are stopped meanwhile and started again. Whoever works on a stack is waited for. `only_here`: the
    caller knows that what the settings keep elsewhere is not in it. Raises InputError for a file that exists, is inside
    `.millwright`, or where something is kept elsewhere; Busy.
    """
    _check_place(root, file)
    outside = elsewhere(root, settings)
    if outside and not only_here:
        listed = ", ".join(f"{name} ({place})" for name, place in outside.items())
        raise InputError(
            f"not everything is in {root.state}: {listed}",
            hint="save that by its own means (pg_dump, a copy of the bucket) at a time when nothing runs, and say "
            "--only-here",
        )
    origin = origin_of(root, settings)
    with tempfile.TemporaryDirectory(prefix=f".{file.name}.", dir=file.parent) as scratch:
        draft = Path(scratch) / "draft"
        with standstill(root, settings, report):
            report(Step("reading"))
            found = contents(root.state)
            copies = _copied_databases(root, found, Path(scratch))
            entries = list(_entries(root, found, copies))
            manifest = Manifest(
                made=datetime.now(UTC).isoformat(timespec="seconds"),
                millwright=version("millwright"),
                revision=db.HEAD,
                origin=origin,
                elsewhere=outside,
                left_out=found.left_out,
                entries=entries,
            )
            with _private(draft) as target:
                archive.write(target, manifest, lambda entry: _opened(_place(root, copies, entry.path)), report)
                target.flush()
                os.fsync(target.fileno())
        _check_place(root, file)
        draft.rename(file)
    return manifest


def origin_of(root: FactoryRoot, settings: Settings) -> Origin:
    """Which factory this is."""
    return Origin(
        project=project_name(root),
        aws=settings.aws,
        aws_account=settings.aws_account,
        state=str(root.state.resolve()),
    )


def _check_place(root: FactoryRoot, file: Path) -> None:
    if not root.state.is_dir():
        raise InputError(f"{root.state} does not exist: there is nothing to save")
    if file.resolve().is_relative_to(root.state.resolve()):
        raise InputError(f"{file} would be lost with what it saves", hint=f"name a file outside {root.state}")
    if not file.parent.is_dir():
        raise InputError(f"{file.parent} is no folder")
    if file.exists() or file.is_symlink():
        raise InputError(f"{file} exists, and nothing is written over it", hint="name another file, or remove it")


def _copied_databases(root: FactoryRoot, found: Contents, scratch: Path) -> dict[str, Path]:
    """A copy of each SQLite database by its own means: whole, whoever writes to it right now."""
    copies = {}
    for each in found.found:
        if is_database(each.path) and each.kind == "file":
            copies[each.path] = scratch / each.path
            with (
                contextlib.closing(sqlite3.connect(root.state / each.path)) as source,
                contextlib.closing(sqlite3.connect(copies[each.path])) as copy,
            ):
                source.backup(copy)
    return copies


def _entries(root: FactoryRoot, found: Contents, copies: dict[str, Path]) -> Iterator[Entry]:
    for each in found.found:
        try:
            yield _entry(each, _place(root, copies, each.path))
        except OSError as error:
            if not is_hostile(each.path):
                raise
            found.left_out.append(f"{each.path}: {error.strerror}")


def _entry(each: Found, place: Path) -> Entry:
    if each.kind == "link":
        return Entry(path=each.path, kind="link", target=each.target)
    if each.kind == "folder":
        return Entry(path=each.path, kind="folder", mode=each.mode)
    return Entry(path=each.path, kind="file", mode=each.mode, size=place.stat().st_size, sha256=sha256(place))


def _place(root: FactoryRoot, copies: dict[str, Path], path: str) -> Path:
    return copies.get(path) or root.state / path


def _opened(path: Path) -> BinaryIO:
    # An agent's leftover process could put a link there after it was looked at.
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb")


def _private(path: Path) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    return os.fdopen(os.open(path, flags, stat.S_IRUSR | stat.S_IWUSR), "wb")
