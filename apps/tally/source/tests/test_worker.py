"""The worker, over a queue in memory and a real PostgreSQL."""

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from conftest import Log
from memory import MemoryQueue
from postgres import Postgres

from tally.counts import Counts
from tally.events import Event
from tally.stopping import Stop, Stopped
from tally.worker import LONGEST_PAUSE, Worker


@dataclass
class Bench:
    queue: MemoryQueue
    counts: Counts
    stop: Stop
    pauses: list[float] = field(default_factory=list)
    now: float = 0.0

    def worker(self, counts: Counts | None = None, idle_pause: float = 0.0) -> Worker:
        return Worker(
            self.queue,
            counts or self.counts,
            self.stop,
            idle_pause=idle_pause,
            pause=self.pauses.append,
            clock=lambda: self.now,
        )

    def send(self, *events: Event) -> None:
        for event in events:
            self.queue.send(event.message())


@dataclass
class Happening(Counts):
    """Sums to which something happens before an event is added."""

    counts: Counts
    happens: Callable[[], None]

    def ask(self) -> None:
        self.counts.ask()

    def add(self, event: Event) -> bool:
        self.happens()
        return self.counts.add(event)

    def forget(self) -> int:
        return self.counts.forget()


@pytest.fixture
def bench(counts: Counts) -> Bench:
    return Bench(MemoryQueue(), counts, Stop())


@pytest.fixture
def signals(bench: Bench) -> Iterator[None]:
    """SIGTERM asks the bench's worker to stop, as in the command."""
    before = signal.signal(signal.SIGTERM, bench.stop.ask)
    yield
    signal.signal(signal.SIGTERM, before)


def test_messages_are_added_up_and_deleted(bench: Bench, log: Log) -> None:
    bench.send(Event("1", "signup", 2), Event("2", "signup", 3), Event("3", "login", 1))
    bench.worker().turn()
    assert bench.counts.totals() == ({"login": 1, "signup": 5}, False)
    assert bench.queue.kept == {}
    assert [(line["name"], line["count"]) for line in log.lines("counted")] == [
        ("signup", 2),
        ("signup", 3),
        ("login", 1),
    ]


def test_a_message_that_comes_again_is_counted_once(bench: Bench, log: Log) -> None:
    bench.queue.send('{"name": "signup", "count": 2}')
    bench.queue.delete, delete = lambda message: bench.queue.show_again(), bench.queue.delete
    bench.worker().turn()
    bench.queue.delete = delete
    bench.worker().turn()
    assert bench.counts.total("signup") == 2
    assert bench.queue.kept == {}
    assert [line["receives"] for line in log.lines("counted-before")] == [2]


def test_an_event_that_was_queued_twice_is_counted_once(bench: Bench) -> None:
    bench.send(Event("1", "signup", 2), Event("1", "signup", 2), Event("2", "signup", 2))
    bench.worker().turn()
    assert bench.counts.total("signup") == 4
    assert bench.queue.kept == {}


def test_what_is_no_event_is_left_to_the_redrive_policy_and_does_not_stop_the_others(bench: Bench, log: Log) -> None:
    for body in ("poison", '{"name": "signup", "count": -5}'):
        bench.queue.send(body)
    bench.send(Event("1", "signup", 2))
    worker = bench.worker()
    worker.turn()
    bench.queue.show_again()
    worker.turn()
    assert bench.counts.total("signup") == 2
    assert {kept.body for kept in bench.queue.kept.values()} == {"poison", '{"name": "signup", "count": -5}'}
    left = log.lines("message-left")
    assert [line["receives"] for line in left] == [1, 1, 2, 2]
    assert left[0]["why"] == "the message is no JSON"


def test_a_sum_that_would_be_too_large_is_left_and_the_others_are_counted(
    bench: Bench, postgres: Postgres, database: str, log: Log
) -> None:
    bench.counts.add(Event("0", "full", 1))
    postgres.run("UPDATE tallies SET total = 9223372036854775807", database)
    bench.send(Event("1", "full", 1), Event("2", "signup", 2))
    bench.worker().turn()
    assert bench.counts.total("signup") == 2
    assert len(bench.queue.kept) == 1
    assert [line["why"] for line in log.lines("message-left")] == ["the database refuses it (SQLSTATE 22003)"]


def sigterm() -> None:
    signal.raise_signal(signal.SIGTERM)


def test_sigterm_ends_it_after_the_message_under_way(bench: Bench, signals: None) -> None:
    bench.send(Event("1", "signup", 1), Event("2", "signup", 1), Event("3", "signup", 1))
    bench.worker(Happening(bench.counts, sigterm)).run()
    assert bench.counts.total("signup") == 1
    # The rest is given back at once.
    left = [(kept.body[8:9], kept.hidden) for kept in bench.queue.kept.values()]
    assert left == [("2", False), ("3", False)]


def test_sigterm_ends_a_wait_for_messages_at_once(bench: Bench, signals: None) -> None:
    waited: list[str] = []

    def wait() -> None:
        sigterm()
        waited.append("to the end")

    bench.queue.on_receive = wait
    bench.send(Event("1", "signup", 1))
    bench.worker().run()
    assert waited == []
    assert bench.counts.total("signup") is None
    assert [kept.receives for kept in bench.queue.kept.values()] == [0]


def test_a_worker_that_was_told_to_stop_takes_nothing(bench: Bench, signals: None) -> None:
    sigterm()
    bench.send(Event("1", "signup", 1))
    bench.worker().run()
    with pytest.raises(Stopped):
        bench.worker().turn()
    assert [kept.receives for kept in bench.queue.kept.values()] == [0]


def test_while_the_database_is_away_no_message_is_taken(bench: Bench, postgres: Postgres, log: Log) -> None:
    bench.send(Event("1", "signup", 2))
    worker = bench.worker()
    postgres.stop()
    try:
        for _ in range(8):
            worker.turn()
    finally:
        postgres.start()
    assert [kept.receives for kept in bench.queue.kept.values()] == [0]
    assert bench.pauses == [0.25, 0.5, 1, 2, 4, 8, LONGEST_PAUSE, LONGEST_PAUSE]
    assert len(log.lines("waiting")) == 8
    worker.turn()
    assert bench.counts.total("signup") == 2


def test_what_was_taken_when_the_database_went_is_given_back(bench: Bench, postgres: Postgres) -> None:
    bench.send(Event("1", "signup", 2), Event("2", "signup", 2))
    try:
        bench.worker(Happening(bench.counts, postgres.stop)).turn()
    finally:
        postgres.stop()
        postgres.start()
    assert [(kept.receives, kept.hidden) for kept in bench.queue.kept.values()] == [(1, False), (1, False)]
    bench.worker().turn()
    assert bench.counts.total("signup") == 4


def test_while_the_queue_is_away_it_waits_and_then_goes_on(bench: Bench) -> None:
    bench.send(Event("1", "signup", 2))
    worker = bench.worker()
    bench.queue.away = True
    worker.turn()
    worker.turn()
    assert bench.pauses == [0.25, 0.5]
    bench.queue.away = False
    worker.turn()
    assert bench.counts.total("signup") == 2


def test_a_message_that_could_not_be_deleted_is_deleted_the_next_time(bench: Bench, log: Log) -> None:
    bench.send(Event("1", "signup", 2))

    def queue_goes() -> None:
        bench.queue.away = True

    bench.worker(Happening(bench.counts, queue_goes)).turn()
    assert len(bench.queue.kept) == len(log.lines("delete-failed")) == 1
    bench.queue.away = False
    bench.queue.show_again()
    bench.worker().turn()
    assert bench.queue.kept == {}
    assert bench.counts.total("signup") == 2


def test_it_pauses_after_nothing_when_the_queue_does_not_wait_itself(bench: Bench) -> None:
    worker = bench.worker(idle_pause=1.0)
    worker.turn()
    assert bench.pauses == [1.0]
    bench.send(Event("1", "signup", 2))
    worker.turn()
    assert bench.pauses == [1.0]


def test_once_a_minute_it_forgets_what_no_message_can_tell_of(
    bench: Bench, postgres: Postgres, database: str, log: Log
) -> None:
    worker = bench.worker()
    worker.turn()
    bench.counts.add(Event("1", "signup", 2))
    postgres.run("UPDATE counted SET at = at - interval '61 days'", database)
    worker.turn()
    assert log.lines("forgotten") == []
    bench.now = 61.0
    worker.turn()
    assert [line["events"] for line in log.lines("forgotten")] == [1]
