"""An environment goes back to an earlier release: asked once, decided where it must be, and the same after any kill."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from deploy_bench import APP, DeployBench, make_deploy_bench
from test_stage_deploy import SICK, WELL, decide, healthy, lose_roles, two_changes

from factory import artefacts, db, demo_people, events, releases, requests, signatures
from factory.errors import DataAtRisk, DecisionRequired, InputError, MillwrightError
from factory.releases import Release
from factory.requests import Request
from pipeline import rollbacks
from pipeline.durable import Json, Lane
from pipeline.flow import ChangeFlow
from pipeline.records import ChangeRecord, ChangeState
from pipeline.service import STAGES
from pipeline.stages import deploy, rollback
from stacks.driver import Step

BUCKET = Step(urn="urn:a::b::files", type="aws:s3/bucket:Bucket", name="files", action="delete")


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DeployBench:
    healthy(monkeypatch, WELL)
    return make_deploy_bench(tmp_path)


@dataclass
class StagesAtOnce:
    """Runs the real stages where the flow asks for them, and remembers nothing: each flow here runs once."""

    bench: DeployBench
    asked: list[str] = field(default_factory=list)

    def step(self, name: str, work) -> Json:
        return work()

    def stage(self, lane: Lane, name: str, key: str, argument: Json) -> Json:
        self.asked.append(f"{lane} {name}")
        return STAGES[name](self.bench.context, key.partition(":")[0], argument)


def ask(bench: DeployBench, environment: str, to: int, person: str = demo_people.AUTHOR) -> ChangeRecord:
    root, settings = bench.context.root, bench.context.settings
    payload = rollbacks.payload(root, settings, APP, environment, to, person)
    signature = signatures.sign_unattended(payload, demo_people.key_file(root, person), namespace=signatures.SUBMIT)
    return rollbacks.ask(root, settings, APP, environment, to, person=person, signature=signature)


def two_releases(bench: DeployBench, environment: str = "production") -> tuple[Release, Release]:
    """Two changes, each released there; app.yaml was edited in between."""
    first, second = two_changes(bench)
    before = bench.serving(first, environment)
    file = bench.context.root.apps / APP / "app.yaml"
    file.write_text(file.read_text().replace("replicas: 1", "replicas: 2"))
    return before, bench.serving(second, environment)


def run(bench: DeployBench, record: ChangeRecord) -> ChangeRecord:
    ChangeFlow(bench.context, StagesAtOnce(bench), record.id).run_rollback()
    return bench.context.change(record.id)


def wanted(bench: DeployBench, environment: str) -> Release:
    with db.transaction(bench.context.database) as connection:
        found = releases.wanted(connection, APP, environment)
    assert found is not None
    return found


def proposed(bench: DeployBench, record: ChangeRecord) -> tuple[Json, Request]:
    argument = {"artefact": record.artefact, "round": 1, "staging": {}}
    asked = deploy.propose(bench.context, record.id, argument)
    with db.transaction(bench.context.database) as connection:
        request = requests.read(connection, asked["request"])
    assert request is not None
    return asked, request


def told(bench: DeployBench, kind: str) -> list[events.Event]:
    with db.transaction(bench.context.database) as connection:
        return [event for event in events.recent(connection, app=APP, limit=1000) if event.kind == kind]


def test_staging_goes_back_by_itself_with_the_spec_of_the_earlier_release(bench: DeployBench) -> None:
    first, second = two_releases(bench, "staging")
    ended = run(bench, ask(bench, "staging", first.id))
    now = wanted(bench, "staging")
    assert (ended.state, ended.detail) == (ChangeState.RELEASED, "staging, back to release 1: 1 of 1 run")
    # A new number: history only grows.
    assert (now.id, now.restores, now.replaces, now.state) == (3, first.id, second.id, "serving")
    assert (now.artefact, now.spec, now.spec_digest) == (first.artefact, first.spec, first.spec_digest)
    assert now.set_aside == bench.context.spec(APP).digest() != first.spec_digest
    assert bench.driver.asked == [("preview links-staging", 3), ("up links-staging", 3)]
    assert bench.release(second.id).state == "replaced"
    with db.transaction(bench.context.database) as connection:
        assert requests.open_requests(connection) == []


def test_a_way_back_of_a_way_back_is_another_release(bench: DeployBench) -> None:
    first, second = two_releases(bench, "staging")
    run(bench, ask(bench, "staging", first.id))
    forward = ask(bench, "staging", second.id)
    assert forward.id == "links/rollback-2"
    assert run(bench, forward).state is ChangeState.RELEASED
    now = wanted(bench, "staging")
    assert (now.id, now.restores, now.artefact) == (4, second.id, second.artefact)
    # Asked for what serves already, nothing is put on the line.
    with pytest.raises(InputError, match="serves release 4 already, which is what release 2 was"):
        ask(bench, "staging", second.id)


def test_asked_again_it_is_the_same_one_and_another_has_to_wait(bench: DeployBench) -> None:
    first, second = two_releases(bench)
    third = bench.serving(bench.merged_more("three"), "production")
    record = ask(bench, "production", first.id)
    assert ask(bench, "production", first.id).id == record.id == "links/rollback-1"
    assert len(told(bench, "change.submitted")) == 1
    with pytest.raises(InputError, match="rollback-1 is under way already: production back to release 1") as refusal:
        ask(bench, "production", second.id)
    assert "millwright change show links rollback-1" in refusal.value.hint
    # Another environment has its own.
    bench.serving(first.artefact, "staging")
    here = bench.serving(third.artefact, "staging")
    assert ask(bench, "staging", here.replaces or 0).id == "links/rollback-2"


def test_nobody_asks_in_somebody_elses_name(bench: DeployBench) -> None:
    first, _ = two_releases(bench)
    root, settings = bench.context.root, bench.context.settings
    payload = rollbacks.payload(root, settings, APP, "production", first.id, demo_people.AUTHOR)
    key = demo_people.key_file(root, demo_people.MAINTAINER)
    signature = signatures.sign_unattended(payload, key, namespace=signatures.SUBMIT)
    with pytest.raises(InputError, match="not one of demo-author's over this rollback"):
        rollbacks.ask(root, settings, APP, "production", first.id, person=demo_people.AUTHOR, signature=signature)
    assert ask(bench, "production", first.id).author == demo_people.AUTHOR


def test_production_is_asked_of_a_person_who_sees_what_it_takes_back(bench: DeployBench) -> None:
    first, second = two_releases(bench)
    _, request = proposed(bench, ask(bench, "production", first.id))
    assert request.authors == [demo_people.AUTHOR]
    shown = request.shown
    assert (shown["restores"], shown["replaces"]["release"]) == (first.id, second.id)
    assert (shown["artefact"], shown["spec"]) == (first.artefact, first.spec_digest)
    assert (shown["changes"], shown["takes back"]) == ([], ["links/two"])
    differs = {"digest": bench.context.spec(APP).digest(), "differs in": ["services.web.replicas"]}
    assert shown["app.yaml set aside"] == differs
    assert "production back to release 1" in request.title


def test_a_decided_way_back_serves_and_a_bad_one_returns(bench: DeployBench, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = two_releases(bench)
    record = ask(bench, "production", first.id)
    asked, request = proposed(bench, record)
    decide(bench, request, demo_people.OPERATOR)
    healthy(monkeypatch, SICK)
    answer = deploy.to_production(bench.context, record.id, asked)
    assert (answer["state"], wanted(bench, "production").id) == ("returned", second.id)
    # The next one has a number and a decision of its own.
    healthy(monkeypatch, WELL)
    again = bench.submitted_again(record)
    asked, request = proposed(bench, again)
    decide(bench, request, demo_people.OPERATOR)
    assert deploy.to_production(bench.context, again.id, asked)["state"] == "serving"
    assert wanted(bench, "production").restores == first.id


def _nobody(bench: DeployBench, request: Request) -> None:
    del bench, request


def _lost(bench: DeployBench, request: Request) -> None:
    decide(bench, request, demo_people.OPERATOR)
    lose_roles(bench)


@pytest.mark.parametrize("attack", [_nobody, _lost])
def test_without_a_decision_that_holds_production_stays(bench: DeployBench, attack) -> None:
    first, second = two_releases(bench)
    record = ask(bench, "production", first.id)
    asked, request = proposed(bench, record)
    attack(bench, request)
    assert deploy.to_production(bench.context, record.id, asked)["state"] == "stale"
    assert [what for what, _ in bench.driver.asked] == ["preview links-production"]
    assert wanted(bench, "production").id == second.id


def test_a_decision_on_a_way_back_that_another_release_has_overtaken_is_not_used(bench: DeployBench) -> None:
    first, _ = two_releases(bench)
    record = ask(bench, "production", first.id)
    asked, request = proposed(bench, record)
    decide(bench, request, demo_people.OPERATOR)
    newer = bench.serving(bench.merged_more("three"), "production")
    assert deploy.to_production(bench.context, record.id, asked)["state"] == "stale"
    assert wanted(bench, "production").id == newer.id


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_what_would_lose_data_is_refused_before_anybody_is_asked(bench: DeployBench, environment: str) -> None:
    first, second = two_releases(bench, environment)
    bench.driver.steps = (BUCKET,)
    ended = run(bench, ask(bench, environment, first.id))
    assert ended.state is ChangeState.FAILED
    assert "would lose data:\n  delete aws:s3/bucket:Bucket files" in ended.detail
    assert [what for what, _ in bench.driver.asked] == [f"preview links-{environment}"]
    assert wanted(bench, environment).id == second.id
    (event,) = told(bench, "rollback.refused")
    assert event.properties["exit_code"] == 13


def test_what_would_lose_data_only_since_the_preview_is_refused_by_the_driver(bench: DeployBench) -> None:
    first, second = two_releases(bench, "staging")

    def lose(_: int | None) -> None:
        raise DataAtRisk("the way back on links-staging would lose data")

    bench.driver.on_up = lose
    assert run(bench, ask(bench, "staging", first.id)).state is ChangeState.FAILED
    assert (wanted(bench, "staging").id, bench.release(3).state) == (second.id, "refused")


def test_an_artefact_that_was_removed_meanwhile_ends_it_with_the_reason(bench: DeployBench) -> None:
    first, second = two_releases(bench, "staging")
    record = ask(bench, "staging", first.id)
    folder = artefacts.folder(bench.context.root, first.artefact)
    folder.chmod(0o755)
    folder.rename(bench.context.root.state / "elsewhere")
    ended = run(bench, record)
    assert ended.state is ChangeState.FAILED
    assert "release 1 of links-staging cannot serve again" in ended.detail
    assert wanted(bench, "staging").id == second.id


class Killed(BaseException):
    """The worker is gone, at this very point."""


@pytest.mark.parametrize("at", ["preview", "up", "watch"])
def test_a_worker_killed_on_the_way_goes_on_and_does_it_once(
    bench: DeployBench, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    first, second = two_releases(bench, "staging")
    record = ask(bench, "staging", first.id)

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as once:
        if at == "watch":
            once.setattr("pipeline.health.watch", die)
        else:
            once.setattr(bench.driver, f"on_{at}", die)
        with pytest.raises(Killed):
            rollback.roll_back(bench.context, record.id, {})
    answer = rollback.roll_back(bench.context, record.id, {})
    assert answer["state"] == "serving"
    # Killed once more, after everything was done and before that was remembered.
    assert rollback.roll_back(bench.context, record.id, {})["state"] == "serving"
    with db.transaction(bench.context.database) as connection:
        found = [(r.id, r.state.value) for r in releases.of_app(connection, APP)]
    assert found == [(3, "serving"), (2, "replaced"), (1, "replaced")]
    assert second.id == 2
    assert len(told(bench, "release.served")) == 1


def test_a_bad_way_back_in_staging_returns_also_after_a_kill(
    bench: DeployBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two_releases(bench, "staging")
    record = ask(bench, "staging", first.id)
    healthy(monkeypatch, SICK)

    def die(asked: int | None) -> None:
        if asked == second.id:
            raise Killed

    bench.driver.on_up = die
    with pytest.raises(Killed):
        rollback.roll_back(bench.context, record.id, {})
    bench.driver.on_up = lambda release: None
    answer = rollback.roll_back(bench.context, record.id, {})
    assert (answer["state"], wanted(bench, "staging").id) == ("returned", second.id)


def test_an_automatic_return_that_would_lose_data_waits_for_a_person(
    bench: DeployBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two_changes(bench)
    before = bench.serving(first, "staging")
    healthy(monkeypatch, SICK)
    lost = [True]

    def lose(asked: int | None) -> None:
        if asked == before.id and lost[0]:
            raise DataAtRisk("the way back on links-staging would lose data")

    bench.driver.on_up = lose
    argument = {"artefact": second, "round": 1}
    with pytest.raises(MillwrightError, match="still runs the bad release 2") as refused:
        deploy.staging(bench.context, "links/two", argument)
    assert not isinstance(refused.value, DecisionRequired)
    # Until it is back, plain updates follow app.yaml, which keeps what holds data.
    assert bench.release(before.id).set_aside is None
    lost[0] = False
    assert not deploy.staging(bench.context, "links/two", argument)["ok"]
    assert bench.release(before.id).set_aside == bench.release(2).spec_digest
    # Both tries are told as what they are; the update that brought the bad release is not.
    assert bench.driver.returns == [(before.id, 2), (before.id, 2)]
    assert ("up links-staging", 2) in bench.driver.asked
