"""The whole way of a rollback, its worker killed behind every single effect: it ends as if nobody had been."""

import itertools
from pathlib import Path

import pytest
from deploy_bench import APP, DeployBench, make_deploy_bench
from flow_bench import BenchEngine, Killed, not_expected
from test_stage_deploy import WELL, decide, healthy
from test_stage_rollback import ask, told, two_releases, wanted

from factory import db, demo_people, requests
from factory.events import Event
from factory.requests import RequestState
from pipeline.durable import Json
from pipeline.flow import ChangeFlow
from pipeline.records import ChangeState
from pipeline.service import STAGES

# Each of these flows gives more answers than the one, and fewer than the other.
LEAST, MOST = 4, 20


def engine_of(bench: DeployBench, identifier: str) -> BenchEngine:
    """The real stages; whoever is asked for production says yes, once."""

    def stage(name: str, argument: Json) -> Json:
        answer = STAGES[name](bench.context, identifier, argument)
        if request := answer.get("request"):
            with db.transaction(bench.context.database) as connection:
                asked = requests.read(connection, request)
            assert asked is not None
            if asked.state is RequestState.OPEN:
                decide(bench, asked, demo_people.OPERATOR)
        return answer

    names = ("roll-back", "propose", "production", "refuse", "abandon")
    return BenchEngine({name: lambda argument, _, name=name: stage(name, argument) for name in names})


def of(bench: DeployBench, kind: str, change: str) -> list[Event]:
    return [event for event in told(bench, kind) if event.change == change]


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_no_kill_changes_how_a_rollback_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: str) -> None:
    healthy(monkeypatch, WELL)
    bench = make_deploy_bench(tmp_path)
    back_and_forth = itertools.cycle(two_releases(bench, environment))
    for at, target in zip(range(1, MOST), back_and_forth, strict=False):
        before = wanted(bench, environment)
        record = ask(bench, environment, target.id)
        engine = engine_of(bench, record.id)
        engine.kill_at = at
        killed = False
        try:
            ChangeFlow(bench.context, engine, record.id, not_expected).run_rollback()
        except Killed:
            killed = True
            engine.restart()
            ChangeFlow(bench.context, engine, record.id, not_expected).run_rollback()
        assert bench.context.change(record.id).state is ChangeState.RELEASED
        now = wanted(bench, environment)
        assert (now.id, now.state, now.restores, now.replaces) == (before.id + 1, "serving", target.id, before.id)
        assert bench.release(before.id).state == "replaced"
        with db.transaction(bench.context.database) as connection:
            asked = requests.of_change(connection, APP, record.change)
        assert len(asked) == (environment == "production")
        assert [len(of(bench, kind, record.change)) for kind in ("change.ended", "release.served")] == [1, 1]
        if not killed:
            break
    assert at > LEAST
