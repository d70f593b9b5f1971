"""Production whose gate asks for two: nothing less opens it, by driver or program. Attacks beside what holds."""

from collections.abc import Callable

import pytest
from production_bench import ask_to_destroy, decide, deploy, edit, lose_roles, propose, refused, second_operator, stand
from production_bench import place as place  # noqa: PLC0414  (the fixture)
from sqlalchemy import delete, insert, select, update

from factory import db, decisions, demo_people, requests, signatures
from factory.decisions import DECISIONS, Verdict
from factory.errors import DecisionRequired
from factory.releases import Release
from factory.requests import REQUESTS, Request, RequestState
from factory.spec import Environment, load_app
from stacks import destruction, production
from stacks.driver import Kind, ledger, read_history
from stacks.driver.client import require_decided
from stacks.places import Place

OPERATOR, SECOND = demo_people.OPERATOR, demo_people.SECURITY


def asking_for_two(place: Place, gate: str = "production") -> Place:
    """The place whose app.yaml asks for two approvals at a gate."""
    file = place.root.apps / "links" / "app.yaml"
    file.write_text(f"{file.read_text()}gates:\n  {gate}: {{approvals: 2}}\n")
    return place._replace(spec=load_app(place.root, "links"))


@pytest.fixture
def two(place: Place) -> Place:
    """Production whose gate asks for two, with two operators."""
    second_operator(place)
    return asking_for_two(place)


def proposed(place: Place) -> tuple[Release, int]:
    """A release that is to serve, approved by one of two so far."""
    release, request = propose(place)
    decide(place, request)
    deploy(place, release, request)
    return release, request


def _close(place: Place, request: int, **values: object) -> None:
    with db.transaction(place.database) as connection:
        query = update(REQUESTS).where(REQUESTS.c.id == request)
        connection.execute(query.values(state=RequestState.APPROVED, **values))


def _read(place: Place, request: int) -> Request:
    with db.transaction(place.database) as connection:
        found = requests.read(connection, request)
    assert found is not None
    return found


def _one(place: Place) -> None:
    proposed(place)


def _one_and_closed_by_hand(place: Place) -> None:
    _close(place, proposed(place)[1])


def _one_and_the_number_lowered(place: Place) -> None:
    _close(place, proposed(place)[1], approvals=1)


def _one_and_a_copy(place: Place) -> None:
    """The row of the first, under the name of the second, with the text that the second would have signed."""
    _, request = proposed(place)
    with db.transaction(place.database) as connection:
        row = dict(connection.execute(select(DECISIONS)).mappings().one())
        text = decisions.payload(_read(place, request), Verdict.APPROVE, SECOND, "why").decode()
        copy = {**row, "id": None, "person": SECOND, "payload": text}
        connection.execute(insert(DECISIONS).values(**copy))
    _close(place, request)


def _two_of_whom_one_lost_the_role(place: Place) -> None:
    _, request = proposed(place)
    decide(place, request, person=SECOND)
    lose_roles(place)


def _two_of_whom_one_is_an_author(place: Place) -> None:
    """The author's approval was put past the desk into the database, with a true signature."""
    release, request = propose(place, authors=(SECOND,))
    decide(place, request)
    deploy(place, release, request)
    text = decisions.payload(_read(place, request), Verdict.APPROVE, SECOND, "why")
    signature = signatures.sign_unattended(text, demo_people.key_file(place.root, SECOND))
    with db.transaction(place.database) as connection:
        row = dict(connection.execute(select(DECISIONS)).mappings().one())
        signed = {"id": None, "person": SECOND, "payload": text.decode(), "signature": signature}
        connection.execute(insert(DECISIONS).values(**{**row, **signed}))
    _close(place, request)


def _two_of_which_one_is_gone(place: Place) -> None:
    _, request = proposed(place)
    decide(place, request, person=SECOND)
    with db.transaction(place.database) as connection:
        connection.execute(delete(DECISIONS).where(DECISIONS.c.person == OPERATOR))


def _refused_by_the_second(place: Place) -> None:
    _, request = proposed(place)
    decide(place, request, Verdict.REFUSE, SECOND)


ATTACKS: dict[str, tuple[Callable[[Place], None], str]] = {
    "one approval": (_one, "it takes 2 approvals: 1 of 2 approved by demo-operator"),
    "one, closed by hand": (_one_and_closed_by_hand, "it takes 2 approvals: 1 of 2"),
    "one, and the number lowered": (_one_and_the_number_lowered, "changed after it was signed"),
    "one, and a copy of it": (_one_and_a_copy, "is not one of demo-security's keys over exactly this"),
    "two, and a role lost": (_two_of_whom_one_lost_the_role, "demo-operator does not hold the role operator"),
    "two, and one is an author": (_two_of_whom_one_is_an_author, "demo-security is an author of it"),
    "two, and one is gone": (_two_of_which_one_is_gone, "it takes 2 approvals: 1 of 2 approved by demo-security"),
    "refused by the second": (_refused_by_the_second, "demo-security refused it: why"),
}


def test_two_approvals_open_production_by_every_door(two: Place) -> None:
    release, request = proposed(two)
    decide(two, request, person=SECOND)
    assert production.require_release(two).id == release.id
    assert production.to_serve(two, None, dry_run=False).artefact == release.artefact
    require_decided(two.root, two.settings, two.spec, Environment.PRODUCTION, Kind.UP, None)
    assert refused(two) == []


@pytest.mark.parametrize("attack", ATTACKS)
def test_less_than_two_approvals_open_it_by_no_door(two: Place, attack: str) -> None:
    act, reason = ATTACKS[attack]
    act(two)
    # The driver asks, and so does the program itself, which needs neither driver nor shim.
    with pytest.raises(DecisionRequired, match=reason):
        require_decided(two.root, two.settings, two.spec, Environment.PRODUCTION, Kind.UP, None)
    with pytest.raises(DecisionRequired, match=reason):
        production.to_serve(two, None, dry_run=False)
    assert len(refused(two)) == 2


def test_the_same_person_or_an_author_is_no_second_operator(two: Place) -> None:
    _, request = propose(two, authors=(SECOND,))
    decide(two, request)
    for person, why in ((OPERATOR, "has decided on it already"), (SECOND, "nobody decides on their own work")):
        with pytest.raises(decisions.DecisionRefused, match=why):
            decide(two, request, person=person)
    assert _read(two, request).state is RequestState.OPEN
    _, other = proposed(two)
    decide(two, other, person=SECOND)
    assert production.require_release(two).request == other


def test_what_one_approved_before_the_gate_asked_for_two_is_not_applied_by_the_line(place: Place) -> None:
    """The line names its release, so app.yaml may have been edited since: the gate counts as it is now."""
    release, request = propose(place)
    decide(place, request)
    deploy(place, release, request, serves=False)
    assert production.require_release(place, release.id).id == release.id
    second_operator(place)
    tightened = asking_for_two(place)
    with pytest.raises(DecisionRequired, match=r"app\.yaml asks for 2 for the gate production now"):
        production.require_release(tightened, release.id)
    loosened = edit(tightened, "approvals: 2", "approvals: 1")
    assert production.require_release(loosened, release.id).id == release.id


def test_a_destruction_takes_two_as_well_and_is_asked_anew_when_the_gate_was_tightened(place: Place) -> None:
    stand(place, "2026-01-01T00:00:00")
    first = ask_to_destroy(place, demo_people.AUTHOR)
    decide(place, first.id)
    destruction.require_destroy(place)
    second_operator(place)
    tightened = asking_for_two(place, "destroy")
    with pytest.raises(DecisionRequired, match="nobody was asked"):
        destruction.require_destroy(tightened)
    again = ask_to_destroy(tightened, demo_people.AUTHOR)
    assert again.id != first.id
    decide(tightened, again.id)
    with pytest.raises(DecisionRequired, match="it takes 2 approvals: 1 of 2 approved by demo-operator"):
        destruction.require_destroy(tightened)
    decide(tightened, again.id, person=SECOND)
    destruction.require_destroy(tightened)
    # Loosened: what one approved holds, and so does what two approved.
    loosened = edit(tightened, "approvals: 2", "approvals: 1")
    destruction.require_destroy(loosened)
    with db.transaction(place.database) as connection:
        connection.execute(delete(REQUESTS).where(REQUESTS.c.id == first.id))
    destruction.require_destroy(loosened)


def test_the_history_names_everybody_who_approved_the_release(two: Place) -> None:
    release, request = proposed(two)
    decide(two, request, person=SECOND)
    by = ledger.By(door="driver", actor="factory", release=release.id)
    ledger.started(two.database, two.spec, two.environment, Kind.UP, by, cloud_generation=None)
    (update,) = read_history(two.root, two.settings, "links", "production")
    assert (update.release, update.approved_by) == (release.id, [OPERATOR, SECOND])
