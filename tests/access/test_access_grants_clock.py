"""The wall clock is set while grants are held, also while no broker runs: nobody holds anything for longer by it."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from grant_place import GrantPlace, grant_place

from access.grants import Grant, State
from access.leases import FILE, OVER, SET_BACK
from factory.errors import AccessDenied

MINUTE = timedelta(minutes=1)


@pytest.fixture
def place(tmp_path: Path) -> GrantPlace:
    return grant_place(tmp_path)


def active(place: GrantPlace, minutes: int = 30) -> Grant:
    grant = place.ask(minutes=minutes).grant
    place.look()
    place.look()
    return place.read(grant)


def at_its_end(place: GrantPlace, grant: Grant, left: timedelta) -> str:
    """It is held until a second before it is over, and no longer; why it ended."""
    place.pass_by(both=left - timedelta(seconds=1))
    place.look()
    assert place.state(grant) is State.ACTIVE
    place.pass_by(both=timedelta(seconds=1))
    place.look()
    place.look()
    assert place.state(grant) is State.ENDED
    return place.read(grant).ended_reason


@pytest.mark.parametrize("while_down", [False, True])
def test_set_back_before_a_restart_it_ends_as_if_it_was_not(place: GrantPlace, while_down: bool) -> None:
    grant = active(place)
    place.pass_by(both=5 * MINUTE)
    place.look()
    place.wall -= 10 * MINUTE
    place.pass_by(both=MINUTE)
    if not while_down:
        place.look()
    place.begin()
    # And once more: what was found out the first time is kept.
    place.look()
    place.begin()
    place.look()
    assert at_its_end(place, grant, 24 * MINUTE) == SET_BACK


def test_set_forward_before_a_restart_it_ends_early(place: GrantPlace) -> None:
    grant = active(place)
    place.wall += 10 * MINUTE
    place.begin()
    place.look()
    assert at_its_end(place, grant, 20 * MINUTE) == OVER


def test_what_is_given_after_the_clock_was_set_back_is_held_as_long_as_it_says(place: GrantPlace) -> None:
    old = active(place)
    place.wall -= 10 * MINUTE
    place.begin()
    place.look()
    new = active(place)
    assert at_its_end(place, new, 30 * MINUTE) == OVER
    assert place.state(old) is State.ENDED


def test_prolonged_after_the_clock_was_set_back_it_still_has_its_hard_limit(place: GrantPlace) -> None:
    grant = active(place)
    place.wall -= 10 * MINUTE
    place.begin()
    place.look()
    for _ in range(3):
        place.pass_by(both=18 * MINUTE)
        held = place.read(grant)
        place.desk.renew(held, held.fence, 30, actor="ada")
        place.begin()
        place.look()
    # Sixty minutes after it was given.
    at_its_end(place, grant, 6 * MINUTE)


@pytest.mark.parametrize("passed", [-MINUTE, 2 * MINUTE])
def test_over_a_restart_of_the_machine_only_the_wall_clock_goes_on(place: GrantPlace, passed: timedelta) -> None:
    grant = active(place)
    place.boot, place.ticks, place.wall = "second", 3.0, place.wall + passed
    place.begin()
    place.look()
    if passed > timedelta():
        assert at_its_end(place, grant, 28 * MINUTE) == OVER
    else:
        # Nobody can tell for how long it was down.
        assert (place.read(grant).ended_reason, place.provider.inside) == (SET_BACK, set())


def test_a_clock_that_was_years_ahead_ends_what_is_held_once_and_not_what_is_given_then(place: GrantPlace) -> None:
    grant = active(place)
    place.wall += timedelta(days=3650)
    place.look()
    place.look()
    assert place.state(grant) is State.ENDED
    place.pass_by(both=MINUTE)
    place.look()
    place.wall -= timedelta(days=3650)
    place.begin()
    place.look()
    place.look()
    assert at_its_end(place, active(place), 30 * MINUTE) == OVER


@pytest.mark.parametrize("content", ["", "{}", '{"moment": 1, "held": {}}'])
def test_where_what_was_kept_cannot_be_read_what_is_held_ends(place: GrantPlace, content: str) -> None:
    grant = active(place)
    file = place.root.access / FILE
    assert (set(json.loads(file.read_bytes())), file.stat().st_mode & 0o777) == ({"moment", "held"}, 0o600)
    place.begin()
    place.look()
    assert place.state(grant) is State.ACTIVE
    file.write_text(content)
    place.begin()
    place.look()
    assert place.read(grant).ended_reason == SET_BACK
    assert place.state(active(place)) is State.ACTIVE


@pytest.mark.parametrize("set_by", [-10 * MINUTE, timedelta(), 10 * MINUTE])
def test_that_nothing_is_logged_is_noticed_however_the_clock_is_set(place: GrantPlace, set_by: timedelta) -> None:
    place.log()
    place.ask()
    place.wall += set_by
    place.ticks += 30
    place.ask()
    place.ticks += 1
    with pytest.raises(AccessDenied, match="in no audit log yet"):
        place.ask()
    place.log()
    place.ask()


def test_since_the_machine_was_started_anew_something_has_to_be_logged_first(place: GrantPlace) -> None:
    place.log()
    place.boot = "second"
    # Everything is.
    place.ask()
    with pytest.raises(AccessDenied, match="in no audit log yet"):
        place.ask()
    place.log()
    place.ask()
