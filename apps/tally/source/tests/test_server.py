"""What the HTTP side answers, over a queue in memory and a real PostgreSQL."""

import http.client
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from memory import MemoryQueue
from postgres import Postgres

from tally.counts import Counts
from tally.events import Event
from tally.server import Server

SECONDS = 30


@dataclass
class Door:
    port: int
    queue: MemoryQueue

    def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        content = body if isinstance(body, bytes | None) else json.dumps(body)
        connection.request(method, path, content, headers or {})
        response = connection.getresponse()
        answer = response.status, json.loads(response.read())
        assert response.headers["Content-Type"] == "application/json"
        connection.close()
        return answer


@pytest.fixture
def door(counts: Counts) -> Iterator[Door]:
    queue = MemoryQueue()
    with Server(("127.0.0.1", 0), queue, counts) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Door(server.server_port, queue)
        finally:
            server.shutdown()
            thread.join()


def test_an_event_is_queued_under_an_id_of_its_own(door: Door) -> None:
    status, first = door.ask("POST", "/events", {"name": "signup", "count": 2})
    assert (status, first["name"], first["count"]) == (202, "signup", 2)
    _, second = door.ask("POST", "/events", {"name": "signup", "count": 2})
    assert first["id"] != second["id"]
    assert [json.loads(kept.body) for kept in door.queue.kept.values()] == [first, second]


@pytest.mark.parametrize("body", [{"count": 2}, {"name": "a b"}, {"name": "a", "count": 0}, ["a"], b"no JSON", b"\xff"])
def test_what_is_no_event_is_told_why_and_not_queued(door: Door, body: object) -> None:
    status, answer = door.ask("POST", "/events", body)
    assert status == 400
    assert answer["error"]
    assert door.queue.kept == {}


def test_a_body_is_bounded_and_has_a_length(door: Door) -> None:
    assert door.ask("POST", "/events", b" " * 200_000)[0] == 413
    assert door.ask("POST", "/events", b"", {"Content-Length": "-1"})[0] == 400
    assert door.ask("POST", "/events", b"", {"Content-Length": "9" * 30})[0] == 400
    assert door.ask("POST", "/events", None, {"Transfer-Encoding": "chunked"})[0] == 411
    assert door.queue.kept == {}
    assert door.ask("POST", "/events", b" " * 8000 + b'{"name": "a"}')[0] == 202


def test_sums_are_told_by_name_and_together(door: Door, counts: Counts) -> None:
    counts.add(Event("1", "signup", 2))
    counts.add(Event("2", "log.in", 1))
    assert door.ask("GET", "/tally/signup") == (200, {"name": "signup", "total": 2})
    assert door.ask("GET", "/tally/log%2Ein") == (200, {"name": "log.in", "total": 1})
    assert door.ask("GET", "/tally") == (200, {"tally": {"log.in": 1, "signup": 2}, "more": False})
    assert door.ask("GET", "/tally?after=log.in") == (200, {"tally": {"signup": 2}, "more": False})
    assert door.ask("GET", "/tally?after=%00")[0] == 400


@pytest.mark.parametrize("path", ["/", "/tally/", "/tally/unknown", "/tally/%00", "/tally/a%20b", "/events", "/other"])
def test_what_is_not_there_is_not_found(door: Door, path: str) -> None:
    assert door.ask("GET", path)[0] == 404


def test_what_is_not_offered_is_refused_in_json(door: Door) -> None:
    assert door.ask("POST", "/tally", {"name": "a"})[0] == 404
    assert door.ask("DELETE", "/tally/a")[0] == 501


def test_while_the_queue_is_away_events_are_refused_and_sums_told(door: Door, counts: Counts) -> None:
    counts.add(Event("1", "signup", 2))
    door.queue.away = True
    answer = door.ask("POST", "/events", {"name": "signup"})
    assert answer == (503, {"error": "the queue does not answer; try again later"})
    assert door.ask("GET", "/tally/signup")[0] == 200


def test_while_the_database_is_away_events_are_queued_and_sums_refused(door: Door, postgres: Postgres) -> None:
    assert door.ask("GET", "/health") == (200, {"status": "ok"})
    postgres.stop()
    try:
        assert door.ask("POST", "/events", {"name": "signup"})[0] == 202
        for path in ("/health", "/tally", "/tally/signup"):
            assert door.ask("GET", path) == (503, {"error": "the database does not answer; try again later"})
    finally:
        postgres.start()
    assert door.ask("GET", "/health") == (200, {"status": "ok"})
