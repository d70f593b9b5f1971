"""A stack's history is what the driver and the plain door wrote down: each operation once, newest first."""

import json
from pathlib import Path

import pytest
from production_bench import back, decided
from production_bench import kept as kept  # noqa: PLC0414  (the fixture)
from production_bench import place as place  # noqa: PLC0414  (the fixture)

from factory import db, events, releases
from factory.errors import InputError
from factory.spec import Environment
from stacks.driver import Ending, Kind, Result, Update, ledger, read_history
from stacks.places import Place

DRIVER, PLAIN = ledger.By(door="driver", actor="factory"), ledger.By(door="plain")


@pytest.fixture
def staging(place: Place) -> Place:
    return place._replace(environment=Environment.STAGING)


def begin(place: Place, kind: Kind, by: ledger.By = DRIVER) -> None:
    ledger.started(place.database, place.spec, place.environment, kind, by, cloud_generation=None)


def end(place: Place, kind: Kind, by: ledger.By = DRIVER, **changes: int) -> None:
    result = Result(stack=place.stack, kind=kind, changes=changes, steps=(), duration=1.0)
    ledger.ended(place.database, place.spec, place.environment, result, by, cloud_generation=None)


def fail(place: Place, kind: Kind, reason: str, by: ledger.By = DRIVER) -> None:
    ledger.failed(place.database, place.spec, place.environment, kind, by, reason=reason)


def read(place: Place, **options: object) -> list[Update]:
    return read_history(place.root, place.settings, "links", place.environment, **options)  # type: ignore[arg-type]


def told(updates: list[Update]) -> list[tuple[str, str, str]]:
    return [(update.kind.value, update.ending.value, update.door) for update in updates]


def test_every_update_is_told_once_newest_first_with_who_and_what(staging: Place) -> None:
    begin(staging, Kind.UP)
    end(staging, Kind.UP, create=3, same=1)
    begin(staging, Kind.REFRESH, PLAIN)
    fail(staging, Kind.REFRESH, "pulumi exited with 1\nand more", PLAIN)
    failed, first = read(staging)
    assert told([failed, first]) == [("refresh", "failed", "plain"), ("up", "succeeded", "driver")]
    assert (first.actor, first.changes, first.spec) == ("factory", {"create": 3, "same": 1}, staging.spec.digest())
    assert (failed.actor, failed.reason, failed.changes) == ("unattested", "pulumi exited with 1", {})
    assert failed.started >= first.started
    assert first.ended is not None
    assert json.loads(json.dumps(first.as_json()))["ending"] == "succeeded"


def test_what_was_killed_or_still_runs_has_no_end(staging: Place) -> None:
    begin(staging, Kind.UP)
    begin(staging, Kind.UP)
    end(staging, Kind.UP)
    begin(staging, Kind.DESTROY)
    found = read(staging)
    assert [update.ending for update in found] == [Ending.OPEN, Ending.SUCCEEDED, Ending.OPEN]
    assert [update.ended is None for update in found] == [True, False, True]


def test_previews_count_only_when_they_are_asked_for(staging: Place) -> None:
    begin(staging, Kind.UP)
    end(staging, Kind.UP)
    begin(staging, Kind.PREVIEW)
    end(staging, Kind.PREVIEW)
    assert [update.kind for update in read(staging)] == [Kind.UP]
    assert [update.kind for update in read(staging, kinds=set(Kind))] == [Kind.PREVIEW, Kind.UP]


def test_other_environments_apps_and_events_are_not_this_stacks(staging: Place) -> None:
    build = staging._replace(environment=Environment.BUILD)
    begin(build, Kind.UP)
    end(build, Kind.UP, create=1)
    with db.transaction(staging.database) as connection:
        events.append(connection, events.new_event("change.submitted", actor="x", app="links", environment="staging"))
        events.append(connection, events.new_event("up.started", actor="x", app="notes", environment="staging"))
    assert read(staging) == []
    assert told(read(build)) == [("up", "succeeded", "driver")]


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_the_last_ones_are_whole_however_few_are_asked_for(staging: Place, limit: int) -> None:
    for number in range(1, 4):
        begin(staging, Kind.UP)
        end(staging, Kind.UP, create=number)
    found = read(staging, limit=limit)
    assert [update.changes["create"] for update in found] == [3, 2, 1][:limit]
    assert {update.ending for update in found} == {Ending.SUCCEEDED}


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_limit_that_makes_no_sense_is_refused(staging: Place, limit: int) -> None:
    with pytest.raises(InputError, match="no number of updates"):
        read(staging, limit=limit)


def test_a_named_release_tells_its_change_artefact_and_own_spec(place: Place) -> None:
    release, _ = decided(place)
    by = ledger.By(door="driver", actor="factory", release=release.id)
    begin(place, Kind.UP, by)
    end(place, Kind.UP, by)
    (update,) = read(place)
    assert (update.release, update.change, update.artefact) == (release.id, "x", release.artefact)
    assert update.spec == release.spec_digest


def test_an_undeclared_stack_has_no_history(place: Place, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no app named 'lynks'"):
        read_history(place.root, place.settings, "lynks", "build")


def test_a_way_back_is_told_with_where_it_came_from_and_went_to(place: Place, kept: list[str]) -> None:
    first, _ = decided(place, kept[0])
    second, _ = decided(place, kept[1])
    release, _ = back(place, first)
    for each in (second, release):
        by = ledger.By(door="driver", actor="factory", release=each.id)
        begin(place, Kind.UP, by)
        end(place, Kind.UP, by)
    gone_back, gone_on = read(place)
    assert (gone_back.rollback, gone_on.rollback) == ({"from": second.id, "to": first.id}, None)
    assert gone_back.artefact == first.artefact


def test_a_return_that_the_factory_made_by_itself_is_told_as_one(place: Place, kept: list[str]) -> None:
    first, _ = decided(place, kept[0])
    second, _ = decided(place, kept[1])
    with db.transaction(place.database) as connection:
        releases.failed(connection, second, "503 three times")
    for by in (
        ledger.By(door="driver", actor="factory", release=second.id),
        ledger.By(door="driver", actor="factory", release=first.id, returns_from=second.id),
    ):
        begin(place, Kind.UP, by)
        end(place, Kind.UP, by)
    back_again, bad = read(place)
    assert back_again.returned == {"from": second.id, "to": first.id, "reason": "503 three times"}
    # Nobody asked for it, so it is no rollback; and what brought the bad release is neither.
    assert (back_again.rollback, bad.rollback, bad.returned) == (None, None, None)
    assert json.loads(json.dumps(back_again.as_json()))["returned"]["from"] == second.id
