"""What the commands of `audit` share: the database with everything logged, a log by its name, and files of lines."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, Engine

from access import audit
from console.session import Session
from factory import db
from factory.errors import InputError
from factory.located import nearest


@contextlib.contextmanager
def logged(session: Session) -> Iterator[Engine]:
    """The database, with everything logged that has happened."""
    database = db.connect(session.root, session.settings)
    try:
        audit.sequence(database, audit.signing_key(session.root))
        yield database
    finally:
        database.dispose()


def known(connection: Connection, name: str) -> str:
    """The name of a log. Raises InputError: there is no such one."""
    names = audit.apps(connection)
    if name in names:
        return name
    guess = nearest(name, names)
    hint = f"did you mean {guess}?" if guess else f"there are: {', '.join(names) or 'none yet'}"
    raise InputError(f"nothing was ever logged of {name!r}", hint=hint)


def written(path: Path, lines: Iterator[str]) -> int:
    """Write lines; their number. Whole or not at all: half a log looks like one that somebody cut."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8") as file:
            counted = sum(file.write(f"{line}\n") > 0 for line in lines)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return counted
