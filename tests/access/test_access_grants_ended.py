"""How a grant ends: by its time, by people, by its fence; and that what stands for it goes, whatever is in the way."""

from datetime import timedelta
from pathlib import Path

import pytest
from grant_place import GrantPlace, Killed, grant_place

from access.grants import Grant, Overtaken, State
from factory import demo_people
from factory.decisions import Verdict
from factory.errors import AccessDenied
from factory.spec import Environment

AUTHOR, OPERATOR = demo_people.AUTHOR, demo_people.OPERATOR
MINUTE = timedelta(minutes=1)


@pytest.fixture
def place(tmp_path: Path) -> GrantPlace:
    return grant_place(tmp_path)


def active(place: GrantPlace, **other: object) -> Grant:
    given = place.ask(**other)
    place.look()
    grant = place.read(given.grant)
    assert grant.state is State.ACTIVE
    return grant


def test_it_ends_with_its_lease(place: GrantPlace) -> None:
    grant = active(place, minutes=10)
    place.pass_by(both=10 * MINUTE - timedelta(seconds=1))
    place.look()
    assert place.state(grant) is State.ACTIVE
    place.pass_by(both=timedelta(seconds=1))
    place.broker.cut()
    assert not place.provider.inside
    place.look()
    found = place.read(grant)
    assert (found.state, found.ended_reason) == (State.ENDED, "its lease is over")
    assert place.kinds(grant)[-2:] == ["grant.revoking", "grant.ended"]
    assert not place.standing


@pytest.mark.parametrize("skew", [-10 * MINUTE, 10 * MINUTE])
def test_a_clock_that_is_set_never_prolongs_it(place: GrantPlace, skew: timedelta) -> None:
    grant = active(place, minutes=10)
    place.look()
    place.wall += skew
    place.look()
    # Set forward, it ends early; set back, the other clock ends it in time.
    assert place.state(grant) is (State.ACTIVE if skew < timedelta() else State.ENDED)
    place.pass_by(both=10 * MINUTE)
    place.look()
    assert place.state(grant) is State.ENDED


def test_it_is_prolonged_up_to_its_hard_limit_and_no_further(place: GrantPlace) -> None:
    grant = active(place, minutes=10)
    place.pass_by(both=5 * MINUTE)
    grant = place.desk.renew(grant, grant.fence, 30, actor="ada")
    assert grant.lease_until == "2026-03-01T12:35:00.000+00:00"
    place.pass_by(both=25 * MINUTE)
    place.look()
    grant = place.desk.renew(place.read(grant), grant.fence, 240, actor="ada")
    assert grant.lease_until == grant.hard_until == "2026-03-01T13:00:00.000+00:00"
    place.pass_by(both=30 * MINUTE)
    place.look()
    assert place.state(grant) is State.ENDED


def test_whoever_slept_over_the_lease_cannot_prolong_it(place: GrantPlace) -> None:
    grant = active(place, minutes=10)
    place.pass_by(both=11 * MINUTE)
    with pytest.raises(AccessDenied, match="is over"):
        place.desk.renew(grant, grant.fence, 10, actor="ada")


def test_an_older_fence_prolongs_nothing(place: GrantPlace) -> None:
    old = active(place, minutes=10)
    new = place.desk.renew(old, old.fence, 20, actor="ada")
    with pytest.raises(AccessDenied, match=f"fence {new.fence}, not {old.fence}"):
        place.desk.renew(place.read(new), old.fence, 30, actor="ada")
    with pytest.raises(Overtaken):
        place.desk.renew(old, old.fence, 30, actor="ada")
    place.desk.renew(place.read(new), new.fence, 30, actor="ada")


def test_its_holder_ends_it_and_so_does_who_may_stop_it(place: GrantPlace) -> None:
    own, other = (place.person_asks(OPERATOR).grant for _ in range(2))
    place.look()
    place.desk.revoke(place.read(own), "done", OPERATOR, place.signs(OPERATOR))
    place.desk.revoke(place.read(other), "enough", demo_people.SECURITY, place.signs(demo_people.SECURITY))
    place.look()
    assert [place.read(each).ended_reason for each in (own, other)] == ["done", "enough"]
    assert place.state(own) is place.state(other) is State.ENDED


def test_nobody_else_ends_it_and_nobody_by_another_ones_name(place: GrantPlace) -> None:
    grant = active(place)
    with pytest.raises(AccessDenied, match=f"{AUTHOR} may not stop"):
        place.desk.revoke(grant, "because", AUTHOR, place.signs(AUTHOR))
    with pytest.raises(AccessDenied, match=f"nothing proves that it is {OPERATOR}"):
        place.desk.revoke(grant, "because", OPERATOR, place.signs(AUTHOR))
    assert place.state(grant) is State.ACTIVE


def test_the_emergency_stop_ends_everything_that_is_held_or_asked_for(place: GrantPlace) -> None:
    held, asked = [active(place) for _ in range(3)], place.ask(environment=Environment.STAGING).grant
    with pytest.raises(AccessDenied, match=AUTHOR):
        place.desk.stop("tally", "fire", AUTHOR, place.signs(AUTHOR))
    assert place.state(held[0]) is State.ACTIVE
    stopped = place.desk.stop("tally", "fire", OPERATOR, place.signs(OPERATOR))
    assert {each.id for each in stopped} == {each.id for each in (*held, asked)}
    place.broker.cut()
    assert not place.provider.inside
    place.look()
    assert not place.standing
    assert [place.state(each) for each in held] == [State.ENDED] * 3
    assert place.state(asked) is State.DENIED


def test_a_broken_app_keeps_nobody_from_ending_what_is_held_of_it(place: GrantPlace) -> None:
    one, two = active(place), active(place)
    (place.root.apps / "tally" / "app.yaml").write_text("no: app")
    place.desk.revoke(place.read(one), "enough", OPERATOR, place.signs(OPERATOR))
    (place.root.apps / "tally" / "app.yaml").unlink()
    assert [each.id for each in place.desk.stop(None, "fire", OPERATOR, place.signs(OPERATOR))] == [two.id]
    place.look()
    assert not place.standing


def test_what_is_approved_for_a_time_is_held_no_longer(place: GrantPlace) -> None:
    grant = place.ask(environment=Environment.STAGING, minutes=5).grant
    place.decide(grant, Verdict.APPROVE, OPERATOR)
    place.look()
    place.look()
    held = place.read(grant)
    assert held.lease_until == held.hard_until == "2026-03-01T12:05:00.000+00:00"
    place.desk.renew(held, held.fence, 30, actor="ada")
    place.pass_by(both=5 * MINUTE)
    place.look()
    assert place.state(grant) is State.ENDED


def test_a_clock_that_is_set_back_prolongs_nothing_beyond_the_hard_limit(place: GrantPlace) -> None:
    grant = active(place, minutes=10)
    place.look()
    for _ in range(8):
        place.pass_by(both=8 * MINUTE)
        place.wall -= 8 * MINUTE
        place.look()
        if (now := place.read(grant)).state is State.ACTIVE:
            place.desk.renew(now, now.fence, 10, actor="ada")
            place.look()
    assert place.state(grant) is State.ENDED


def test_what_was_given_once_is_not_given_again_by_a_row_that_is_set_back(place: GrantPlace) -> None:
    grant = active(place)
    place.desk.end(grant, "over", actor="ada")
    place.look()
    place.write_over("UPDATE access_grant SET state = 'issuing' WHERE id = :id", id=grant.id)
    place.look()
    place.look()
    found = place.read(grant)
    assert (found.state, "not given twice" in found.ended_reason) == (State.ENDED, True)
    assert not place.standing


def test_what_was_asked_for_long_ago_is_not_given_now(place: GrantPlace) -> None:
    grant = place.ask(environment=Environment.STAGING).grant
    place.decide(grant, Verdict.APPROVE, OPERATOR)
    place.pass_by(both=timedelta(days=30))
    place.look()
    found = place.read(grant)
    assert (found.state, "too long ago" in found.ended_reason) == (State.DENIED, True)


def test_whatever_goes_wrong_when_it_is_opened_it_ends(place: GrantPlace) -> None:
    grant = place.ask().grant

    def broken(_: Grant) -> object:
        raise KeyError("a fault")

    place.provider.issue = broken
    place.look()
    place.look()
    assert place.state(grant) is State.ENDED


def test_what_cannot_be_taken_away_is_tried_again_until_it_is(place: GrantPlace) -> None:
    grant = active(place)
    place.provider.fails = 3
    place.desk.end(grant, "over", actor="ada")
    place.look()
    found = place.read(grant)
    assert (found.state, found.last_error) == (State.REVOKE_FAILED, "the database does not answer")
    assert not place.provider.inside
    # Not at once again, and each time a little later.
    for tried, pause in ((1, 1.0), (2, 2.0), (3, 4.0)):
        place.look()
        assert place.read(grant).revoke_attempts == tried
        place.pass_by(both=timedelta(seconds=pause))
        place.look()
    assert place.state(grant) is State.ENDED
    assert not place.standing
    assert place.kinds(grant).count("grant.revoke_failed") == 1


def test_one_that_cannot_be_taken_away_keeps_nobody_elses(place: GrantPlace) -> None:
    stuck, other = active(place), active(place)
    place.provider.fails = 1
    place.desk.end(stuck, "over", actor="ada")
    place.look()
    place.desk.end(other, "over", actor="ada")
    place.look()
    assert (place.state(stuck), place.state(other)) == (State.REVOKE_FAILED, State.ENDED)


@pytest.mark.parametrize("point", ["before issue", "half issued", "after issue"])
def test_killed_while_it_opens_it_goes_on(place: GrantPlace, point: str) -> None:
    grant = place.ask().grant
    place.begin(dies_at=point)
    with pytest.raises(Killed):
        place.look()
    assert place.state(grant) is State.ISSUING
    place.begin()
    place.look()
    assert place.state(grant) is State.ACTIVE
    assert len(place.standing) == 1


@pytest.mark.parametrize("point", ["before cut", "before remove", "after remove"])
def test_killed_while_it_closes_it_goes_on(place: GrantPlace, point: str) -> None:
    grant = active(place)
    place.desk.end(grant, "over", actor="ada")
    place.provider.dies_at = point
    with pytest.raises(Killed):
        place.look()
    place.begin()
    assert not place.provider.inside
    place.look()
    assert place.state(grant) is State.ENDED
    assert not place.standing


def test_after_a_restart_its_holder_is_let_in_again(place: GrantPlace) -> None:
    grant = active(place)
    place.begin()
    assert not place.provider.inside
    place.look()
    assert place.provider.inside == {grant.id}
    assert place.kinds(grant)[-1] == "grant.reopened"


def test_after_a_restart_nobody_is_let_in_again_whom_the_rules_do_not_allow_any_more(place: GrantPlace) -> None:
    grant = active(place)
    place.rules([])
    place.begin()
    place.look()
    place.look()
    assert place.state(grant) is State.ENDED
    assert not place.standing
    assert not place.provider.inside


def test_revoked_while_it_is_being_opened_it_does_not_stay_open(place: GrantPlace) -> None:
    grant = place.ask().grant
    issue = place.provider.issue

    def overtaken(issuing: Grant) -> object:
        made = issue(issuing)
        place.desk.end(place.read(grant), "over", actor="ada")
        return made

    place.provider.issue = overtaken
    place.look()
    assert place.state(grant) is State.REVOKING
    place.look()
    assert place.state(grant) is State.ENDED
    assert not place.standing
    assert not place.provider.inside


def test_what_stands_for_no_grant_is_swept_away_and_told_and_what_is_held_stays(place: GrantPlace) -> None:
    grant = active(place)
    place.standing.add("mw_orphan")
    assert place.broker.sweep("postgres") == ["mw_orphan"]
    assert place.standing == {f"mw_{grant.id}"}
    swept = [each for each in place.told() if each.kind == "grant.swept"]
    assert [(each.app, each.properties["ref"]) for each in swept] == [("tally", "mw_orphan")]
    assert place.broker.sweep("postgres") == []
