"""The sums, over a real PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from pg8000.native import DatabaseError
from postgres import Postgres

from tally.counts import PAGE, Counts
from tally.database import Address, DatabaseAway, InvalidDatabaseUrl, read_url
from tally.events import Event


def test_events_add_up_by_name(counts: Counts) -> None:
    assert counts.add(Event("1", "signup", 2))
    assert counts.add(Event("2", "signup", 3))
    assert counts.add(Event("3", "login", 1))
    assert counts.total("signup") == 5
    assert counts.total("logout") is None
    assert counts.totals() == ({"login": 1, "signup": 5}, False)


def test_the_same_event_is_counted_once(counts: Counts) -> None:
    assert counts.add(Event("1", "signup", 2))
    assert not counts.add(Event("1", "signup", 2))
    assert counts.total("signup") == 2


def test_copies_that_start_together_and_tell_the_same_events_count_each_once(postgres: Postgres, database: str) -> None:
    copies = [Counts(postgres.url(database)) for _ in range(3)]

    def work(number: int) -> bool:
        return copies[number % 3].add(Event(f"event {number // 4}", "signup", 1))

    with ThreadPoolExecutor(8) as threads:
        new = list(threads.map(work, range(40)))
    assert sum(new) == 10
    assert copies[0].total("signup") == 10


def test_an_event_that_does_not_fit_is_not_remembered_as_counted(
    counts: Counts, postgres: Postgres, database: str
) -> None:
    counts.add(Event("1", "signup", 1))
    postgres.run("UPDATE tallies SET total = 9223372036854775807", database)
    with pytest.raises(DatabaseError):
        counts.add(Event("2", "signup", 1))
    postgres.run("UPDATE tallies SET total = 1", database)
    assert counts.add(Event("2", "signup", 1))
    assert counts.total("signup") == 2


def test_many_names_are_told_page_by_page(counts: Counts, postgres: Postgres, database: str) -> None:
    counts.ask()
    names = [f"name{number:05}" for number in range(PAGE + 5)]
    postgres.run("INSERT INTO tallies SELECT unnest(:names::text[]), 1", database, names=names)
    first, more = counts.totals()
    assert (list(first), more) == (names[:PAGE], True)
    assert counts.totals(after=names[PAGE - 1]) == (dict.fromkeys(names[PAGE:], 1), False)


def test_what_no_message_can_tell_of_any_more_is_forgotten(counts: Counts, postgres: Postgres, database: str) -> None:
    counts.add(Event("old", "signup", 1))
    counts.add(Event("new", "signup", 1))
    postgres.run("UPDATE counted SET at = at - interval '61 days' WHERE id = 'old'", database)
    assert counts.forget() == 1
    assert postgres.run("SELECT id FROM counted", database) == [["new"]]
    assert counts.total("signup") == 2


def test_it_goes_on_when_the_database_is_back(counts: Counts, postgres: Postgres) -> None:
    counts.add(Event("1", "signup", 1))
    postgres.stop()
    try:
        with pytest.raises(DatabaseAway):
            counts.add(Event("2", "signup", 1))
    finally:
        postgres.start()
    assert counts.add(Event("2", "signup", 1))
    assert counts.total("signup") == 2


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://u:hidden@localhost/tally", "postgresql://"),
        ("postgresql://u:hidden@localhost", "a database"),
        ("postgresql://localhost/tally", "a user"),
        ("postgresql://u:hidden@localhost:port/tally", "cannot be read"),
        ("postgresql://u:hidden@localhost/tally?sslmode=maybe", "sslmode"),
    ],
)
def test_what_names_no_database_is_refused_without_being_shown(url: str, said: str) -> None:
    with pytest.raises(InvalidDatabaseUrl, match=said) as caught:
        read_url(url)
    assert "hidden" not in str(caught.value)


def test_a_database_url_is_read_as_others_read_it() -> None:
    address = read_url("postgresql://us%40er:p%2Fw%3A@[::1]:5433/a%20b?sslmode=require")
    assert address == Address("::1", 5433, "a b", "us@er", "p/w:", "require")
    assert "p/w:" not in repr(address)
