"""The sums in PostgreSQL, and which events are in them."""

from tally.database import Database, read_url
from tally.events import Event

SCHEMA = """
CREATE TABLE IF NOT EXISTS tallies (
    name text COLLATE "C" PRIMARY KEY,
    total bigint NOT NULL
);
CREATE TABLE IF NOT EXISTS counted (
    id text PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS counted_at ON counted (at)
"""
# Any number that nobody else locks in this database: "tally" in ASCII.
LOCK = 0x74616C6C79
# SQS keeps a message for 14 days at most, a dead-letter queue as long again, and so once more who moves it back.
REMEMBERED_DAYS = 60
FORGOTTEN_AT_ONCE = 10_000
PAGE = 1000


class Counts:
    """Sums by name, safe to use from many threads and processes. Every method raises DatabaseAway."""

    def __init__(self, url: str) -> None:
        """Asks nothing of the database yet. Raises InvalidDatabaseUrl."""
        self._database = Database(read_url(url), SCHEMA, LOCK)

    def ask(self) -> None:
        """Return when the database answers and its tables are made."""
        with self._database.connection() as connection:
            connection.run("SELECT 1")

    def add(self, event: Event) -> bool:
        """Add an event to the sum of its name, unless it is in it already: then False.

        Both or neither is kept, whatever happens. Raises pg8000's DatabaseError when the sum would be too large.
        """
        with self._database.connection() as connection:
            connection.run("BEGIN")
            # Who comes second waits here until the first has committed, and then finds it there.
            new = connection.run(
                "INSERT INTO counted (id) VALUES (:id) ON CONFLICT DO NOTHING RETURNING id", id=event.id
            )
            if new:
                connection.run(
                    "INSERT INTO tallies AS kept (name, total) VALUES (:name, :count) "
                    "ON CONFLICT (name) DO UPDATE SET total = kept.total + excluded.total",
                    name=event.name,
                    count=event.count,
                )
            connection.run("COMMIT")
        return bool(new)

    def total(self, name: str) -> int | None:
        """The sum of a name; None when nothing was counted under it."""
        with self._database.connection() as connection:
            rows = connection.run("SELECT total FROM tallies WHERE name = :name", name=name)
        return int(rows[0][0]) if rows else None

    def totals(self, after: str = "") -> tuple[dict[str, int], bool]:
        """The sums of at most 1000 names after `after`, in the order of the names, and whether there are more."""
        with self._database.connection() as connection:
            rows = connection.run(
                f"SELECT name, total FROM tallies WHERE name > :after ORDER BY name LIMIT {PAGE + 1}", after=after
            )
        return {name: int(total) for name, total in rows[:PAGE]}, len(rows) > PAGE

    def forget(self) -> int:
        """Forget some events that no message can tell of any more; how many."""
        with self._database.connection() as connection:
            forgotten = connection.run(
                "DELETE FROM counted WHERE id IN (SELECT id FROM counted "
                f"WHERE at < now() - interval '{REMEMBERED_DAYS} days' ORDER BY at LIMIT {FORGOTTEN_AT_ONCE}) "
                "RETURNING id"
            )
        return len(forgotten)
