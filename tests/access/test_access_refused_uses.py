"""Whoever holds a grant's token and is refused over and over fills no log: some are told, and then how many more."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from grant_place import GrantPlace, grant_place
from model_place import model_place
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from access.asking import Access
from access.door import Door, Served
from access.few import Summed, by_thread
from access.grants import Given, State
from access.grants.refused_uses import MOST_TOLD, RefusedUses
from access.persisting import persistently
from access.secret_reads import SecretReads
from factory import daemons, events
from factory.errors import AccessDenied

MORE = 7
TRIES = MOST_TOLD + MORE


@pytest.fixture
def place(tmp_path: Path) -> GrantPlace:
    return grant_place(tmp_path)


@pytest.fixture
def access(place: GrantPlace) -> Iterator[Access]:
    claim = daemons.claim(place.root, daemons.ACCESS)
    served = Served(Door(place.desk, place.database, claim.token).app(), place.root.run)
    claim.publish({}, "1")
    yield Access(place.root)
    served.close()
    claim.release()


def told(place: GrantPlace, given: Given) -> list[int]:
    """Of each event of refused uses: 0 for one that is told by itself, otherwise how many more there were."""
    found = [each for each in place.told(given.grant) if each.kind == "grant.refused"]
    return [int(each.properties.get("more", 0)) for each in found]


def opened(place: GrantPlace, **other: object) -> Given:
    given = place.ask(**other)
    place.look()
    return Given(place.read(given.grant), given.token)


def test_a_token_that_tries_what_it_may_not_over_and_over_at_the_door(place: GrantPlace, access: Access) -> None:
    own, other = opened(place), opened(place, task="tally.sums.coder.2")
    with access._client(own.token) as client:
        codes = {client.get(f"/grants/{other.grant.id}").status_code for _ in range(TRIES - 2)}
        codes |= {client.post("/tasks/tally/x/end", json={"why": "x"}).status_code for _ in range(2)}
        assert codes == {403}
        assert client.get(f"/grants/{own.grant.id}").status_code == 200
    assert told(place, own) == [0] * MOST_TOLD
    place.desk.refused_uses.close()
    assert (told(place, own), told(place, other)) == ([0] * MOST_TOLD + [MORE], [])
    assert place.state(other.grant) is State.ACTIVE


def test_strangers_at_the_door_are_told_of_nobody(place: GrantPlace, access: Access) -> None:
    given = opened(place)
    with access._client("mwg_nobodys") as client:
        # What they ask for is not written at any length.
        assert client.get(f"/grants/{'x' * 64}").status_code == 403
        assert {client.get(f"/grants/{given.grant.id}").status_code for _ in range(TRIES - 1)} == {403}
    place.desk.refused_uses.close()
    with place.database.connect() as connection:
        found = events.of_kinds(connection, ["login.refused"])
    assert [(each.app, each.properties["grant"], each.properties.get("more", 0)) for each in found] == [
        *[(None, "", 0)] * MOST_TOLD,
        (None, "", MORE),
    ]
    assert len(found[0].properties["detail"]) < 100
    assert told(place, given) == []


def test_secrets_that_are_refused_over_and_over(place: GrantPlace) -> None:
    given, once = opened(place), opened(place)

    def nothing(_: object) -> None:
        raise AssertionError("nothing is read")

    reads = SecretReads(place.desk, place.database, nothing, lambda: place.wall)
    for grant in [given.grant] * TRIES + [once.grant]:
        with pytest.raises(AccessDenied, match="about no secret"):
            reads.read(grant)
    place.desk.refused_uses.close()
    assert (told(place, given), told(place, once)) == ([0] * MOST_TOLD + [MORE], [0])


def test_calls_of_the_model_that_are_refused_over_and_over(tmp_path: Path) -> None:
    with model_place(tmp_path) as model:
        given = model.given()
        codes = {model.ask(given, task="tally.sums.coder.2").status_code for _ in range(TRIES)}
        assert (codes, model.ask(given).status_code) == ({403}, 200)
        model.place.desk.refused_uses.close()
        assert told(model.place, given) == [0] * MOST_TOLD + [MORE]


def test_of_many_at_once_each_is_told_or_counted_and_the_next_ones_are_told_again(place: GrantPlace) -> None:
    given, uses = opened(place), RefusedUses(place.database)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: uses.refuse(given.grant, "it may not"), range(TRIES)))
    uses.close()
    uses.refuse(given.grant, "it may not")
    uses.close()
    assert told(place, given) == [0] * MOST_TOLD + [MORE, 0]


def test_they_are_summed_up_after_a_while_too() -> None:
    summed, done = [], threading.Event()

    def more(untold: object) -> None:
        summed.append(untold)
        done.set()

    few = Summed(1, 0.05, more, by_thread)
    assert [few.tells(name) for name in "aaba"] == [True, False, True, False]
    assert done.wait(30)
    assert summed == [{"a": 2}]


def test_a_loop_sums_up_after_a_while_too() -> None:
    async def refused() -> list[object]:
        summed: asyncio.Queue[object] = asyncio.Queue()
        few = Summed(0, 0.01, summed.put_nowait)
        assert not few.tells("a")
        return [await asyncio.wait_for(summed.get(), 30)]

    assert asyncio.run(refused()) == [{"a": 1}]


def test_what_the_database_does_not_take_at_once_is_told_all_the_same(place: GrantPlace) -> None:
    tries: list[Callable[[Connection], object]] = []

    def write(connection: Connection) -> None:
        tries.append(connection.execute)
        if len(tries) == 1:
            raise OperationalError("insert", {}, Exception("database is locked"))
        connection.execute(text("select 1"))

    persistently(place.database, write, "something")
    assert len(tries) == 2
