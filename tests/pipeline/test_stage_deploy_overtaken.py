"""Releases that others have overtaken take nothing away, and what was begun there is brought to an end."""

import pytest
from deploy_bench import DeployBench
from test_stage_deploy import STAGED, WELL, healthy, proposed, two_changes
from test_stage_deploy import bench as bench  # noqa: PLC0414  (the fixture)

from factory import db, demo_people, releases
from factory.errors import CloudUnavailable
from pipeline.stages import deploy


def test_what_was_begun_and_given_up_returns_and_a_proposal_is_refused(
    bench: DeployBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy(monkeypatch, WELL)
    first, second = two_changes(bench)
    before = bench.serving(first)
    record = bench.submitted("promotion-1", demo_people.AUTHOR, second)
    release, request = proposed(bench, record.id, second)
    given_up = {"environment": "production", "reason": "given up by demo-maintainer"}
    with db.transaction(bench.context.database) as connection:
        releases.begin(connection, release, request.id)
    deploy.abandon(bench.context, record.id, given_up)
    assert bench.release(release).state == "failed"
    assert bench.driver.asked[-1] == ("up links-production", before.id)
    again = deploy.propose(bench.context, record.id, {"artefact": second, "round": 2, "staging": STAGED})["release"]
    deploy.abandon(bench.context, record.id, given_up)
    assert bench.release(again).state == "refused"
    assert bench.release(before.id).state == "serving"


def test_an_overtaken_change_takes_nothing_away(bench: DeployBench, monkeypatch: pytest.MonkeyPatch) -> None:
    healthy(monkeypatch, WELL)
    first, second = two_changes(bench)
    for environment in ("staging", "production"):
        bench.serving(second, environment)
    asked = list(bench.driver.asked)
    older = {"artefact": first, "round": 1, "staging": STAGED}
    assert deploy.propose(bench.context, "links/one", older)["state"] == "contained"
    staged = deploy.staging(bench.context, "links/one", older)
    assert staged["ok"]
    assert staged["release"] is None
    assert bench.driver.asked == asked
    # Who promotes the older one means it, and sees what that takes back.
    record = bench.submitted("promotion-1", demo_people.AUTHOR, first)
    _, request = proposed(bench, record.id, first)
    assert request.shown["takes back"] == ["links/two"]


def test_a_release_that_was_overtaken_while_it_waited_is_not_put_over_the_newer_one(
    bench: DeployBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy(monkeypatch, WELL)
    bench.submitted("one", demo_people.AUTHOR)
    one = bench.merged("one")

    def away(_: int | None) -> None:
        raise CloudUnavailable("the cloud is away")

    bench.driver.on_up = away
    argument = {"artefact": one, "round": 1}
    with pytest.raises(CloudUnavailable):
        deploy.staging(bench.context, "links/one", argument)
    bench.submitted("two", demo_people.AUTHOR)
    two = bench.merged("two")
    bench.driver.on_up = lambda release: None
    assert deploy.staging(bench.context, "links/two", {"artefact": two, "round": 1})["ok"]
    asked = list(bench.driver.asked)
    assert deploy.staging(bench.context, "links/one", argument)["ok"]
    assert bench.driver.asked == asked
