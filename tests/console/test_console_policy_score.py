"""`millwright policy score`: apps and their stacks over time, as a table and as points."""

from datetime import UTC, datetime

import pytest
from console_runner import Runner

from factory import db, events
from factory.errors import ExitCode
from factory.paths import FactoryRoot
from factory.settings import Settings
from policies.score import Score


def _tell(root: FactoryRoot, app: str, environment: str, points: float | None, day: int = 0) -> None:
    """As the ledger does at the end of an update; a destruction without points."""
    failed = {"critical": 0 if points == 100 else 2, "high": 0, "medium": 0, "low": 0}
    score = Score(points=points or 0, judgements=321, failed=failed, undecided={"high": 3}, rules=64)
    told = {"policies": score.model_dump()} if points is not None else {}
    kind = "up.succeeded" if told else "destroy.succeeded"
    event = events.new_event(kind, actor="somebody", app=app, environment=environment, door="driver", **told)
    if day:
        event = event.model_copy(update={"time": datetime(2026, 1, day, tzinfo=UTC).isoformat(timespec="milliseconds")})
    with db.transaction(db.connect(root, Settings())) as connection:
        events.append(connection, event)


@pytest.fixture
def told(root: FactoryRoot) -> FactoryRoot:
    """`links` got better in build, worse in staging, and left production; the platform stands."""
    for day, (environment, points) in enumerate(
        [("build", 90.0), ("staging", 100.0), ("build", 100.0), ("production", 95.0), ("staging", 97.5)], 1
    ):
        _tell(root, "links", environment, points, day)
    _tell(root, "links", "production", None, 6)
    _tell(root, "platform", "shared", 100.0, 7)
    return root


def _lines(out: str) -> dict[tuple[str, str], str]:
    rows = [line.split() for line in out.splitlines()]
    return {(row[0], row[1] if row[1:2] and row[1][0].isalpha() else ""): " ".join(row) for row in rows}


def test_each_app_and_stack_has_its_score_its_failures_and_its_trend(told: FactoryRoot, millwright: Runner) -> None:
    answer = millwright("policy", "score")
    lines = _lines(answer.out)
    assert answer.code == ExitCode.OK
    assert "trend (90 to 100)" in answer.out
    assert lines["links", ""] == "links 97.5 ▁▁█▄▄▆"
    assert lines["links", "build"] == "links build 100.0 0 0 0 0 3 321 2026-01-03 00:00:00 ▁█"
    assert lines["links", "staging"] == "links staging 97.5 2 0 0 0 3 321 2026-01-05 00:00:00 █▆"
    assert lines["links", "production"] == "links production destroyed 2026-01-06 00:00:00 ▄·"
    assert lines["platform", "shared"].startswith("platform shared 100.0")
    assert "somebody" not in answer.out


def test_one_app_and_a_time_leave_the_rest_out(told: FactoryRoot, millwright: Runner) -> None:
    assert "platform" not in millwright("policy", "score", "links").out
    late = millwright("policy", "score", "links", "--since", "2026-01-05")
    lines = _lines(late.out)
    assert lines["links", "staging"].endswith("00:00:00 ▁")
    # It stands as it did, and was not updated since.
    assert lines["links", "build"].endswith("2026-01-03 00:00:00")
    points = millwright("policy", "score", "links", "--since", "2026-01-05", "--json").documents
    assert [(point["stack"], point["score"] and point["score"]["points"]) for point in points] == [
        ("links-staging", 97.5),
        ("links-production", None),
    ]
    assert points[0].keys() == {"stack", "app", "environment", "time", "door", "score"}
    assert millwright("policy", "score", "--since", "yesterday").code == ExitCode.USAGE


def test_before_the_first_update_there_is_nothing_to_show(root: FactoryRoot, millwright: Runner) -> None:
    answer = millwright("policy", "score", "links")
    assert (answer.code, answer.out) == (ExitCode.OK, "no update has been judged yet of links\n")
    assert millwright("policy", "score", "--json").documents == []
