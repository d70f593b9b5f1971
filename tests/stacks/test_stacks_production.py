"""What production may become: each way around a decision is refused for its own reason, beside the one that holds."""

import re
from collections.abc import Callable

import pytest
from production_bench import OTHER, SAME, STEP, configure, decide, decided, deploy, lose_roles, propose, refused
from production_bench import place as place  # noqa: PLC0414  (the fixture)
from sqlalchemy import delete, update

from factory import artefacts, db, decisions, demo_people, releases
from factory.decisions import DECISIONS, Verdict
from factory.errors import DecisionRequired
from factory.releases import RELEASES
from factory.spec import Environment, load_app
from stacks import production
from stacks.places import Place


def test_a_decided_release_may_serve_by_every_door(place: Place) -> None:
    release, _ = decided(place)
    assert production.require_release(place).id == release.id
    assert production.require_release(place, release.id).id == release.id
    served = production.to_serve(place, None, dry_run=False)
    assert served.artefact == release.artefact
    assert refused(place) == []


def test_nothing_serves_before_anything_was_decided(place: Place) -> None:
    for ask in (production.require_release, production.require_proposal):
        with pytest.raises(DecisionRequired, match="no release"):
            ask(place)
    with pytest.raises(DecisionRequired):
        production.to_serve(place, None, dry_run=True)
    assert len(refused(place)) == 3


def test_a_proposed_release_may_be_previewed_and_not_applied(place: Place) -> None:
    release, _ = propose(place)
    assert production.to_serve(place, release.id, dry_run=True).artefact == release.artefact
    with pytest.raises(DecisionRequired, match="no release was decided"):
        production.to_serve(place, release.id, dry_run=False)


def _undecided(place: Place) -> None:
    deploy(place, *propose(place))


def _refused_by_a_person(place: Place) -> None:
    release, request = propose(place)
    decide(place, request, Verdict.REFUSE)
    deploy(place, release, request)


def _by_nobody(place: Place) -> None:
    release, request = decided(place)
    with db.transaction(place.database) as connection:
        connection.execute(update(RELEASES).where(RELEASES.c.id == release.id).values(request=None))
    del request


def _swapped_artefact(place: Place) -> None:
    decided(place)
    with db.transaction(place.database) as connection:
        connection.execute(update(RELEASES).values(artefact="sha256:" + "b" * 64))


def _swapped_spec(place: Place) -> None:
    release, _ = decided(place)
    spec = release.spec | {"owner": "another-team"}
    with db.transaction(place.database) as connection:
        connection.execute(update(RELEASES).values(spec=spec))


def _deleted_decision(place: Place) -> None:
    decided(place)
    with db.transaction(place.database) as connection:
        connection.execute(delete(DECISIONS))


def _lost_role(place: Place) -> None:
    decided(place)
    lose_roles(place)


def _another_request(place: Place) -> None:
    decided(place)
    release, _ = propose(place, "sha256:" + "c" * 64)
    deploy(place, release, 1)


def _the_same_artefact_undecided(place: Place) -> None:
    decided(place)
    release, _ = propose(place)
    deploy(place, release, 1)


def _edited_infra(place: Place) -> None:
    decided(place)
    (place.root.apps / "links" / "infra.py").write_text("def extend(factory): ...\n")


def _edited_configuration(place: Place) -> None:
    configure(place, {"millwright:secret.signing-key": {"secure": "v1:aaaa"}})
    decided(place)
    configure(place, {"millwright:secret.signing-key": {"secure": "v1:bbbb"}})


def _added_configuration(place: Place) -> None:
    configure(place, {"millwright:secret.signing-key": {"secure": "v1:aaaa"}})
    decided(place)
    configure(place, {"millwright:secret.signing-key": {"secure": "v1:aaaa"}, "aws:region": "us-east-1"})


ATTACKS: dict[str, tuple[Callable[[Place], None], str]] = {
    "undecided": (_undecided, "nobody has decided yet"),
    "refused by a person": (_refused_by_a_person, "refused it: why"),
    "never asked": (_by_nobody, "was never decided"),
    "another artefact in the row": (_swapped_artefact, "showed another artefact or spec"),
    "another spec in the row": (_swapped_spec, "is not the one that was decided"),
    "the decision deleted": (_deleted_decision, "nobody has decided yet"),
    "the role lost": (_lost_role, "does not hold the role operator"),
    "another release's decision": (_another_request, "decided on another release"),
    "a used decision for the same artefact": (_the_same_artefact_undecided, "decided on another release"),
    "infra.py edited": (_edited_infra, r"changed after the decision: infra\.py"),
    "a secret changed": (_edited_configuration, r"changed after the decision: millwright:secret\.signing-key"),
    "a provider configured": (_added_configuration, "changed after the decision: aws:region"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_way_around_a_decision_is_refused_for_its_own_reason(place: Place, attack: str) -> None:
    act, reason = ATTACKS[attack]
    act(place)
    with pytest.raises(DecisionRequired, match=reason):
        production.require_release(place)
    # The program asks the same, so leaving driver and door out gains nothing.
    with pytest.raises(DecisionRequired, match=reason):
        production.to_serve(place, None, dry_run=False)
    assert len(refused(place)) == 2
    assert all(re.search(reason, told) for told in refused(place))


def test_a_secret_that_came_later_and_nobody_reads_changes_nothing(place: Place) -> None:
    known = {"millwright:secret.signing-key": {"secure": "v1:aaaa"}}
    configure(place, known)
    release, _ = decided(place)
    configure(place, known | {"millwright:secret.of-a-proposal": {"secure": "v1:cccc"}})
    assert production.require_release(place).id == release.id


def test_an_author_cannot_decide_it(place: Place) -> None:
    _, request = propose(place, authors=(demo_people.OPERATOR,))
    with pytest.raises(decisions.DecisionRefused, match="nobody decides on their own work"):
        decide(place, request)


def test_an_edited_app_yaml_was_not_decided(place: Place) -> None:
    decided(place)
    file = place.root.apps / "links" / "app.yaml"
    file.write_text(file.read_text().replace("owner: web-team", "owner: other-team"))
    edited = place._replace(spec=load_app(place.root, "links"))
    with pytest.raises(DecisionRequired, match=r"app\.yaml was edited after the decision"):
        production.require_release(edited)


def test_a_plan_may_do_what_was_shown_or_less_and_nothing_else(place: Place) -> None:
    release, request = propose(place)
    decide(place, request)
    deploy(place, release, request, serves=False)
    begun = production.require_release(place)
    production.require_plan(place, begun, production.plan_of([STEP, SAME]))
    # A kill left it half done: what remains is less than what was shown.
    production.require_plan(place, begun, [])
    with pytest.raises(DecisionRequired, match="what nobody was shown: delete y"):
        production.require_plan(place, begun, production.plan_of([STEP, OTHER]))
    with db.transaction(place.database) as connection:
        releases.serves(connection, begun)
    # Once it serves, only drift is repaired: what is declared stays as it is.
    serving = production.require_release(place)
    production.require_plan(place, serving, [])
    for step in (STEP, OTHER):
        with pytest.raises(DecisionRequired, match="what nobody was shown"):
            production.require_plan(place, serving, production.plan_of([step]))


def test_the_return_is_allowed_by_the_decision_that_named_it(place: Place) -> None:
    first, _ = decided(place)
    second, request = propose(place, "sha256:" + "d" * 64)
    decide(place, request)
    deploy(place, second, request, serves=False)
    with db.transaction(place.database) as connection:
        failed = releases.read(connection, second.id)
        assert failed is not None
        back = releases.failed(connection, failed, "503")
        # The first decision does not stand any more, the second one does.
        connection.execute(delete(DECISIONS).where(DECISIONS.c.request == 1))
    assert back is not None
    assert back.id == first.id
    returned = production.require_release(place, first.id)
    assert returned.artefact == first.artefact
    # What the failed release has changed is changed back, and nothing else.
    production.require_plan(place, returned, production.plan_of([STEP]))
    with pytest.raises(DecisionRequired, match="what nobody was shown: delete y"):
        production.require_plan(place, returned, production.plan_of([STEP, OTHER]))
    lose_roles(place)
    with pytest.raises(DecisionRequired):
        production.require_release(place, first.id)


def test_staging_serves_the_seeded_app_before_its_first_release(place: Place) -> None:
    staging = place._replace(environment=Environment.STAGING)
    served = production.to_serve(staging, None, dry_run=False)
    assert artefacts.folder(place.root, served.artefact).is_dir()
    assert served.spec == place.spec
