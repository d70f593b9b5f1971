"""Links in PostgreSQL: for several copies of the service on one database."""

import contextlib
from collections.abc import Iterator

from pg8000.native import Connection

from links.database import Database, DatabaseAway, read_url
from links.logs import log
from links.store import Link, StoreUnavailable, check, codes

SCHEMA = """
CREATE TABLE IF NOT EXISTS links (
    code text PRIMARY KEY,
    url text NOT NULL,
    hits bigint NOT NULL DEFAULT 0
)
"""
# Any number that nobody else locks in this database: "links" in ASCII.
LOCK = 0x6C696E6B73


class PostgresStore:
    """Links by code, safe to use from many threads and processes: what must hold, holds in the database."""

    def __init__(self, url: str) -> None:
        """Asks nothing of the database yet. Raises InvalidDatabaseUrl."""
        self._database = Database(read_url(url), SCHEMA, LOCK)

    def __len__(self) -> int:
        with self._connection() as connection:
            ((number,),) = connection.run("SELECT count(*) FROM links")
        return int(number)

    def add(self, url: str) -> Link:
        """The link of `url`, made when it is new. Raises InvalidUrl and StoreUnavailable."""
        check(url)
        with self._connection() as connection:
            # A link is never removed: who finds a code taken reads the same row afterwards, whoever made it.
            return next(link for code in codes(url) if (link := _claimed(connection, code, url)).url == url)

    def get(self, code: str) -> Link | None:
        """The link with this code. Raises StoreUnavailable."""
        if not _can_be_kept(code):
            return None
        with self._connection() as connection:
            return _link(connection.run("SELECT code, url, hits FROM links WHERE code = :code", code=code))

    def follow(self, code: str) -> Link | None:
        """The link with this code, counted as followed once more. Raises StoreUnavailable: it may be counted then."""
        if not _can_be_kept(code):
            return None
        count = "UPDATE links SET hits = hits + 1 WHERE code = :code RETURNING code, url, hits"
        with self._connection() as connection:
            return _link(connection.run(count, code=code))

    @contextlib.contextmanager
    def _connection(self) -> Iterator[Connection]:
        try:
            with self._database.connection() as connection:
                yield connection
        except DatabaseAway as error:
            log("database-away", why=str(error))
            raise StoreUnavailable("the database does not answer; try again later") from error


def _claimed(connection: Connection, code: str, url: str) -> Link:
    """The link that holds `code`: of `url` now, unless another URL has it already."""
    connection.run("INSERT INTO links (code, url) VALUES (:code, :url) ON CONFLICT DO NOTHING", code=code, url=url)
    ((code, url, hits),) = connection.run("SELECT code, url, hits FROM links WHERE code = :code", code=code)
    return Link(code, url, hits)


def _link(rows: list[list[str | int]]) -> Link | None:
    return Link(*rows[0]) if rows else None


def _can_be_kept(code: str) -> bool:
    # PostgreSQL takes no NUL in a text, and UTF-8 no lone surrogate: such a code is nobody's.
    return code.isascii() and code.isprintable()
