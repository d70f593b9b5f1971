"""Grants by the thousand through the whole of their lives: nothing is left of them, and memory stays what it was."""

import gc
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from grant_place import GrantPlace, grant_place

from access.broker import REMOVED
from access.grants import LIVE, State, store
from factory import db, demo_people

OPERATOR = demo_people.OPERATOR
# Pieces of memory of one that is over, in this process: what is cached of rules and statements is not of it.
MOST_BLOCKS = 2


@pytest.fixture
def place(tmp_path: Path) -> GrantPlace:
    return grant_place(tmp_path)


def a_life(place: GrantPlace, count: int) -> None:
    """So many are asked for, given, looked at, stopped, and taken away."""
    for number in range(count):
        task = f"tally.sums.coder.{number}"
        place.ask(task=task, principal=f"agent:tally/coder/{task}", minutes=30)
        if number % 1000 == 0:
            place.log()
    for _ in range(3):
        place.look()
    assert len(place.provider.inside) == len(place.standing) == count
    place.pass_by(both=timedelta(minutes=10))
    place.look()
    assert len(place.desk.stop(None, "fire", OPERATOR, place.signs(OPERATOR))) == count
    place.broker.cut()
    assert not place.provider.inside
    for _ in range(count // REMOVED + 1):
        place.look()
    place.log()
    with db.transaction(place.database) as connection:
        assert store.in_states(connection, {State.REQUESTED, *LIVE}) == []
        ended = store.in_states(connection, {State.ENDED})
    assert {each.ended_reason for each in ended} == {"fire"}
    assert not place.standing
    place.pass_by(both=timedelta(seconds=1))


@pytest.mark.parametrize("count", [30, pytest.param(10_000, marks=pytest.mark.soak)])
def test_of_many_grants_nothing_is_left_and_memory_is_bounded(place: GrantPlace, count: int) -> None:
    a_life(place, 30)
    before = _blocks()
    a_life(place, count)
    grown = _blocks() - before
    assert grown <= count * MOST_BLOCKS + 5_000, f"{grown} blocks of {count} grants"


def _blocks() -> int:
    # tracemalloc would tell of bytes, and take several times as long as all the rest.
    gc.collect()
    return sys.getallocatedblocks()
