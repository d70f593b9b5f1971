"""What goes to production came from main, is decided by nobody who wrote it, and a return that is refused is told."""

from pathlib import Path

import pytest
from deploy_bench import APP, DeployBench, make_deploy_bench

from factory import artefacts, db, decisions, demo_people, events, releases, requests, signatures
from factory.decisions import Verdict
from factory.errors import CloudUnavailable, DecisionRequired, InputError, LossUndecided, MillwrightError, UpdateFailed
from factory.people import load_people
from factory.requests import Request
from pipeline import client, gates, health, records
from pipeline.health import Health
from pipeline.records import ChangeState
from pipeline.stages import deploy

STAGED = {"ok": True, "reason": "healthy", "release": None}


@pytest.fixture
def bench(tmp_path: Path) -> DeployBench:
    return make_deploy_bench(tmp_path)


SICK = Health(settled=False, bad=True, detail="503 at /health")
WELL = Health(settled=True, bad=False, detail="1 of 1 run")


def healthy(monkeypatch: pytest.MonkeyPatch, seen: Health) -> None:
    monkeypatch.setattr(health, "watch", lambda look: seen)
    monkeypatch.setattr(health, "of_environment", lambda *of: lambda: seen)


def two_changes(bench: DeployBench) -> tuple[str, str]:
    """The artefacts of main after one change and after the next."""
    bench.submitted("one", demo_people.AUTHOR)
    first = bench.merged("one")
    bench.submitted("two", demo_people.AUTHOR)
    return first, bench.merged("two")


def lose_roles(bench: DeployBench) -> None:
    file = bench.context.root.demo_people / "people.yaml"
    file.write_text(file.read_text().replace("[operator]", "[viewer]").replace("- operator", "- viewer"))


def proposed(bench: DeployBench, identifier: str, artefact: str) -> tuple[int, Request]:
    asked = deploy.propose(bench.context, identifier, {"artefact": artefact, "round": 1, "staging": STAGED})
    with db.transaction(bench.context.database) as connection:
        request = requests.read(connection, asked["request"])
    assert request is not None
    return asked["release"], request


def decide(bench: DeployBench, request: Request, person: str) -> None:
    key = demo_people.key_file(bench.context.root, person)
    signature = signatures.sign_unattended(decisions.payload(request, Verdict.APPROVE, person, ""), key)
    people = load_people(bench.context.root, bench.context.settings)
    decisions.decide(
        bench.context.database,
        people,
        request.id,
        verdict=Verdict.APPROVE,
        person=person,
        reason="",
        signature=signature,
    )


def test_everybody_who_wrote_what_is_new_in_production_is_an_author_of_it(bench: DeployBench) -> None:
    bench.submitted("one", demo_people.SECURITY)
    serves = bench.merged("one")
    bench.serving(serves)
    bench.submitted("two", demo_people.OPERATOR)
    bench.merged("two")
    bench.submitted("three", demo_people.MAINTAINER)
    artefact = bench.merged("three")
    asked = bench.submitted("promotion-1", demo_people.AUTHOR, artefact)
    _, request = proposed(bench, asked.id, artefact)
    # Not who wrote what served before; and who asks is one as well.
    assert request.authors == [demo_people.AUTHOR, demo_people.MAINTAINER, demo_people.OPERATOR]
    assert [each["change"] for each in request.shown["changes"]] == ["links/three", "links/two"]
    with pytest.raises(decisions.DecisionRefused, match="nobody decides on their own work"):
        decide(bench, request, demo_people.OPERATOR)


def test_who_wrote_none_of_it_decides(bench: DeployBench) -> None:
    bench.submitted("two", demo_people.MAINTAINER)
    artefact = bench.merged("two")
    asked = bench.submitted("promotion-1", demo_people.AUTHOR, artefact)
    _, request = proposed(bench, asked.id, artefact)
    decide(bench, request, demo_people.OPERATOR)


def test_only_what_main_holds_is_promoted(bench: DeployBench) -> None:
    source = bench.context.root.apps / APP / "source"
    seeded = bench.kept(source)
    record = bench.submitted("promotion-1", demo_people.AUTHOR, seeded)
    assert deploy.provenance(bench.context, record.id, {"artefact": seeded})["ok"]
    bench.submitted("one", demo_people.AUTHOR)
    merged = bench.merged("one")
    assert deploy.provenance(bench.context, record.id, {"artefact": merged})["ok"]
    (source / "links" / "server.py").write_text("# edited where no stage looks\n")
    edited = bench.kept(source)
    refused = deploy.provenance(bench.context, record.id, {"artefact": edited})
    assert not refused["ok"]
    assert "not built from a commit of main" in refused["reason"]
    with db.transaction(bench.context.database) as connection:
        (told,) = [e for e in events.recent(connection, app=APP, limit=100) if e.kind == "promotion.refused"]
    assert told.properties["artefact"] == edited


def test_an_artefact_of_a_branch_that_nobody_merged_is_not_promoted(bench: DeployBench) -> None:
    bench.submitted("one", demo_people.AUTHOR)
    repository = bench.context.repository(APP)
    folder = bench.context.root.tasks / "one" / "worktree"
    folder.parent.mkdir(parents=True)
    repository.worktree(folder, "change/one", repository.head())
    (folder / "x.txt").write_text("x")
    commit = repository.commit_step(folder, "change/one", message="x", trailers={}, key="x")
    assert commit
    artefact = bench.kept(folder)
    with db.transaction(bench.context.database) as connection:
        artefacts.record(connection, folder, artefact, app=APP, change="one", commit=commit)
    record = bench.submitted("promotion-1", demo_people.AUTHOR, artefact)
    assert not deploy.provenance(bench.context, record.id, {"artefact": artefact})["ok"]


def test_a_return_that_is_refused_is_not_taken_for_a_release_that_was(
    bench: DeployBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.submitted("one", demo_people.AUTHOR)
    before = bench.serving(bench.merged("one"))
    bench.submitted("two", demo_people.AUTHOR)
    artefact = bench.merged("two")
    record = bench.submitted("promotion-1", demo_people.AUTHOR, artefact)
    release, request = proposed(bench, record.id, artefact)
    decide(bench, request, demo_people.OPERATOR)
    healthy(monkeypatch, SICK)
    lost = [True]

    def refuse_the_return(asked: int | None) -> None:
        if asked == before.id and lost[0]:
            raise DecisionRequired("demo-operator does not hold the role operator")

    bench.driver.on_up = refuse_the_return
    argument = {"release": release, "request": request.id}
    with pytest.raises(MillwrightError, match=f"still runs the bad release {release}") as refused:
        deploy.to_production(bench.context, record.id, argument)
    # Not a missing decision on the release: then it would be proposed anew.
    assert not isinstance(refused.value, DecisionRequired)
    assert bench.release(release).state == "failed"
    # When what was missing is there again, trying again returns.
    lost[0] = False
    assert deploy.to_production(bench.context, record.id, argument)["state"] == "returned"
    assert bench.driver.asked[-1] == ("up links-production", before.id)


def test_a_release_whose_plan_was_not_decided_is_set_aside(bench: DeployBench) -> None:
    bench.submitted("one", demo_people.AUTHOR)
    artefact = bench.merged("one")
    record = bench.submitted("promotion-1", demo_people.AUTHOR, artefact)
    release, request = proposed(bench, record.id, artefact)
    decide(bench, request, demo_people.OPERATOR)

    def refuse(_: int | None) -> None:
        raise DecisionRequired("the update would do what nobody was shown")

    bench.driver.on_up = refuse
    answer = deploy.to_production(bench.context, record.id, {"release": release, "request": request.id})
    assert (answer["state"], bench.release(release).state) == ("stale", "refused")


def test_a_release_that_would_lose_data_waits_for_an_architect_and_nothing_else_is_asked_anew(
    bench: DeployBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.submitted("one", demo_people.AUTHOR)
    artefact = bench.merged("one")
    record = bench.submitted("promotion-1", demo_people.AUTHOR, artefact)
    release, request = proposed(bench, record.id, artefact)
    decide(bench, request, demo_people.OPERATOR)
    healthy(monkeypatch, WELL)
    undecided = [True]

    def ask_an_architect(_: int | None) -> None:
        if undecided[0]:
            raise LossUndecided("the update would lose data: request 7")

    bench.driver.on_up = ask_an_architect
    stages = (
        (deploy.staging, {"artefact": artefact, "round": 1}),
        (deploy.to_production, {"release": release, "request": request.id}),
    )
    for stage, argument in stages:
        # Tried again too early, it is the same; nothing was changed, so nothing returns.
        for _ in range(2):
            with pytest.raises(LossUndecided, match="request 7"):
                stage(bench.context, record.id, argument)
    assert bench.release(release).state == "deploying"
    assert [what for what, _ in bench.driver.asked].count("preview links-production") == 1
    undecided[0] = False
    for stage, argument in stages:
        assert stage(bench.context, record.id, argument)["reason"] == WELL.detail
    assert bench.release(release).state == "serving"
    assert bench.driver.returns == []


def test_without_a_decision_nothing_goes_to_production(bench: DeployBench) -> None:
    bench.submitted("one", demo_people.AUTHOR)
    artefact = bench.merged("one")
    record = bench.submitted("promotion-1", demo_people.AUTHOR, artefact)
    release, request = proposed(bench, record.id, artefact)
    answer = deploy.to_production(bench.context, record.id, {"release": release, "request": request.id})
    assert answer["state"] == "stale"
    assert [what for what, _ in bench.driver.asked] == ["preview links-production"]
    with db.transaction(bench.context.database) as connection:
        assert "decision.rejected" in {event.kind for event in events.recent(connection, app=APP, limit=100)}


def test_a_cancellation_during_the_preview_is_not_written_over(bench: DeployBench) -> None:
    bench.submitted("one", demo_people.AUTHOR)
    artefact = bench.merged("one")
    record = bench.submitted("promotion-1", demo_people.AUTHOR, artefact)

    def cancel() -> None:
        with db.transaction(bench.context.database) as connection:
            assert records.cancel_change(connection, record.id, "cancelled by demo-author: why")

    bench.driver.on_preview = cancel
    _, request = proposed(bench, record.id, artefact)
    now = bench.context.change(record.id)
    assert (now.state, now.detail) == (ChangeState.CANCELLING, "cancelled by demo-author: why")
    # The question that was just asked is taken back, and nobody's approval brings the change on.
    with pytest.raises(gates.Cancelled):
        gates.wait(bench.context, record.id, request.id)
    with pytest.raises(decisions.DecisionRefused, match="not open any more"):
        decide(bench, request, demo_people.OPERATOR)


def test_what_has_ended_is_not_cancelled(bench: DeployBench) -> None:
    record = bench.submitted("one", demo_people.AUTHOR)
    with db.transaction(bench.context.database) as connection:
        assert records.end_change(connection, record.id, ChangeState.RELEASED, "serves")
        assert not records.cancel_change(connection, record.id, "too late")
    assert bench.context.change(record.id).state is ChangeState.RELEASED


def test_a_signature_puts_a_change_on_the_line_once(bench: DeployBench) -> None:
    root, settings = bench.context.root, bench.context.settings
    key = demo_people.key_file(root, demo_people.AUTHOR)

    def signed() -> str:
        payload = client.submission_payload(root, settings, APP, "link-stats", demo_people.AUTHOR)
        return signatures.sign_unattended(payload, key, namespace=signatures.SUBMIT)

    def submit(signature: str) -> str:
        return client.submit(root, settings, APP, "link-stats", person=demo_people.AUTHOR, signature=signature).id

    first = signed()
    assert submit(first) == submit(signed()) == "links/link-stats"
    with db.transaction(bench.context.database) as connection:
        records.end_change(connection, "links/link-stats", ChangeState.CLOSED, "given up")
    # It stands in an event that anybody may read: it is good for nothing more.
    with pytest.raises(InputError, match="not one of demo-author's"):
        submit(first)
    assert submit(signed()) == "links/link-stats.2"


def test_a_release_that_was_taken_up_again_and_lost_its_decision_returns(
    bench: DeployBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy(monkeypatch, WELL)
    first, second = two_changes(bench)
    before = bench.serving(first)
    record = bench.submitted("promotion-1", demo_people.AUTHOR, second)
    release, request = proposed(bench, record.id, second)
    decide(bench, request, demo_people.OPERATOR)
    # The worker was killed behind the update, and the role was lost before the next one came.
    with db.transaction(bench.context.database) as connection:
        releases.begin(connection, release, request.id)
    lose_roles(bench)
    answer = deploy.to_production(bench.context, record.id, {"release": release, "request": request.id})
    assert answer["state"] == "returned"
    assert bench.release(release).state == "failed"
    assert bench.driver.asked[-1] == ("up links-production", before.id)


def test_a_cloud_that_is_away_says_nothing_of_the_release(bench: DeployBench, monkeypatch: pytest.MonkeyPatch) -> None:
    healthy(monkeypatch, WELL)
    first, second = two_changes(bench)
    bench.serving(first)
    record = bench.submitted("promotion-1", demo_people.AUTHOR, second)
    release, request = proposed(bench, record.id, second)
    decide(bench, request, demo_people.OPERATOR)
    away = [True]

    def cloud(_: int | None) -> None:
        if away[0]:
            raise CloudUnavailable("the cloud is away")

    bench.driver.on_up = cloud
    argument = {"release": release, "request": request.id}
    with pytest.raises(CloudUnavailable):
        deploy.to_production(bench.context, record.id, argument)
    assert bench.release(release).state == "deploying"
    away[0] = False
    assert deploy.to_production(bench.context, record.id, argument)["state"] == "serving"
    # What the engine itself refuses is bad.
    assert bench.release(release).state == "serving"


def test_a_release_that_the_engine_refuses_returns(bench: DeployBench, monkeypatch: pytest.MonkeyPatch) -> None:
    healthy(monkeypatch, WELL)
    first, second = two_changes(bench)
    before = bench.serving(first)
    record = bench.submitted("promotion-1", demo_people.AUTHOR, second)
    release, request = proposed(bench, record.id, second)
    decide(bench, request, demo_people.OPERATOR)

    def refuse(asked: int | None) -> None:
        if asked == release:
            raise UpdateFailed("no such image")

    bench.driver.on_up = refuse
    answer = deploy.to_production(bench.context, record.id, {"release": release, "request": request.id})
    assert (answer["state"], bench.release(before.id).state) == ("returned", "serving")
