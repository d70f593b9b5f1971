"""Many grants at once: a look reads what has moved, and the end of one does not wait for the others."""

from pathlib import Path
from typing import Any

import pytest
from grant_place import GrantPlace, grant_place
from sqlalchemy import event, insert

from access.grants import Grant, State
from access.grants.seen import TOGETHER
from access.grants.tables import GRANTS
from factory import db, events


@pytest.fixture
def place(tmp_path: Path) -> GrantPlace:
    return grant_place(tmp_path)


def held(place: GrantPlace, count: int) -> tuple[Grant, list[Grant]]:
    """One that was asked for, and so many like it, each of a task of its own."""
    first = place.ask(minutes=50).grant
    place.look()
    first = place.read(first)
    told = {"id": "{:036d}", "token_digest": "{:064d}", "task": "tally.sums.coder.{}"}
    many = [
        first.model_copy(update={name: form.format(number) for name, form in told.items()}) for number in range(count)
    ]
    with db.transaction(place.database) as connection:
        connection.execute(insert(GRANTS), [each.model_dump(mode="json") for each in many])
    for each in many:
        place.provider.inside.add(each.id)
        place.standing.add(place.provider.ref(each))
    return first, many


class Counted:
    """How many statements a database was given."""

    def __init__(self, place: GrantPlace) -> None:
        self.count = 0
        event.listen(place.database, "before_cursor_execute", self._add)

    def _add(self, *_: Any) -> None:
        self.count += 1

    def of(self, do: Any) -> int:
        before = self.count
        do()
        return self.count - before


@pytest.mark.parametrize("count", [600, pytest.param(10_000, marks=pytest.mark.soak)])
def test_a_look_at_many_asks_as_little_as_one_at_few_and_each_ends_alone(place: GrantPlace, count: int) -> None:
    (first, many), counted = held(place, count), Counted(place)
    assert counted.of(place.look) <= 10 + 2 * (count // TOGETHER + 1)
    # Nothing has moved: some questions, however many there are.
    still = counted.of(place.look)
    assert still <= 5
    place.desk.end(many[7], "over", actor="ada")
    with db.transaction(place.database) as connection:
        told = events.new_event("task.ended", actor="worker", app="tally", task=many[11].task)
        events.append(connection, told)
    assert counted.of(place.broker.cut) <= still + 6
    gone = {many[7].id, many[11].id}
    assert not gone & place.provider.inside
    assert counted.of(place.look) <= 30
    assert [place.state(many[number]) for number in (7, 11)] == [State.ENDED] * 2
    assert len(place.provider.inside) == count - 1
    # One that is changed by whoever else is read anew.
    renewed = place.desk.renew(first, first.fence, 60, actor="ada")
    assert counted.of(place.broker.cut) > counted.of(place.broker.cut)
    assert place.broker._held[first.id].grant.lease_until == renewed.lease_until != first.lease_until
