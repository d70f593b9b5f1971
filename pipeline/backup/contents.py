"""What of `.millwright` belongs into a backup: everything, but for what the next command makes again by itself."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from engine.locks import backend_folder
from factory.errors import InputError
from factory.paths import FactoryRoot
from factory.settings import Settings

# Patterns of paths below `.millwright`. What a newer room keeps there is saved without being named here.
MADE_AGAIN = (
    # Processes, and what they leave: run files, logs, folders of running operations and copies.
    "run",
    "logs",
    "work",
    "services",
    # Plugins, the CLI's own caches, and its log-ins, which are a person's and not the factory's.
    "pulumi-home",
    # The relays' certificate.
    "access/relay.*",
    # Locks are the kernel's; `locks/*.begun`, what the next operation must know, is kept.
    "migrate.lock",
    "locks/*.lock",
    "locks/*.turn",
    "backend/.pulumi/locks",
    "other-projects/.pulumi/locks",
    "postgres/sockets",
    "postgres/*/lock",
    "postgres/*/log",
    # A part of the database that its own copy already holds.
    "*.db-wal",
    "*.db-shm",
)
DATABASES = "*.db"
# Agents write there: what cannot be kept is named, and is no reason to have no backup.
HOSTILE = "tasks/*/worktree"

Kind = Literal["file", "folder", "link"]


@dataclass(frozen=True)
class Found:
    """One thing to save: `path` below `.millwright`; `mode` is its permission bits."""

    path: str
    kind: Kind
    mode: int
    target: str | None = None


@dataclass(frozen=True)
class Contents:
    """What was found, folders before what is in them, and what cannot be kept."""

    found: list[Found] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def contents(state: Path) -> Contents:
    """Everything below `state` that a backup holds.

    Raises InputError for what no archive can hold, where the factory itself would have had to put it.
    """
    made = Contents()
    pending = [""]
    while pending:
        folder = pending.pop()
        with _tolerant(made, folder):
            for entry in _listed(state, folder):
                with _tolerant(made, folder):
                    each = _found(entry, f"{folder}/{entry.name}" if folder else entry.name)
                    if each is not None:
                        made.found.append(each)
                        pending += [each.path] if each.kind == "folder" else []
    made.found.sort(key=lambda each: each.path)
    return made


def is_database(path: str) -> bool:
    """Whether it is one of the factory's SQLite databases."""
    return "/" not in path and Path(path).match(DATABASES)


def elsewhere(root: FactoryRoot, settings: Settings) -> dict[str, str]:
    """What the settings keep outside `.millwright`, by setting; without passwords."""
    # Imported late: most commands of the console need no database (0.3 s).
    from sqlalchemy.engine import make_url

    found = {}
    backend = backend_folder(root, settings)
    if settings.backend is not None and not (backend and _is_inside(root, backend)):
        found["backend"] = _without_password(settings.backend)
    if settings.database is not None:
        url = make_url(settings.database)
        if url.get_backend_name() != "sqlite" or not _is_kept(root, Path(url.database or "")):
            found["database"] = url.render_as_string(hide_password=True)
    if settings.passphrase_file is not None and not _is_inside(root, root.path / settings.passphrase_file.expanduser()):
        found["passphrase_file"] = str(settings.passphrase_file)
    return found


@contextmanager
def _tolerant(made: Contents, folder: str) -> Iterator[None]:
    try:
        yield
    except (OSError, InputError) as error:
        if not is_hostile(folder):
            raise
        made.left_out.append(f"{folder}: {error}")


def _listed(state: Path, folder: str) -> list["os.DirEntry[str]"]:
    with os.scandir(state / folder) as listed:
        return sorted(listed, key=lambda entry: entry.name)


def _found(entry: "os.DirEntry[str]", path: str) -> Found | None:
    """What one entry is; None for what is made again."""
    if any(_matches(path, pattern) for pattern in MADE_AGAIN):
        return None
    try:
        path.encode()
    except UnicodeEncodeError:
        raise InputError(f"{path!r} is no text, so no archive can name it") from None
    mode = entry.stat(follow_symlinks=False).st_mode
    bits = stat.S_IMODE(mode) & 0o777
    if stat.S_ISLNK(mode):
        return Found(path, "link", bits, str(Path(entry.path).readlink()))
    if stat.S_ISDIR(mode):
        return Found(path, "folder", bits)
    if stat.S_ISREG(mode):
        return Found(path, "file", bits)
    raise InputError(f"{path} is neither a file nor a folder nor a link", hint="remove it")


def is_hostile(path: str) -> bool:
    """Whether agents may have written what is there."""
    return _matches("/".join(path.split("/")[:3]), HOSTILE)


def _matches(path: str, pattern: str) -> bool:
    # From the beginning on, and as deep: Path.match alone looks at the end only.
    return path.count("/") == pattern.count("/") and Path(path).match(pattern)


def _is_inside(root: FactoryRoot, path: Path) -> bool:
    return path.resolve().is_relative_to(root.state.resolve())


def _is_kept(root: FactoryRoot, database: Path) -> bool:
    return database.resolve().parent == root.state.resolve() and database.match(DATABASES)


def _without_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    account, at, place = rest.rpartition("@")
    return f"{scheme}{separator}{account.partition(':')[0]}{at}{place}"
