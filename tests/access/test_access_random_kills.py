"""Broker and PostgreSQL's relay are killed at any moment: see `random_kills`. A mark is a row that a client wrote."""

import contextlib
import json
import random
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
from database_place import DatabasePlace, database_place, let_in
from grant_place import GrantPlace, grant_place
from pg8000.exceptions import DatabaseError, InterfaceError
from random_kills import whole_story

from access.grants import Given, Grant
from factory.spec import Scope


class Databases:
    """Grants of a database: each has a role there."""

    name = "postgres"
    lost = (DatabaseError, InterfaceError, OSError)

    def __init__(self, server: DatabasePlace) -> None:
        self.server = server
        with server.owner() as owns:
            owns.run("CREATE TABLE IF NOT EXISTS marks (mark text PRIMARY KEY)")
            owns.run("TRUNCATE marks")

    def told(self) -> dict[str, Any]:
        return {"url": self.server.url.render_as_string(hide_password=False)}

    def ask(self, place: GrantPlace) -> Given:
        return place.ask(scope=Scope.WRITE)

    def use(self, place: GrantPlace, given: Given, mark: str) -> None:
        with let_in(place, given, seconds=20) as session:
            for count in range(random.Random(mark).randrange(1, 20)):
                session.run("INSERT INTO marks VALUES (:mark)", mark=f"{mark}{count}")

    def marks(self) -> set[str]:
        with self.server.owner() as owns:
            return {mark for (mark,) in owns.run("SELECT mark FROM marks")}

    def recorded(self, place: GrantPlace) -> set[str]:
        found = set()
        for file in (place.root.recordings / "tally").rglob("*.jsonl"):
            for line in file.read_text().splitlines():
                with contextlib.suppress(ValueError):
                    record = json.loads(line)
                    found.update(map(str, record.get("values", [])) if record["kind"] == "bind" else ())
        return found

    def standing(self, place: GrantPlace, held: Collection[Grant]) -> Collection[str]:
        roles, own = self.server.roles(), {grant.provider_ref for grant in held}
        with self.server.owner() as owns:
            rows = owns.run("SELECT usename FROM pg_stat_activity WHERE usename LIKE 'mw\\_%'")
        return (roles | {name for (name,) in rows}) - own

    def entered(self, place: GrantPlace, given: Given) -> bool:
        with let_in(place, given, seconds=20) as session:
            return session.run("SELECT 1") == [[1]]

    def refused(self, place: GrantPlace, given: Given, door: str) -> bool:
        with pytest.raises(DatabaseError, match="28P01"):
            let_in(place, given, seconds=20, door=door)
        return True

    def victims(self, place: GrantPlace) -> list[int]:
        return []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabasePlace]:
    with database_place(tmp_path_factory.mktemp("postgres")) as made:
        yield made


@pytest.mark.parametrize(
    ("seed", "kills"),
    [(1, 5), *(pytest.param(seed, 50, marks=pytest.mark.soak) for seed in range(2, 6))],
)
def test_whoever_is_killed_whenever_nothing_is_left_and_nothing_is_unrecorded(
    tmp_path: Path, server: DatabasePlace, seed: int, kills: int
) -> None:
    whole_story(grant_place(tmp_path), Databases(server), seed, kills)
