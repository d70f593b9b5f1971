"""What the engine says becomes the driver's events, and those reach other processes and programs as they are."""

import dataclasses
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from pulumi.automation.events import EngineEvent

import factory.errors as tree
from factory.errors import InputError, MillwrightError, Problem
from factory.outputs import AppFactoryOutputs
from stacks.driver.model import (
    Diagnostic,
    Failed,
    Finished,
    Kind,
    Result,
    StackEvent,
    Started,
    Step,
    StepDone,
    StepFailed,
    StepStarted,
    Violation,
    Waiting,
    error_json,
)
from stacks.driver.translate import Memory, translate

STACK = "links-build"
URN = "urn:pulumi:links-build::my-factory::millwright:aws:Network$aws:ec2/vpc:Vpc::links-build"
STEP = Step(urn=URN, type="aws:ec2/vpc:Vpc", name="links-build", action="update", properties=("cidrBlock", "tags"))
METADATA = {"op": "update", "urn": URN, "type": "aws:ec2/vpc:Vpc", "provider": "aws", "keys": [], "logical": True}
CHANGED = METADATA | {
    "detailedDiff": {
        "tags": {"diffKind": "update", "inputDiff": True},
        "cidrBlock": {"diffKind": "update", "inputDiff": False},
    }
}
POLICY = {
    "resourceUrn": URN,
    "message": "<{%fg 1%}>closed<{%reset%}> it must be\n",
    "color": "raw",
    "policyName": "no-world-ingress",
    "policyPackName": "millwright",
    "policyPackVersion": "1",
    "policyPackVersionTag": "1",
    "enforcementLevel": "mandatory",
}
VIOLATION = Violation(stack=STACK, policy="no-world-ingress", level="mandatory", message="closed it must be", urn=URN)
OUTPUTS = AppFactoryOutputs.model_validate(
    {
        "app": "links",
        "environment": "build",
        "region": "eu-central-1",
        "account": "123456789012",
        "spec": "sha256:00",
        "network": {"id": "vpc-1", "cidr": "10.20.0.0/18", "subnets": []},
        "key": "arn",
        "secrets": {},
        "agents": {"coder": {"role": "r", "task": "t"}},
    }
)
RESULT = Result(
    stack=STACK, kind=Kind.UP, changes={"update": 1}, steps=(STEP,), duration=1.5, version=3, outputs=OUTPUTS
)
PROBLEM = Problem(file="app.yaml", line=3, column=1, field="ownr", message="unknown key", found="'ownr'", fix="mend it")
ERRORS = [
    error("what happened", hint="what to do")
    for error in vars(tree).values()
    if isinstance(error, type) and issubclass(error, MillwrightError)
]
ERRORS.append(InputError("a mistake", hint="mend it", problems=(PROBLEM,)))
EVENTS: list[StackEvent] = [
    Waiting(stack=STACK, reason="another operation"),
    Started(stack=STACK, kind=Kind.PREVIEW),
    StepStarted(stack=STACK, step=STEP),
    StepDone(stack=STACK, step=STEP),
    StepFailed(stack=STACK, step=STEP),
    Diagnostic(stack=STACK, severity="error", message="no", urn=URN),
    VIOLATION,
    Finished(stack=STACK, result=RESULT),
    *(Failed(stack=STACK, error=error) for error in ERRORS),
]


def _diagnostic(severity: str, message: str, **more: Any) -> dict[str, Any]:
    return {"diagnosticEvent": {"message": message, "color": "raw", "severity": severity, "urn": URN} | more}


def _said(severity: str, message: str) -> Diagnostic:
    return Diagnostic(stack=STACK, severity=severity, message=message, urn=URN)


TRANSLATIONS: dict[str, tuple[dict[str, Any], StackEvent | None]] = {
    "a resource's turn": ({"resourcePreEvent": {"metadata": CHANGED}}, StepStarted(stack=STACK, step=STEP)),
    "a resource is done": ({"resOutputsEvent": {"metadata": CHANGED}}, StepDone(stack=STACK, step=STEP)),
    "a resource failed": (
        {"resOpFailedEvent": {"metadata": CHANGED, "status": 1, "steps": 1}},
        StepFailed(stack=STACK, step=STEP),
    ),
    "nothing said about what changed": (
        {"resOutputsEvent": {"metadata": METADATA | {"op": "same"}}},
        StepDone(stack=STACK, step=dataclasses.replace(STEP, action="same", properties=())),
    ),
    "only names of what changed": (
        {"resOutputsEvent": {"metadata": METADATA | {"diffs": ["tags", "cidrBlock"]}}},
        StepDone(stack=STACK, step=STEP),
    ),
    "a violation": ({"policyEvent": POLICY}, VIOLATION),
    "advice": (
        {"policyEvent": POLICY | {"enforcementLevel": "advisory"}},
        dataclasses.replace(VIOLATION, level="advisory"),
    ),
    "a coloured message": (_diagnostic("info", "<{%fg 13%}>hi<{%reset%}>\n"), _said("info", "hi")),
    "an open colour mark": (_diagnostic("warning", "a <{%fg 13"), _said("warning", "a <{%fg 13")),
    "output of the program": (_diagnostic("info#err", "printed"), _said("info", "printed")),
    "an error": (_diagnostic("error", "no"), _said("error", "no")),
    "talk among developers": (_diagnostic("debug", "x"), None),
    "passing words": (_diagnostic("info", "x", ephemeral=True), None),
    "nothing but colour": (_diagnostic("info", "<{%reset%}>\n"), None),
    "the start": ({"preludeEvent": {"config": {}}}, None),
    "the end": ({"cancelEvent": {}}, None),
}


def _engine_event(data: dict[str, Any]) -> EngineEvent:
    return EngineEvent.from_json({"sequence": 1, "timestamp": 1, **data})


@pytest.mark.parametrize("name", TRANSLATIONS)
def test_an_event_of_the_engine_becomes_one_of_ours_or_none(name: str) -> None:
    data, expected = TRANSLATIONS[name]
    assert list(translate(STACK, _engine_event(data))) == ([expected] if expected else [])


def test_a_run_is_remembered_by_its_steps_errors_violations_and_counts() -> None:
    memory = Memory()
    summary = {
        "maybeCorrupt": False,
        "durationSeconds": 1,
        "resourceChanges": {"create": 2, "same": 1},
        "PolicyPacks": {"millwright|local|/somewhere/policies": "1"},
    }
    names = ["a resource's turn", "a resource is done", "a violation", "advice", "a coloured message", "an error"]
    for event in [_engine_event(TRANSLATIONS[name][0]) for name in names] + [_engine_event({"summaryEvent": summary})]:
        memory.take(event, next(translate(STACK, event), None))
    assert memory.steps == {URN: STEP}
    assert memory.errors == ["no"]
    assert memory.violations == [VIOLATION]
    assert memory.changes == {"create": 2, "same": 1}
    assert memory.policy_packs == {"millwright"}


def test_the_stacks_outputs_are_remembered_and_secrets_of_any_depth_are_not() -> None:
    """As `pulumi up` sends them: a secret is an object with a mark of the engine's."""
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "hidden"}
    outputs = {"a": 1, "none": None, "s": secret, "deep": {"list": [1, secret, {"x": secret}]}}
    state = {"type": "pulumi:pulumi:Stack", "urn": "urn", "id": "", "parent": "", "inputs": {}, "outputs": outputs}
    metadata = METADATA | {"type": "pulumi:pulumi:Stack", "op": "same", "new": state | {"provider": ""}}
    memory = Memory()
    memory.take(_engine_event({"resOutputsEvent": {"metadata": metadata}}), None)
    masked = {"a": 1, "none": None, "s": "[secret]", "deep": {"list": [1, "[secret]", {"x": "[secret]"}]}}
    assert memory.outputs == masked
    # Another resource's are not the stack's; a stack that is gone has none to tell.
    other = metadata | {"type": "aws:ec2/vpc:Vpc", "new": state | {"provider": "", "outputs": {"b": 2}}}
    memory.take(_engine_event({"resOutputsEvent": {"metadata": other}}), None)
    memory.take(_engine_event({"resOutputsEvent": {"metadata": metadata | {"op": "delete", "new": None}}}), None)
    assert memory.outputs == masked


def _own_errors() -> list[type[MillwrightError]]:
    """The tree of factory.errors; other modules have errors of their own below it."""
    return [error for error in MillwrightError.__subclasses__() if error.__module__ == tree.__name__]


def test_every_kind_of_event_and_error_is_covered_here() -> None:
    assert {type(event) for event in EVENTS} == set(StackEvent.__subclasses__())
    assert {type(error) for error in ERRORS} == {MillwrightError, *_own_errors(), tree.LossUndecided}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_is_a_json_object_that_names_its_type_and_stack(event: StackEvent) -> None:
    document = json.loads(json.dumps(event.as_json()))
    assert document["stack"] == STACK
    assert document["event"].replace("_", "") == type(event).__name__.lower()


def test_the_json_of_an_event_holds_all_of_it() -> None:
    assert json.loads(json.dumps(Finished(stack=STACK, result=RESULT).as_json())) == {
        "event": "finished",
        "stack": STACK,
        "result": {
            "stack": STACK,
            "kind": "up",
            "changes": {"update": 1},
            "steps": [dataclasses.asdict(STEP) | {"properties": ["cidrBlock", "tags"]}],
            "duration": 1.5,
            "version": 3,
            "outputs": OUTPUTS.model_dump(),
        },
    }
    assert StepDone(stack=STACK, step=STEP).as_json()["step"]["name"] == "links-build"


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_the_json_of_an_error_has_message_hint_exit_code_and_problems(error: MillwrightError) -> None:
    document = json.loads(json.dumps(error_json(error)))
    assert (document["error"], document["hint"]) == (str(error), error.hint)
    assert document["exit_code"] == error.exit_code > 0
    problems = [dataclasses.asdict(PROBLEM)] if getattr(error, "problems", ()) else None
    assert document.get("problems") == problems


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_crosses_to_another_process_unchanged(event: StackEvent) -> None:
    arrived = pickle.loads(pickle.dumps(event))  # noqa: S301 -- what multiprocessing does between our own processes
    assert arrived.as_json() == event.as_json()
    if isinstance(event, Failed):
        assert type(arrived.error) is type(event.error)
        assert arrived.error.__dict__ == event.error.__dict__
        with pytest.raises(type(event.error), match=str(event.error)):
            raise arrived.error
    else:
        assert arrived == event


def test_a_result_knows_which_steps_changed_something() -> None:
    steps = tuple(
        dataclasses.replace(STEP, action=action) for action in ("same", "create", "read", "refresh", "delete")
    )
    assert [step.action for step in dataclasses.replace(RESULT, steps=steps).changed] == ["create", "delete"]


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (PROBLEM, "app.yaml:3:1: ownr: unknown key (found 'ownr'); mend it"),
        (Problem(file="app.yaml", line=0, column=0, field="", message="gone"), "app.yaml: gone"),
        (Problem(file="a", line=1, column=2, field="", message="m", allowed="x, y"), "a:1:2: m; allowed: x, y"),
    ],
)
def test_a_problem_reads_as_compilers_write_them(problem: Problem, text: str) -> None:
    assert str(problem) == text


def test_exit_codes_say_one_thing_each_and_stay_outside_the_shells_own() -> None:
    assert len({int(code) for code in tree.ExitCode}) == len(tree.ExitCode.__members__)
    assert all(code in range(126) or code is tree.ExitCode.INTERRUPTED for code in tree.ExitCode)
    assert Path(tree.__file__).read_text().count("exit_code = ExitCode.") == len(_own_errors())
