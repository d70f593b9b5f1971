"""Artefacts: built trees, each kept once under its own digest, read-only. The digest is the name everywhere.

Kept as folders below `.millwright/artefacts`: `sha256-<hex>`. What is read is hashed again, so nobody can change one
unnoticed.
"""

import contextlib
import os
import shutil
import stat
import tempfile
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Column, Connection, Integer, String, Table, insert, select

from factory.db import METADATA
from factory.environments import now
from factory.errors import InputError, MillwrightError
from factory.paths import FactoryRoot, private_folder
from factory.processes import start_ticks
from factory.spec import source_digest, source_files

# A copy that is being made: `draft-<pid>-<its start>-<random>`.
DRAFT = "draft-"
ARTEFACTS = Table(
    "factory_artefact",
    METADATA,
    Column("digest", String(80), primary_key=True),
    Column("app", String(64), nullable=False, index=True),
    Column("change", String(64)),
    Column("commit", String(64)),
    Column("files", Integer, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("built", String(32), nullable=False),
)


class ArtefactMissing(MillwrightError):
    """No artefact of this digest is kept here."""


class ArtefactBroken(MillwrightError):
    """What is kept under a digest is not what the digest says."""


class Artefact(BaseModel):
    """What is known of one artefact: which app, which change and commit it was built from, how big it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str
    app: str
    change: str | None
    commit: str | None
    files: int
    bytes: int
    built: str


def store(root: FactoryRoot, tree: Path, files: list[Path] | None = None) -> str:
    """Keep a copy of `tree`; its digest. Caches and hidden files are no part of it. Keeping it again changes nothing.

    `files`: only these of `source_files(tree)`. Raises InputError for a tree that holds a symlink or a special file.
    """
    files = source_files(tree) if files is None else files
    for path in files:
        if path.is_symlink() or not path.is_file():
            raise InputError(f"{path.relative_to(tree)} is not a plain file: an artefact holds nothing else")
    digest = source_digest(tree, files)
    place = _place(root, digest)
    if place.is_dir():
        return digest
    own = f"{DRAFT}{os.getpid()}-{start_ticks(os.getpid())}-"
    draft = Path(tempfile.mkdtemp(prefix=own, dir=private_folder(root.artefacts)))
    try:
        _copy(tree, files, draft)
        if source_digest(draft) != digest:
            raise ArtefactBroken(f"{tree} changed while it was copied", hint="try again")
        try:
            draft.rename(place)
        except OSError:
            # Another process was faster with the same content.
            if not place.is_dir():
                raise
    finally:
        _remove(draft)
    return digest


def sweep(root: FactoryRoot) -> None:
    """Remove the copies that were not finished and whose process is gone."""
    for draft in root.artefacts.glob(f"{DRAFT}*"):
        if not _made_by_the_living(draft):
            _remove(draft)


def folder(root: FactoryRoot, digest: str) -> Path:
    """The read-only tree of an artefact.

    Raises ArtefactMissing for one that is not kept here, ArtefactBroken for one that was changed: also by what no
    digest counts and a program would run all the same (byte code, hidden files, links).
    """
    place = _place(root, digest)
    if not place.is_dir():
        raise ArtefactMissing(f"no artefact {digest} is kept here", hint="build it again from its commit")
    if foreign := _not_stored(place):
        raise ArtefactBroken(f"the artefact {digest} was changed: it holds {foreign} now", hint=f"remove {place}")
    found = source_digest(place)
    if found != digest:
        raise ArtefactBroken(f"the artefact {digest} was changed: its files now are {found}", hint=f"remove {place}")
    return place


def record(
    connection: Connection, tree: Path, digest: str, *, app: str, change: str | None, commit: str | None
) -> Artefact:
    """Write down what an artefact was built from; the first record of a digest stays."""
    if known := read(connection, digest):
        return known
    files = source_files(tree)
    made = Artefact(
        digest=digest,
        app=app,
        change=change,
        commit=commit,
        files=len(files),
        bytes=sum(path.stat().st_size for path in files),
        built=now(),
    )
    connection.execute(insert(ARTEFACTS).values(**made.model_dump()))
    return made


def read(connection: Connection, digest: str) -> Artefact | None:
    """What is known of an artefact; None for one that was never recorded."""
    row = connection.execute(select(ARTEFACTS).where(ARTEFACTS.c.digest == digest)).mappings().first()
    return None if row is None else Artefact.model_validate(dict(row))


def _place(root: FactoryRoot, digest: str) -> Path:
    algorithm, _, value = digest.partition(":")
    if algorithm != "sha256" or len(value) != 64 or set(value) - set("0123456789abcdef"):  # noqa: PLR2004
        raise InputError(f"{digest!r} is no digest: sha256: and 64 hexadecimal digits")
    return root.artefacts / f"sha256-{value}"


def _not_stored(place: Path) -> str:
    """The first entry that `store` cannot have put there; "" when there is none."""
    if place.is_symlink():
        return f"a link to {place.readlink()}"
    files = {path for path in source_files(place) if stat.S_ISREG(path.lstat().st_mode)}
    stored = files | {above for path in files for above in path.parents}
    found = (path for path in sorted(place.rglob("*")) if path not in stored)
    return next((path.relative_to(place).as_posix() for path in found), "")


def _copy(tree: Path, files: list[Path], target: Path) -> None:
    for path in files:
        copy = target / path.relative_to(tree)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy, follow_symlinks=False)
        copy.chmod(0o555 if path.stat().st_mode & 0o100 else 0o444)
    for made in sorted((p for p in target.rglob("*") if p.is_dir()), reverse=True):
        made.chmod(0o555)
    target.chmod(0o555)


def _made_by_the_living(draft: Path) -> bool:
    # Also one of an earlier version, which does not name its process, is nobody's.
    with contextlib.suppress(ValueError, ProcessLookupError):
        pid, started, _ = draft.name.removeprefix(DRAFT).split("-", 2)
        return start_ticks(int(pid)) == int(started)
    return False


def _remove(draft: Path) -> None:
    if not draft.is_dir():
        return
    for path, folders, _ in os.walk(draft):
        for name in ("", *folders):
            Path(path, name).chmod(0o700)
    shutil.rmtree(draft, ignore_errors=True)
