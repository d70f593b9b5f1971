"""A task's commands reach the database that app.yaml lets its function into: by a grant, recorded, until it is over."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from database_place import DatabasePlace, database_place
from granted_bench import TASK, GrantedBench, brokered_bench
from test_tasks import wait_for

from access.grants import State, store
from access.providers.postgres import Postgres
from access.recordings import Held, recorded
from access.relays import postgres_relay
from agents.brief import OutcomeState
from factory import db

pytestmark = [pytest.mark.engine, pytest.mark.timeout(240)]

RULE = "  - {function: coder, resource: databases.database, environments: [build], scope: write, lease: 60}\n"
# As the app's own code does: by the URL in the variable that its service has.
SQL = """
import os, sys, urllib.parse
from pg8000.native import Connection
url = urllib.parse.urlsplit(os.environ["DATABASE_URL"])
print("as", url.username[:3], "at", url.hostname, os.environ["PGSSLMODE"])
print(os.environ["DATABASE_URL"], os.environ["PGPASSWORD"])
database = Connection(url.username, password=url.password, host=url.hostname, port=url.port, database=url.path[1:])
for statement in sys.argv[1:]:
    print(database.run(statement))
"""
WORKS = """
attempts:
  1:
    turns:
      - use: [{edit: {path: look.py, new: %s}}]
      - use: [{run: {argv: [python, look.py, "INSERT INTO sums VALUES ('c', 3)", "SELECT max(total) FROM sums"]}}]
      - when: {is_error: false, contains: ["as mw_ at 127.128.1.1 disable", "[[3]]", "[redacted: the token of"]}
        use: [{run: {argv: [python, look.py, "DROP TABLE sums"]}}]
      - when: {is_error: true, contains: ["this grant allows no ddl"]}
        use: [{submit: {summary: counted}}]
"""
# Looks until nothing is there any more.
UNTIL_OVER = """
attempts:
  1:
    turns:
      - use: [{edit: {path: look.py, new: %s}}]
      - use: [{run: {argv: [python, look.py, "SELECT pg_sleep(600)"], seconds: 120}}]
      - when: {is_error: true, contains: ["not in reach any more: not now"]}
        use: [{run: {argv: [python, -c, "import os; print(os.environ.get('DATABASE_URL', 'none'))"]}}]
      - when: {is_error: false, contains: ["none"]}
        use: [{submit: {summary: without}}]
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabasePlace]:
    with database_place(tmp_path_factory.mktemp("database")) as found:
        yield found


@dataclass
class Place:
    bench: GrantedBench
    database: DatabasePlace

    def said(self, resource: str = "databases.database") -> list[Any]:
        """What was said over the task's grant, session by session."""
        context = self.bench.task.context
        with db.transaction(context.database) as connection:
            grant = store.read(connection, self.bench.grants()[resource]["id"])
            assert grant is not None
            return recorded(context.root, connection, grant)

    def trajectory(self) -> str:
        return (self.bench.task.folder(TASK) / "trajectory.jsonl").read_text()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: DatabasePlace) -> Iterator[Place]:
    def providers(bench: GrantedBench, desk: Any) -> dict[str, Any]:
        context = bench.task.context

        def relay() -> Any:
            from access.grants import utc_now

            return postgres_relay(context.root, context.database, utc_now())

        return {"postgres": Postgres(relay, lambda _: database.url, desk.verdicts.statement_kinds, "disable")}

    with brokered_bench(tmp_path, monkeypatch, providers) as bench:
        yield Place(bench, database)


def scripted(text: str) -> str:
    import json

    return text % json.dumps(SQL)


def test_a_tasks_commands_work_on_the_database_of_build_and_their_token_stays_with_them(place: Place) -> None:
    place.bench.rules(RULE)
    place.bench.script(scripted(WORKS))
    assert place.bench.task.run().state is OutcomeState.SUBMITTED, place.trajectory()
    with place.database.owner() as owner:
        assert owner.run("SELECT total FROM sums WHERE name = 'c'") == [[3]]
        owner.run("DELETE FROM sums WHERE name = 'c'")
    wait_for(lambda: place.bench.grants()["databases.database"]["state"] == State.ENDED)
    assert place.database.roles() == set()
    texts = [said.text for session in place.said() for said in session.said]
    assert [text for text in texts if "sums" in text] == [
        "INSERT INTO sums VALUES ('c', 3)",
        "SELECT max(total) FROM sums",
        "DROP TABLE sums",
    ]
    assert {session.held for session in place.said()} == {Held.WHOLE}
    folder = place.bench.task.folder(TASK)
    for path in folder.rglob("*"):
        assert not path.is_file() or b"mwg_" not in path.read_bytes(), path
    (started,) = place.bench.told("task.started")
    assert "databases.database" in started.properties["grants"]
    assert "you may write it, until your task ends" in place.trajectory()


def test_without_a_rule_a_task_has_no_database_and_is_told_of_none(place: Place) -> None:
    place.bench.script(
        """
        attempts:
          1:
            turns:
              - use: [{run: {argv: [python, -c, "import os; print(sorted(n for n in os.environ if 'URL' in n))"]}}]
              - when: {is_error: false, contains: ["[]"]}
                use: [{submit: {summary: none}}]
        """
    )
    assert place.bench.task.run().state is OutcomeState.SUBMITTED
    assert set(place.bench.grants()) == {"model", "repository"}
    assert "PostgreSQL" not in place.trajectory()


def test_a_database_that_a_person_ends_is_gone_in_the_middle_of_a_statement_and_the_task_goes_on(place: Place) -> None:
    place.bench.rules(RULE)
    place.bench.script(scripted(UNTIL_OVER))
    ended: list[Any] = []
    running = threading.Thread(target=lambda: ended.append(place.bench.task.run()), daemon=True)
    running.start()
    wait_for(lambda: "pg_sleep" in str([session.said for session in place.said()]) if _has(place) else False, 90)
    place.bench.revoke("databases.database")
    running.join(120)
    assert [outcome.state for outcome in ended] == [OutcomeState.SUBMITTED], place.trajectory()
    assert place.database.roles() == set()


def _has(place: Place) -> bool:
    return "databases.database" in place.bench.grants()
