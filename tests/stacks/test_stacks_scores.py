"""How a stack stands with the policies is recorded with its update, by either door, and outlives the stack."""

import json
from pathlib import Path
from typing import Any

import pytest
from production_bench import place as place  # noqa: PLC0414  (the fixture)

from factory.errors import InputError
from factory.project import project_name
from factory.spec import Environment
from policies.score import Score
from stacks.driver import Kind, Result, ledger
from stacks.driver.scores import Judges, Point, app_points, judges, read_scores, standing
from stacks.places import Place

GROUP = "aws:ec2/securityGroup:SecurityGroup"
TAGS = {"app": "links", "environment": "staging", "owner": "web", "cost-center": "web"}
DRIVER, PLAIN = ledger.By(door="driver", actor="somebody"), ledger.By(door="plain")


@pytest.fixture
def staging(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    (place.root.path / "Pulumi.yaml").write_text("name: f\nruntime: python\n")
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{place.root.backend}")
    return place._replace(environment=Environment.STAGING)


def _state(place: Place, *sources: str) -> None:
    """The state as the engine keeps it in a folder."""
    folder = place.root.backend / ".pulumi" / "stacks" / project_name(place.root)
    folder.mkdir(parents=True, exist_ok=True)
    groups: list[dict[str, Any]] = [
        {
            "urn": f"urn:pulumi:links-staging::f::{GROUP}::{number}",
            "type": GROUP,
            "inputs": {"ingress": [{"cidrBlocks": [source]}], "tags": TAGS},
        }
        for number, source in enumerate(sources)
    ]
    latest = {"resources": groups} if groups else {}
    (folder / "links-staging.json").write_text(json.dumps({"version": 3, "checkpoint": {"latest": latest}}))


def _stands(place: Place, cli: Path = Path("/no/such/pulumi")) -> tuple[Score | None, list[str]]:
    told: list[str] = []
    return standing(place.root, place.stack, lambda: judges(place.root), cli, told.append), told


def _ended(place: Place, kind: Kind, score: Score | None, by: ledger.By = DRIVER) -> None:
    result = Result(stack=place.stack, kind=kind, changes={}, steps=(), duration=1.0)
    ledger.ended(place.database, place.spec, place.environment, result, by, cloud_generation=None, score=score)


def _read(place: Place, app: str | None = None) -> list[Point]:
    return read_scores(place.root, place.settings, app=app)


def test_a_stack_is_judged_from_its_state_without_an_engine(staging: Place) -> None:
    _state(staging, "10.0.0.0/8")
    good, told = _stands(staging)
    assert (good is not None and good.points, told) == (100.0, [])
    _state(staging, "10.0.0.0/8", "0.0.0.0/0")
    bad, _ = _stands(staging)
    assert bad is not None
    assert (bad.points < 100, bad.failed["critical"]) == (True, 1)


def test_a_stack_without_resources_has_no_score(staging: Place) -> None:
    _state(staging)
    assert _stands(staging) == (None, [])


def test_what_cannot_be_judged_is_told_and_stops_nothing(staging: Place) -> None:
    _state(staging, "10.0.0.0/8")

    def broken() -> Judges:
        raise InputError("a rule is broken")

    told: list[str] = []
    assert standing(staging.root, staging.stack, broken, Path("pulumi"), told.append) is None
    assert told == ["how links-staging stands with the policies is not recorded: a rule is broken"]


def test_a_state_that_is_none_and_a_state_elsewhere_that_cannot_be_asked_for_stop_nothing(
    staging: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    _state(staging, "10.0.0.0/8")
    file = staging.root.backend / ".pulumi" / "stacks" / "f" / "links-staging.json"
    assert _stands(staging)[0] is not None
    file.write_text("{")
    assert _stands(staging) == (None, ["how links-staging stands with the policies is not recorded: JSONDecodeError"])
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://elsewhere")
    score, told = _stands(staging, Path("/bin/false"))
    assert (score, len(told)) == (None, 1)
    assert "its state cannot be read" in told[0]


def test_scores_are_told_by_update_and_outlive_the_stack(staging: Place) -> None:
    _state(staging, "0.0.0.0/0")
    bad, _ = _stands(staging)
    _ended(staging, Kind.UP, bad)
    _state(staging, "10.0.0.0/8")
    good, _ = _stands(staging)
    _ended(staging, Kind.UP, good, PLAIN)
    _ended(staging, Kind.PREVIEW, None)
    _ended(staging, Kind.DESTROY, None)
    found = _read(staging)
    assert [(point.stack, point.door, point.score) for point in found] == [
        ("links-staging", "driver", bad),
        ("links-staging", "plain", good),
        ("links-staging", "driver", None),
    ]
    assert _read(staging, "links") == found
    assert _read(staging, "shortener") == []
    assert "somebody" not in json.dumps([point.as_json() for point in found])


def test_an_update_that_was_not_judged_has_no_point(staging: Place) -> None:
    _ended(staging, Kind.UP, None)
    assert _read(staging) == []


def test_an_apps_score_is_that_of_its_worst_standing_stack() -> None:
    def point(stack: str, points: float | None) -> Point:
        score = None if points is None else Score(points=points, judgements=1, failed={}, undecided={}, rules=1)
        app, _, environment = stack.partition("-")
        return Point(stack=stack, app=app, environment=environment, time="2026", door="driver", score=score)

    told = [("a-build", 100.0), ("a-staging", 90.0), ("a-build", 95.0), ("a-staging", None), ("a-build", None)]
    assert list(app_points([point(*each) for each in told])) == [100.0, 90.0, 90.0, 95.0, None]
