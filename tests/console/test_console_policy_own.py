"""`millwright policy` with a rule of the factory's own, by the commands of docs/how-to/write-a-policy.md."""

import json
from pathlib import Path

import pytest
from console_runner import Runner
from own_rule_bench import FILE, PAGE, QUEUE, rule_text, with_rule

from factory.errors import ExitCode
from factory.paths import FactoryRoot

TAGS = {"app": "links", "environment": "build", "owner": "web", "cost-center": "web"}


def _commands() -> list[list[str]]:
    lines = [line.strip() for line in PAGE.read_text().splitlines() if line.startswith("    millwright ")]
    return [line.split()[1:] for line in lines]


def _state(folder: Path, **properties: object) -> str:
    inputs = {"tags": TAGS, "sqsManagedSseEnabled": True, **properties}
    queue = {"urn": f"urn:pulumi:links-build::f::{QUEUE}::late", "type": QUEUE, "inputs": inputs}
    file = folder / "state.json"
    file.write_text(json.dumps({"version": 3, "deployment": {"resources": [queue]}}))
    return str(file)


def test_the_commands_of_the_page_try_explain_and_list_the_rule(millwright: Runner, root: FactoryRoot) -> None:
    with_rule(root)
    commands = _commands()
    assert [command[1] for command in commands] == ["test", "explain", "list"]
    for command in commands:
        answer = millwright(*command)
        assert answer.code == ExitCode.OK, answer.err
        assert "queue-retention" in answer.out
    tried = millwright("policy", "test", "--json").documents
    assert tried == [
        {"control": 1001, "rule": "queue-retention", "file": str(root.path / FILE), "cases": 7, "complaints": []}
    ]
    assert millwright("policy", "explain", "1001", "--json").documents[0]["rule"] == "queue-retention"


def test_a_stack_in_a_file_is_judged_by_the_own_rule_too(millwright: Runner, root: FactoryRoot, tmp_path: Path) -> None:
    bad, good = {"messageRetentionSeconds": 60}, {"messageRetentionSeconds": 604800}

    def found(**properties: object) -> set[str]:
        answer = millwright("policy", "check", "--state", _state(tmp_path, **properties), "--json")
        return {each["rule"] for each in answer.documents[0]["findings"]}

    assert "queue-retention" not in found(**bad)
    with_rule(root)
    assert "queue-retention" in found(**bad)
    assert "queue-retention" not in found(**good)
    state = _state(tmp_path, **bad)
    sarif = json.loads(millwright("policy", "check", "--state", state, "--format", "sarif").out)
    rule = sarif["runs"][0]["tool"]["driver"]["rules"][-1]
    assert (rule["id"], rule["helpUri"].partition(".aws.")[0]) == ("queue-retention", "https://docs")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("seconds < WEEK", "seconds < 0"), "the verdict is pass, not fail"),
        (("seconds < WEEK", "seconds <= WEEK"), "a week: the verdict is fail, not pass"),
        (("if seconds is UNKNOWN:", "if False:"), "not known yet: the verdict is fail, not unknown"),
        (
            ("        yield Unknown((", "        return\n        yield Unknown(("),
            "it passes when messageRetentionSeconds",
        ),
        (
            ("if seconds is UNKNOWN:", "if seconds < 0:"),
            "broke on a aws:sqs/queue:Queue: TypeError in kept_long_enough",
        ),
        (
            ("    if seconds is UNKNOWN", '    resource.properties["x"] = 1\n    if seconds is UNKNOWN'),
            "changes what it is given",
        ),
        (('"two weeks", "pass"', '"two weeks", "fail"'), "2 cases that must pass, at least 3"),
        (('"two weeks"', '"a week"'), "2 cases have this name"),
        (
            ("reads={QUEUE: (", 'reads={"aws:sns/topic:Topic": ("name",), QUEUE: ('),
            "no case that must fail has a aws:sns",
        ),
        (
            ('"pass", QUEUE, {"messageRetentionSeconds": WEEK}', '"pass", "a:b:C", {}'),
            "the rule reads nothing of what is",
        ),
        (('"pass", QUEUE, {"messageRetentionSeconds": WEEK}', '"pass", "a:b:C", {}'), "does not look at anything"),
    ],
)
def test_a_rule_or_a_case_that_is_wrong_fails_the_test_and_says_why(
    change: tuple[str, str], said: str, millwright: Runner, root: FactoryRoot
) -> None:
    path = with_rule(root, rule_text(change))
    for command in (("policy", "test"), ("policy", "test", str(path))):
        answer = millwright(*command)
        assert answer.code == ExitCode.FAILED
        assert said in answer.out
    (document,) = millwright("policy", "test", "--json").documents
    assert said in "\n".join(f"{each['case']}: {each['message']}" for each in document["complaints"])


def test_without_own_rules_there_is_nothing_to_test(millwright: Runner, root: FactoryRoot) -> None:
    answer = millwright("policy", "test")
    assert (answer.code, "names no rules" in answer.out) == (ExitCode.OK, True)
    assert millwright("policy", "test", "--json").documents == []
    assert millwright("policy", "test", "none.py").code == ExitCode.INVALID_INPUT


@pytest.mark.parametrize("command", ["list", "explain no-world-ingress", "test", "check --state x.json"])
def test_a_rule_that_cannot_be_run_stops_every_command(command: str, millwright: Runner, root: FactoryRoot) -> None:
    path = with_rule(root)
    assert "cannot be run" not in millwright("policy", *command.split()).err
    path.write_text("import nothing_of_that_name\n")
    answer = millwright("policy", *command.split(), "--json")
    assert answer.code == ExitCode.INVALID_INPUT
    (problem,) = answer.documents[0]["problems"]
    assert (problem["file"], problem["line"]) == (str(path), 1)
