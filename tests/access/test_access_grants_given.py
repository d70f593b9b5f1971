"""Asking for access: what is given, what is refused and written down, and what people have to say."""

from datetime import timedelta
from pathlib import Path

import pytest
from grant_place import AGENT, GrantPlace, grant_place

from access.grants import State
from access.grants.seal import Seal
from factory import demo_people
from factory.decisions import Verdict
from factory.errors import AccessDenied, DecisionRequired
from factory.paths import FactoryRoot
from factory.spec import Environment, Function, Scope

AUTHOR, OPERATOR, MAINTAINER = demo_people.AUTHOR, demo_people.OPERATOR, demo_people.MAINTAINER


@pytest.fixture
def place(tmp_path: Path) -> GrantPlace:
    return grant_place(tmp_path)


def test_what_the_rule_allows_is_opened_without_asking_anybody_and_told_step_by_step(place: GrantPlace) -> None:
    given = place.ask(scope=Scope.WRITE, minutes=15)
    assert given.grant.state is State.ISSUING
    place.look()
    grant = place.read(given.grant)
    assert (grant.state, grant.door) == (State.ACTIVE, "127.0.0.1:5432")
    assert grant.lease_until == "2026-03-01T12:15:00.000+00:00"
    assert grant.hard_until == "2026-03-01T13:00:00.000+00:00"
    assert place.kinds(grant) == ["grant.requested", "grant.allowed", "grant.issued"]
    assert {each.actor for each in place.told(grant)} == {AGENT, "access"}
    assert all((each.app, each.change, each.task) == ("tally", "sums", grant.task) for each in place.told(grant))


def test_who_names_no_time_is_given_the_most_there_is(place: GrantPlace) -> None:
    assert place.ask().grant.minutes == 60


@pytest.mark.parametrize(
    ("wider", "why"),
    [
        ({"scope": Scope.ADMIN}, "admin"),
        ({"minutes": 61}, "60 minutes"),
        ({"environment": Environment.PRODUCTION}, "production"),
        ({"function": Function.CODE_REVIEWER, "principal": "agent:tally/code-reviewer/t"}, "code-reviewer"),
        ({"principal": "agent:links/coder/links.x.coder.1"}, "another"),
        ({"resource": "databases.other"}, "databases.other"),
        ({"tags": {"role": "admin"}}, "tag"),
    ],
)
def test_more_than_the_rule_allows_is_refused_and_the_refusal_is_written_down(
    place: GrantPlace, wider: dict[str, object], why: str
) -> None:
    with pytest.raises(AccessDenied, match=why) as refused:
        place.ask(**wider)
    assert "millwright access why tally" in refused.value.hint
    asked, denied = place.told()
    assert (asked.kind, denied.kind, denied.properties["why"]) == (
        "grant.requested",
        "grant.denied",
        str(refused.value),
    )
    assert place.logged("grant.denied", grant=asked.properties["grant"])["properties"]["why"] == str(refused.value)
    place.look()
    assert not place.standing
    place.ask()
    place.look()
    assert len(place.standing) == 1


def test_what_nothing_opens_yet_is_refused_by_name(place: GrantPlace) -> None:
    with pytest.raises(AccessDenied, match="nothing opens services yet; there is: databases"):
        place.ask(environment=Environment.STAGING, resource="services.web")
    assert [each.kind for each in place.told()] == ["grant.requested", "grant.denied"]


def test_it_waits_for_the_person_that_the_rule_names_and_the_decision_opens_it(place: GrantPlace) -> None:
    grant = place.ask(environment=Environment.STAGING).grant
    place.look()
    assert place.state(grant) is State.REQUESTED
    assert not place.standing
    place.decide(grant, Verdict.APPROVE, OPERATOR)
    place.look()
    place.look()
    assert place.state(grant) is State.ACTIVE
    allowed = next(each for each in place.told(grant) if each.kind == "grant.allowed")
    assert allowed.properties["why"] == f"approved by {OPERATOR}"


def test_a_refusal_denies_it_with_the_persons_reason(place: GrantPlace) -> None:
    grant = place.ask(environment=Environment.STAGING).grant
    place.decide(grant, Verdict.REFUSE, OPERATOR, "not today")
    place.look()
    found = place.read(grant)
    assert (found.state, found.ended_reason) == (State.DENIED, f"{OPERATOR} refused it: not today")
    assert not place.standing


@pytest.mark.parametrize("person", [AUTHOR, MAINTAINER])
def test_nobody_opens_it_without_the_role_and_no_author_of_the_change_does(place: GrantPlace, person: str) -> None:
    grant = place.ask(environment=Environment.STAGING, on_behalf_of=person).grant
    with pytest.raises(DecisionRequired, match="author of it"):
        place.decide(grant, Verdict.APPROVE, person)
    place.look()
    assert place.state(grant) is State.REQUESTED


def test_a_decision_written_by_hand_opens_nothing(place: GrantPlace) -> None:
    grant = place.ask(environment=Environment.STAGING).grant
    place.write_over("UPDATE factory_request SET state = 'approved' WHERE id = :id", id=grant.request)
    place.look()
    found = place.read(grant)
    assert (found.state, "nobody has decided yet" in found.ended_reason) == (State.DENIED, True)
    assert "nobody has decided yet" in place.logged("grant.denied", grant=grant.id)["properties"]["why"]


def test_a_row_that_is_widened_after_the_approval_is_not_opened(place: GrantPlace) -> None:
    grant = place.ask(environment=Environment.STAGING, minutes=5).grant
    place.decide(grant, Verdict.APPROVE, OPERATOR)
    place.write_over("UPDATE access_grant SET minutes = 30 WHERE id = :id", id=grant.id)
    place.look()
    assert place.state(grant) is State.DENIED
    assert not place.standing


def test_what_nobody_decides_on_in_a_day_is_denied_and_nobody_is_asked_any_more(place: GrantPlace) -> None:
    grant = place.ask(environment=Environment.STAGING).grant
    place.pass_by(both=timedelta(hours=24))
    place.look()
    assert place.state(grant) is State.REQUESTED
    place.pass_by(both=timedelta(minutes=1))
    place.look()
    assert place.state(grant) is State.DENIED
    with pytest.raises(DecisionRequired, match="withdrawn"):
        place.decide(grant, Verdict.APPROVE, OPERATOR)


def test_a_rule_that_is_taken_away_meanwhile_lets_nobody_in(place: GrantPlace) -> None:
    grant = place.ask().grant
    place.rules([])
    place.look()
    place.look()
    found = place.read(grant)
    assert (found.state, "not allowed any more" in found.ended_reason) == (State.ENDED, True)
    assert not place.standing


def test_a_person_is_let_in_by_their_own_signature(place: GrantPlace) -> None:
    grant = place.person_asks(OPERATOR).grant
    place.look()
    assert place.state(grant) is State.ACTIVE


def test_a_person_without_the_signature_is_not(place: GrantPlace) -> None:
    grant = place.person_asks(OPERATOR, signer=MAINTAINER).grant
    place.look()
    place.look()
    found = place.read(grant)
    assert (found.state, f"nothing proves that {OPERATOR} asked" in found.ended_reason) == (State.ENDED, True)
    assert not place.standing


def test_a_signed_row_that_is_changed_by_hand_lets_nobody_in(place: GrantPlace) -> None:
    grant = place.person_asks(OPERATOR).grant
    place.write_over("UPDATE access_grant SET scope = 'write' WHERE id = :id", id=grant.id)
    place.look()
    place.look()
    assert place.state(grant) is State.ENDED
    assert not place.standing


@pytest.mark.parametrize(
    "changed",
    ["scope = 'write'", "on_behalf_of = ''", "verifier = (SELECT max(verifier) FROM access_grant)", "proof = ''"],
)
def test_a_tasks_row_that_is_changed_by_hand_lets_nobody_in(place: GrantPlace, changed: str) -> None:
    one, other = sorted((place.ask().grant, place.ask().grant), key=lambda each: each.verifier)
    place.write_over(f"UPDATE access_grant SET {changed} WHERE id = :id", id=one.id)  # noqa: S608 -- our own
    place.look()
    place.look()
    found = place.read(one)
    assert (found.state, "nothing proves that agent:" in found.ended_reason) == (State.ENDED, True)
    assert place.state(other) is State.ACTIVE
    assert "nothing proves" in place.logged("grant.ended", grant=one.id)["properties"]["why"]


def test_a_row_that_another_factory_sealed_lets_nobody_in(place: GrantPlace, tmp_path: Path) -> None:
    grant = place.ask().grant
    foreign = Seal(FactoryRoot(tmp_path / "another")).sealed(grant).proof
    place.write_over("UPDATE access_grant SET proof = :proof WHERE id = :id", proof=foreign, id=grant.id)
    place.look()
    place.look()
    assert place.state(grant) is State.ENDED
    assert not place.standing


def test_a_signed_request_for_another_token_lets_nobody_in(place: GrantPlace) -> None:
    grant = place.person_asks(OPERATOR).grant
    mine = place.ask().grant.verifier
    place.write_over("UPDATE access_grant SET verifier = :mine WHERE id = :id", id=grant.id, mine=mine)
    place.look()
    place.look()
    assert place.state(grant) is State.ENDED


def test_a_person_without_a_role_is_refused(place: GrantPlace) -> None:
    with pytest.raises(AccessDenied):
        place.person_asks(AUTHOR)


def test_nothing_is_given_while_what_happened_is_in_no_audit_log(place: GrantPlace) -> None:
    place.ask()
    # Events carry the machine's own time.
    place.wall += timedelta(days=3650)
    with pytest.raises(AccessDenied, match="in no audit log yet"):
        place.ask()
    place.log()
    place.ask()


def test_the_token_stands_nowhere(place: GrantPlace) -> None:
    given = place.ask()
    place.look()
    assert given.token.startswith("mwg_")
    written = b"".join(path.read_bytes() for path in place.root.state.rglob("*") if path.is_file())
    assert given.grant.id.encode() in written
    assert given.token.encode() not in written
