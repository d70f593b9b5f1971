"""What an update of staging or production may lose: what an architect approved, once. Attacks, and what holds."""

import pytest
from production_bench import decide, edit, stand
from production_bench import place as place  # noqa: PLC0414  (the fixture)

from factory import db, demo_people, events, requests
from factory.decisions import DecisionRefused, Verdict
from factory.errors import ExitCode, LossUndecided
from factory.gates import Gate, Role
from factory.requests import Request
from factory.spec import Environment, load_app
from stacks import data_loss
from stacks.driver.model import Step
from stacks.places import Place

DATABASE = Step(urn="urn:a::b::database", type="aws:rds/instance:Instance", name="database", action="replace")
QUEUE = Step(urn="urn:a::b::jobs", type="aws:sqs/queue:Queue", name="jobs", action="delete")
HARMLESS = Step(urn="urn:a::b::task", type="aws:ecs/taskDefinition:TaskDefinition", name="task", action="replace")
SECOND = demo_people.SECURITY


@pytest.fixture
def staging(place: Place) -> Place:
    """Staging, which stands."""
    staging = place._replace(environment=Environment.STAGING)
    stand(staging, "2026-01-01T00:00:00")
    return staging


def update(place: Place, *steps: Step) -> None:
    data_loss.require_decided(place, place.spec.digest(), steps)


def refusal(place: Place, *steps: Step) -> str:
    with pytest.raises(LossUndecided) as refused:
        update(place, *steps)
    assert refused.value.exit_code is ExitCode.DECISION_REQUIRED
    return str(refused.value)


def asked(place: Place) -> list[Request]:
    """What waits for an architect."""
    with db.transaction(place.database) as connection:
        found = requests.open_requests(connection)
    assert all(request.gate is Gate.ARCHITECTURE for request in found)
    return found


def approve(place: Place, person: str = demo_people.ARCHITECT) -> None:
    (request,) = asked(place)
    decide(place, request.id, person=person)


def change_roles(place: Place, person: str, before: str, after: str) -> None:
    file = place.root.demo_people / "people.yaml"
    text = file.read_text()
    head, found, tail = text.partition(f"{person}:")
    assert found
    assert f"roles: [{before}]" in tail
    file.write_text(head + found + tail.replace(f"roles: [{before}]", f"roles: [{after}]", 1))


@pytest.mark.parametrize("environment", data_loss.GUARDED)
def test_an_update_that_loses_data_asks_an_architect_and_goes_on_once(place: Place, environment: Environment) -> None:
    there = place._replace(environment=environment)
    stand(there, "2026-01-01T00:00:00")
    said = refusal(there, DATABASE, HARMLESS)
    (request,) = asked(there)
    assert f"request {request.id}, it waits for a person (architect)" in said
    assert "\n  replace aws:rds/instance:Instance database" in said
    assert request.shown["would be lost"] == [[DATABASE.urn, "replace"]]
    assert (request.role, request.environment) == (Role.ARCHITECT, environment)
    # Who tries again opens no other question.
    assert refusal(there, DATABASE, HARMLESS) == said
    approve(there)
    update(there, DATABASE, HARMLESS)
    with db.transaction(there.database) as connection:
        (told,) = [e for e in events.recent(connection, app="links", limit=100) if e.kind == "data_loss.allowed"]
    assert told.properties["approved_by"] == [demo_people.ARCHITECT]
    # The update has ended: the same again is another loss.
    stand(there, "2026-01-02T00:00:00")
    assert f"request {request.id + 1}, it waits" in refusal(there, DATABASE, HARMLESS)


def test_what_loses_nothing_and_what_is_disposable_is_not_asked_about(staging: Place) -> None:
    update(staging, HARMLESS)
    update(staging)
    update(staging._replace(environment=Environment.BUILD), DATABASE, QUEUE)
    assert asked(staging) == []


def test_a_decision_counts_for_exactly_what_it_showed(staging: Place) -> None:
    refusal(staging, DATABASE)
    approve(staging)
    for others in ((QUEUE,), (DATABASE, QUEUE)):
        refusal(staging, *others)
    # Another stack, and another spec that loses the same.
    production = staging._replace(environment=Environment.PRODUCTION)
    stand(production, "2026-01-01T00:00:00")
    refusal(production, DATABASE)
    refusal(edit(staging), DATABASE)
    update(staging, DATABASE)
    # As a kill leaves it: the replacement is there, what it replaced is still to be deleted.
    update(staging, Step(urn=DATABASE.urn, type=DATABASE.type, name="database", action="delete-replaced"))


def test_a_question_about_another_loss_is_withdrawn_and_can_be_asked_anew(staging: Place) -> None:
    refusal(staging, DATABASE)
    (first,) = asked(staging)
    refusal(staging, QUEUE)
    (second,) = asked(staging)
    with pytest.raises(DecisionRefused, match=f"withdrawn, {data_loss.ANOTHER}"):
        decide(staging, first.id, person=demo_people.ARCHITECT)
    assert f"request {second.id + 1}, it waits" in refusal(staging, DATABASE)
    approve(staging)
    update(staging, DATABASE)
    refusal(staging, QUEUE)
    # app.yaml declares it again: nobody is left with a question about nothing.
    update(staging)
    assert asked(staging) == []


def test_a_refusal_stands_until_something_else_is_declared(staging: Place) -> None:
    refusal(staging, DATABASE)
    (request,) = asked(staging)
    decide(staging, request.id, Verdict.REFUSE, demo_people.ARCHITECT)
    for _ in range(2):
        assert "demo-architect refused it: why" in refusal(staging, DATABASE)
    assert asked(staging) == []
    refusal(edit(staging), DATABASE)
    assert len(asked(staging)) == 1


def test_only_an_architect_decides_and_must_be_one_still(staging: Place) -> None:
    refusal(staging, DATABASE)
    with pytest.raises(DecisionRefused, match="does not hold the role architect"):
        approve(staging, demo_people.OPERATOR)
    approve(staging)
    change_roles(staging, demo_people.ARCHITECT, "architect", "viewer")
    assert "it waits for a person (architect)" in refusal(staging, DATABASE)
    (anew,) = asked(staging)
    change_roles(staging, SECOND, "security", "architect")
    decide(staging, anew.id, person=SECOND)
    update(staging, DATABASE)


def test_as_many_architects_as_app_yaml_asks_for(staging: Place) -> None:
    refusal(staging, DATABASE)
    file = staging.root.apps / "links" / "app.yaml"
    file.write_text(file.read_text() + "gates:\n  architecture: {approvals: 2}\n")
    tightened = staging._replace(spec=load_app(staging.root, "links"))
    change_roles(staging, SECOND, "security", "architect")
    digest = staging.spec.digest()

    def update_of_the_same_release() -> None:
        data_loss.require_decided(tightened, digest, [DATABASE])

    with pytest.raises(LossUndecided, match="it waits for 2 people"):
        update_of_the_same_release()
    approve(tightened)
    with pytest.raises(LossUndecided, match="1 of 2 approved by demo-architect"):
        update_of_the_same_release()
    approve(tightened, SECOND)
    update_of_the_same_release()
