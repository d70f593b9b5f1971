"""Open requests are the inbox: asked once, found again, taken back only while they are open."""

from pathlib import Path

import pytest
from decision_bench import Bench

from factory import db, requests
from factory.requests import RequestState


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench.in_folder(tmp_path / "factory")


def test_the_same_question_is_asked_once_and_keeps_its_nonce(bench: Bench) -> None:
    request = bench.ask()
    bench.asked -= 1
    assert bench.ask() == request
    assert bench.ask().nonce != request.nonce
    assert len(bench.told("request.opened")) == 2


def test_the_inbox_holds_what_is_open_of_all_of_an_app_of_a_change(bench: Bench) -> None:
    first, notes, last = bench.ask(), bench.ask(app="notes"), bench.ask()
    bench.decide(first)
    with db.transaction(bench.database) as connection:
        assert [r.id for r in requests.open_requests(connection)] == [notes.id, last.id]
        assert [r.id for r in requests.open_requests(connection, app="links")] == [last.id]
        assert [r.id for r in requests.open_requests(connection, change="other")] == []
        assert [r.id for r in requests.of_change(connection, "links", "stats")] == [first.id, last.id]
        assert requests.find(connection, last.key) == last


def test_a_decided_request_is_not_withdrawn(bench: Bench) -> None:
    decided, still_open = bench.ask(), bench.ask()
    bench.decide(decided)
    with db.transaction(bench.database) as connection:
        for request in (decided, still_open):
            requests.withdraw(connection, request, "pushed")
    assert [bench.read(r).state for r in (decided, still_open)] == [RequestState.APPROVED, RequestState.WITHDRAWN]
    assert [event.properties["request"] for event in bench.told("request.withdrawn")] == [still_open.id]
