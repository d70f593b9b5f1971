"""The factory's database: one URL (SQLite with WAL by default), one schema, one migration history."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from factory.errors import InputError, MillwrightError
from factory.paths import FactoryRoot, private_folder
from factory.settings import Settings

# Rooms add their tables here, prefixed by the room's name; a migration creates them.
METADATA = MetaData()
# The newest revision in factory/migrations/versions; a test holds the two together.
HEAD = "0010"
BUSY_MILLISECONDS = 10_000
ANSWER_SECONDS = 30


def connect(root: FactoryRoot, settings: Settings) -> Engine:
    """The database, migrated to this version of the code. Safe to call from many processes at once.

    Raises InputError for a URL that is none, MillwrightError for a database that cannot be reached or is newer.
    """
    private_folder(root.state)
    try:
        url = make_url(settings.database or f"sqlite:///{root.database}")
        # A server may have been started anew since a connection was used last, or be reached no more.
        answers = {"timeout": ANSWER_SECONDS} if url.drivername == "postgresql+pg8000" else {}
        engine = create_engine(url, pool_pre_ping=url.get_backend_name() != "sqlite", connect_args=answers)
    except (ArgumentError, ModuleNotFoundError, ValueError) as error:
        raise InputError(f"database: {error}", hint="see the key `database` in docs/reference/settings.md") from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
    try:
        _migrate(engine, root)
    except DBAPIError as error:
        raise MillwrightError(
            f"the factory's database cannot be used: {error.orig}", hint=f"database: {url!r}"
        ) from None
    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction: committed when the block ends, rolled back when it raises."""
    with engine.begin() as connection:
        yield connection


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """Reads that belong together: all of them see the database as it was at the first one, whoever writes meanwhile."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            # Its driver begins a transaction with the first write only.
            connection.exec_driver_sql("BEGIN")
        else:
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


def _configure_sqlite(connection: Any, _record: Any) -> None:
    for pragma in (f"busy_timeout={BUSY_MILLISECONDS}", "foreign_keys=ON", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _revision(engine: Engine) -> str | None:
    if not inspect(engine).has_table("alembic_version"):
        return None
    with engine.connect() as connection:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _migrate(engine: Engine, root: FactoryRoot) -> None:
    with _migration_lock(root, fcntl.LOCK_SH):
        if _revision(engine) == HEAD:
            return
    with _migration_lock(root, fcntl.LOCK_EX):
        if engine.dialect.name == "sqlite":
            # Kept in the file. Only while nobody else opens it: SQLite does not wait here, it refuses at once.
            with engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        _upgrade(engine)


@contextmanager
def _migration_lock(root: FactoryRoot, how: int) -> Iterator[None]:
    with (root.state / "migrate.lock").open("ab") as lock:
        fcntl.flock(lock, how)
        yield


def _upgrade(engine: Engine) -> None:
    # Imported late: a migrated database, the usual case, needs none of it (0.2 s).
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            # Else its driver begins a transaction with the first row that is written, and what changes tables before
            # that stays when the rest is killed.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise MillwrightError(
                f"the database was written by another version of Millwright: {error}",
                hint="use that version, or restore a backup",
            ) from None
