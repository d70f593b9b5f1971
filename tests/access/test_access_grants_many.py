"""Many grants at once: a look reads what has moved, and the end of one does not wait for the others."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from grant_place import GrantPlace, Killed, grant_place
from sqlalchemy import event, insert

from access.broker import REMOVED
from access.grants import Grant, State, stops
from access.grants.model import stamp
from access.grants.stops import MOVED_SECONDS
from access.grants.store import TOGETHER
from access.grants.tables import GRANTS
from factory import db, demo_people, events
from factory.errors import AccessDenied
from factory.events import EVENTS
from factory.spec import Environment

AUTHOR, OPERATOR = demo_people.AUTHOR, demo_people.OPERATOR


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
    assert place.broker._leases._held[first.id].until == renewed.lease_until != first.lease_until


@pytest.mark.parametrize("count", [600, pytest.param(10_000, marks=pytest.mark.soak)])
def test_the_emergency_stop_of_many_is_some_statements_and_tells_each_as_one_alone(
    place: GrantPlace, count: int
) -> None:
    (_, many), waiting = held(place, count), [place.ask(environment=Environment.STAGING).grant for _ in range(3)]
    alone, asked = place.desk.end(many[0], "fire", actor=OPERATOR), place.desk.end(waiting[0], "fire", actor=OPERATOR)
    counted, stopped = Counted(place), []
    with pytest.raises(AccessDenied, match=AUTHOR):
        place.desk.stop("tally", "fire", AUTHOR, place.signs(AUTHOR))
    assert place.state(many[1]) is State.ACTIVE
    told = counted.of(lambda: stopped.extend(place.desk.stop("tally", "fire", OPERATOR, place.signs(OPERATOR))))
    assert told <= 5 + 10 * (count // TOGETHER + 1)
    assert len(stopped) == count - 1 + 1 + 2
    assert counted.of(place.broker.cut) <= 10 + count // TOGETHER
    assert not place.provider.inside
    for one, likewise in ((alone, many[1]), (asked, waiting[1])):
        assert place.read(likewise) == next(each for each in stopped if each.id == likewise.id)
        same = {"id", "token_digest", "verifier", "proof", "task", "request", "requested_at"}
        assert place.read(likewise).model_dump(exclude=same) == place.read(one).model_dump(exclude=same)
    with db.transaction(place.database) as connection:
        ended = events.of_kinds(connection, ["grant.revoking"])
        denied = events.of_kinds(connection, ["request.withdrawn", "grant.denied"])
    assert len({each.properties["grant"] for each in ended}) == len(ended) == count + 1
    assert len({each.model_dump_json(exclude={"id", "time", "task", "properties"}) for each in ended}) == 1
    assert len({str({**each.properties, "grant": ""}) for each in ended}) == 1
    assert [each.kind for each in denied].count("request.withdrawn") == len(denied) / 2 == len(waiting)
    assert {each.actor for each in denied} == {OPERATOR}


def test_who_moves_while_all_are_stopped_is_left_and_comes_with_the_next_look(place: GrantPlace) -> None:
    asked = [place.ask(minutes=10).grant for _ in range(3)]
    place.look()
    many = [place.read(each) for each in asked]
    look, looks = place.desk._standing, []

    def overtaken(app: str | None, task: str | None = None) -> list[Grant]:
        found = look(app, task)
        if not looks:
            place.desk.renew(many[0], many[0].fence, 60, actor="ada")
            place.desk.end(many[1], "done", actor="ada")
        looks.append([each.id for each in found])
        return found

    place.desk._standing = overtaken
    place.desk.stop(None, "fire", OPERATOR, place.signs(OPERATOR))
    assert looks[1] == [many[0].id]
    assert [place.read(each).ended_reason for each in many] == ["fire", "done", "fire"]
    assert [place.kinds(each).count("grant.revoking") for each in many] == [1, 1, 1]


@pytest.mark.parametrize("point", ["before", "after"])
def test_who_is_cut_while_they_are_let_in_anew_is_not_in_afterwards(place: GrantPlace, point: str) -> None:
    one, other = (place.ask().grant for _ in range(2))
    place.look()
    place.begin()
    serves, issue, issued = place.provider.serves, place.provider.issue, []

    def stopped(grant: Grant) -> None:
        if grant.id == one.id and place.state(one) is State.ACTIVE:
            place.desk.end(place.read(one), "over", actor="ada")
            place.broker.cut()

    def looked_at(grant: Grant) -> bool:
        if point == "before":
            stopped(grant)
        return serves(grant)

    def let_in(grant: Grant) -> object:
        issued.append(grant.id)
        stopped(grant)
        return issue(grant)

    place.provider.serves, place.provider.issue = looked_at, let_in
    place.broker.work()
    assert place.provider.inside == {other.id}
    assert set(issued) == {other.id} | ({one.id} if point == "after" else set())
    place.look()
    assert (place.state(one), place.state(other)) == (State.ENDED, State.ACTIVE)


def test_who_asks_does_not_wait_for_thousands_that_end(place: GrantPlace) -> None:
    held(place, REMOVED + 50)
    place.desk.stop(None, "fire", OPERATOR, place.signs(OPERATOR))
    asked = place.ask().grant
    place.look()
    assert (place.state(asked), len(place.standing)) == (State.ACTIVE, 52)
    place.look()
    assert place.standing == {place.provider.ref(asked)}


@pytest.mark.parametrize("app", ["tally", None], ids=["an app's", "everybody's"])
def test_who_is_in_is_out_before_any_row_moves_and_the_rows_move_though_the_stop_is_killed(
    place: GrantPlace, app: str | None
) -> None:
    (_, many), asked = held(place, 40), place.ask(environment=Environment.STAGING).grant

    def killed(*_: object) -> list[Grant]:
        raise Killed("before the first row")

    place.desk._end_together, end_together = killed, place.desk._end_together
    with pytest.raises(Killed):
        place.desk.stop(app, "fire", OPERATOR, place.signs(OPERATOR))
    place.desk._end_together = end_together
    place.pass_by(both=timedelta(seconds=1))
    later = place.ask().grant
    place.look()
    assert place.provider.inside == {later.id}
    assert {place.state(each) for each in many} == {State.ACTIVE}
    # A broker that begins then lets nobody in again either.
    place.begin()
    for _ in range(2):
        place.look()
    assert place.provider.inside == {later.id}
    place.pass_by(both=timedelta(seconds=MOVED_SECONDS))
    for _ in range(2):
        place.look()
    ended = {(each.state, each.ended_reason) for each in map(place.read, (*many, asked))}
    assert ended == {(State.ENDED, "fire"), (State.DENIED, "fire")}
    assert {each.actor for each in place.told(many[0]) if each.kind == "grant.revoking"} == {OPERATOR}
    assert place.state(later) is State.ACTIVE


def test_the_stop_of_an_app_is_none_of_another_ones(place: GrantPlace) -> None:
    grant = place.ask().grant
    place.look()
    with db.transaction(place.database) as connection:
        stops.tell(connection, "links", "fire", OPERATOR, place.wall)
    place.look()
    assert place.provider.inside == {grant.id}
    with db.transaction(place.database) as connection:
        stops.tell(connection, "tally", "fire", OPERATOR, place.wall)
    place.look()
    assert not place.provider.inside


def test_a_stop_that_is_committed_late_is_seen_all_the_same_and_once(place: GrantPlace) -> None:
    grant, seen = place.ask().grant, stops.Stops()

    def look(ticks: float) -> bool:
        with db.transaction(place.database) as connection:
            seen.look(connection, ticks, place.wall)
        return seen.of(grant) is not None

    told = events.new_event(stops.STOPPED, actor=OPERATOR, why="fire", until=stamp(place.wall)).model_dump()
    with db.transaction(place.database) as connection:
        other = events.new_event("step.done", actor="ada").model_dump()
        connection.execute(insert(EVENTS).values(**other, sequence=900))
    assert not look(0)
    with db.transaction(place.database) as connection:
        connection.execute(insert(EVENTS).values(**told, sequence=500))
    assert [look(ticks) for ticks in (1, 2, 1 + stops.KEPT_SECONDS, 2 + stops.KEPT_SECONDS)] == [
        True,
        True,
        False,
        False,
    ]
