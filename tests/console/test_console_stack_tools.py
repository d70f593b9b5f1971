"""Commands that look after one stack: wrong names are refused at once, and what there is to tell is told both ways."""

import pytest
from console_runner import Runner

from factory import db
from factory.errors import ExitCode
from factory.paths import FactoryRoot
from factory.settings import load
from factory.spec import Environment, load_app
from stacks.driver import Kind, Result, ledger

TOOLS = [["history"], ["refresh"], ["cancel"], ["graph"], ["stack", "export"]]
WRONG = [
    (["lynks", "build"], "no app named 'lynks'", "did you mean 'links'?"),
    (["platform", "build"], "platform has no environment 'build'", "leave it out"),
    (["links", "prod"], "links declares no environment 'prod'", "did you mean 'production'?"),
]


@pytest.mark.parametrize("command", TOOLS, ids=" ".join)
@pytest.mark.parametrize("case", WRONG, ids=lambda case: " ".join(case[0]))
def test_a_wrong_name_is_refused_before_anything_slow_starts(
    command: list[str], case: tuple[list[str], str, str], millwright: Runner, root: FactoryRoot
) -> None:
    names, message, hint = case
    told = millwright(*command, *names)
    assert (told.code, told.out) == (ExitCode.INVALID_INPUT, "")
    assert f"error: {message}" in told.err
    assert f"hint: {hint}" in told.err
    assert not (root.state / "run").exists()


@pytest.mark.parametrize("command", [*TOOLS, ["destroy"], ["drift"], ["outputs"]], ids=" ".join)
def test_only_the_platforms_environment_goes_without_saying(
    command: list[str], millwright: Runner, root: FactoryRoot
) -> None:
    told = millwright(*command, "links")
    assert (told.code, "Missing argument 'ENV'" in told.err) == (ExitCode.USAGE, True)
    assert not (root.state / "run").exists()


def test_what_all_apps_share_is_named_alone(millwright: Runner, root: FactoryRoot) -> None:
    assert millwright("history", "platform").out == "nothing was done to platform yet\n"
    missing = millwright("outputs", "platform")
    assert missing.code == ExitCode.INVALID_INPUT
    assert "error: platform does not stand" in missing.err
    assert "hint: millwright up platform\n" in missing.err
    assert not (root.state / "run").exists()


def test_history_is_told_newest_first_in_words_and_in_json(millwright: Runner, root: FactoryRoot) -> None:
    assert millwright("history", "links", "build").out == "nothing was done to links-build yet\n"
    assert millwright("history", "links", "build", "--json").documents == []
    spec = load_app(root, "links")
    told = (db.connect(root, load(root)), spec, Environment.BUILD)
    by = ledger.By(door="driver")
    ledger.started(*told, Kind.UP, by, cloud_generation=None)
    result = Result(stack="links-build", kind=Kind.UP, changes={"create": 3, "same": 2}, steps=(), duration=1.0)
    ledger.ended(*told, result, by, cloud_generation=None)
    ledger.started(*told, Kind.DESTROY, by, cloud_generation=None)
    ledger.failed(*told, Kind.DESTROY, by, reason="the [disk] is full")
    first, second = millwright("history", "links", "build", "--json").documents
    assert (first["kind"], first["ending"], first["reason"]) == ("destroy", "failed", "the [disk] is full")
    assert (second["kind"], second["changes"], second["spec"]) == ("up", {"create": 3, "same": 2}, spec.digest())
    _, *rows = millwright("history", "links", "build").out.splitlines()
    assert "failed: the [disk] is full" in rows[0]
    assert "3 create" in rows[1]
    assert spec.digest()[:19] in rows[1]
    assert len(millwright("history", "links", "build", "--limit", "1", "--json").documents) == 1
    assert millwright("history", "links", "build", "--limit", "0").code == ExitCode.INVALID_INPUT


def test_history_marks_what_the_factory_did_by_itself(millwright: Runner, root: FactoryRoot) -> None:
    told = (db.connect(root, load(root)), load_app(root, "links"), Environment.STAGING)
    for returns_from in (None, 2):
        by = ledger.By(door="driver", actor="factory", release=1, returns_from=returns_from)
        ledger.started(*told, Kind.UP, by, cloud_generation=None)
    _, back, update = millwright("history", "links", "staging").out.splitlines()
    assert "returned by itself from 2" in back
    assert "returned" not in update
    documents = millwright("history", "links", "staging", "--json").documents
    assert [document["returned"] for document in documents] == [{"from": 2, "to": 1, "reason": ""}, None]


def test_cancelling_where_nothing_works_says_so(millwright: Runner, root: FactoryRoot) -> None:
    told = millwright("cancel", "links", "build")
    assert (told.code, told.out) == (ExitCode.OK, "links-build: nobody is asked: nothing works on it\n")
    (document,) = millwright("cancel", "links", "build", "--json").documents
    assert document["asked"] is False


@pytest.mark.parametrize(("file", "message"), [("a.jpeg", "nothing draws"), ("a.png", "nothing draws")])
def test_a_picture_that_nobody_draws_is_refused_before_anything_slow_starts(
    file: str, message: str, millwright: Runner, root: FactoryRoot
) -> None:
    told = millwright("graph", "links", "build", "--output", file)
    assert (told.code, told.out) == (ExitCode.INVALID_INPUT, "")
    assert f"error: {message}" in told.err
    assert not (root.state / "run").exists()


def test_production_takes_no_state_and_is_refreshed_only_when_decided(millwright: Runner, root: FactoryRoot) -> None:
    for command in (["stack", "import", "links", "production", "state.json"], ["refresh", "links", "production"]):
        told = millwright(*command)
        assert (told.code, told.out) == (ExitCode.DECISION_REQUIRED, "")
        assert "links-production is production" in told.err
    assert not (root.state / "run").exists()
