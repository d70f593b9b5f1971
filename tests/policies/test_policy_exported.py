"""A stack from a file: an exported state, or a plan; what is encrypted in it, and what is no such file."""

import json
from pathlib import Path
from typing import Any

import pytest

from factory.errors import InputError
from policies import CONTROLS, UNKNOWN, Enforcement, PolicySettings
from policies.decode import CONFIDENTIAL_SIGNATURE, SIGNATURE_KEY
from policies.exported import load_stack, read_stack
from policies.offline import Checked, Outcome, check

GROUP = "aws:ec2/securityGroup:SecurityGroup"
FUNCTION = "aws:lambda/function:Function"
AWS = "pulumi:providers:aws"
SECRET = "hunter2-but-longer-9q8w7e"
UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
TAGS = json.dumps({"tags": {"app": "links", "environment": "build", "owner": "web", "cost-center": "web"}})

ACCOUNT = "123456789012"
HOUSE = {"defaultTags": TAGS, "allowedAccountIds": json.dumps([ACCOUNT])}


def _urn(type_: str, name: str, stack: str = "links-build") -> str:
    return f"urn:pulumi:{stack}::f::{type_}::{name}"


PROVIDER = {
    "urn": _urn(AWS, "aws"),
    "id": "7",
    "type": AWS,
    "custom": True,
    "inputs": {**HOUSE, "__internal": {"pluginDownloadURL": "x"}},
}


def _resource(type_: str, name: str, inputs: dict[str, Any], **more: Any) -> dict[str, Any]:
    provider = f"{PROVIDER['urn']}::7"
    return {"urn": _urn(type_, name), "type": type_, "custom": True, "inputs": inputs, "provider": provider, **more}


def _group(source: Any, name: str = "door", **more: Any) -> dict[str, Any]:
    return _resource(GROUP, name, {"ingress": [{"cidrBlocks": [source]}]}, **more)


def _state(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"version": 3, "deployment": {"manifest": {}, "resources": [PROVIDER, *resources]}}


def _plan(*resources: dict[str, Any], op: str = "create", **more: Any) -> dict[str, Any]:
    return {"steps": [{"op": op, "urn": each["urn"], "newState": each} for each in (PROVIDER, *resources)], **more}


def _encrypted(**value: str) -> dict[str, str]:
    return {SIGNATURE_KEY: CONFIDENTIAL_SIGNATURE, **value}


def _checked(document: Any) -> Checked:
    name, stack = read_stack(document, "it.json")
    return check(CONTROLS, name, stack, PolicySettings(accounts=(ACCOUNT,)))


@pytest.mark.parametrize("made", [_state, _plan])
def test_a_state_and_a_plan_are_judged_by_every_rule_beside_what_passes(made: Any) -> None:
    checked = _checked(made(_group("10.0.0.0/8", "fine"), _group("0.0.0.0/0")))
    (told,) = [told.as_json() for told in checked.findings]
    assert (told["control"], told["rule"], told["severity"]) == (5, "no-world-ingress", "critical")
    assert (told["urn"], told["path"]) == (_urn(GROUP, "door"), "ingress[0].cidrBlocks[0]")
    assert "100 % of the public IPv4 addresses (found 0.0.0.0/0)" in told["message"]
    assert (checked.stack, checked.deferred, checked.outcome()) == ("links-build", (), Outcome.FAILED)
    assert _checked(made(_group("10.0.0.0/8", "fine"))).outcome() is Outcome.PASSED


def test_rules_of_whole_stacks_see_what_the_provider_answered() -> None:
    rule = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    checked = _checked(
        _state(
            _group("10.0.0.0/8", id="sg-1"),
            _resource(rule, "one", {"securityGroupId": "sg-1"}),
            _resource(rule, "other", {"securityGroupId": "sg-2"}),
        )
    )
    assert [(told.verdict.control.id, told.urn) for told in checked.findings] == [("no-mixed-forms", _urn(rule, "one"))]


@pytest.mark.parametrize("value", [_encrypted(ciphertext="v1:abc"), "[secret]", UNKNOWN_STRING])
def test_what_is_encrypted_masked_or_not_known_leaves_the_rule_undecided(value: Any) -> None:
    checked = _checked(_state(_group(value)))
    assert [told.as_json()["rule"] for told in checked.deferred] == ["no-world-ingress"]
    assert (checked.findings, checked.outcome()) == ((), Outcome.UNDECIDED)
    # What fails is told whatever else cannot be decided.
    assert _checked(_state(_group(value), _group("0.0.0.0/0", "open"))).outcome() is Outcome.FAILED


def test_a_secret_in_plain_text_is_judged_and_never_shown() -> None:
    plain = _encrypted(plaintext=json.dumps("0.0.0.0/0"))
    variables = {"variables": {"DB_PASSWORD": _encrypted(plaintext=json.dumps(SECRET))}}
    checked = _checked(_state(_group(plain), _resource(FUNCTION, "worker", {"environment": variables})))
    assert {told.verdict.control.id for told in checked.findings} == {"no-world-ingress", "no-literal-credentials"}
    shown = json.dumps(checked.as_json())
    assert "0.0.0.0/0" not in shown
    assert SECRET not in shown


def test_what_is_only_read_or_about_to_go_is_not_judged() -> None:
    read = _group("0.0.0.0/0", "theirs", external=True)
    assert _checked(_state(read, _group("0.0.0.0/0", "old", delete=True))).findings == ()
    assert (
        _checked({"steps": [*_plan(read)["steps"], *_plan(_group("0.0.0.0/0"), op="delete")["steps"]]}).findings == ()
    )


def test_options_dependencies_and_the_provider_are_read() -> None:
    group = _group(
        "10.0.0.0/8",
        protect=True,
        ignoreChanges=["ingress"],
        dependencies=None,
        propertyDependencies={"ingress": [_urn(AWS, "aws")], "egress": None},
        outputs={"arn": "arn:aws:ec2:::x", "ingress": UNKNOWN_STRING},
    )
    _, stack = read_stack(_state(group), "it.json")
    (found,) = stack.of(GROUP)
    assert (found.options.protect, found.options.ignore_changes) == (True, ("ingress",))
    assert found.property_dependencies == {"ingress": (_urn(AWS, "aws"),), "egress": ()}
    assert found.answered == {"arn": "arn:aws:ec2:::x", "ingress": UNKNOWN}
    assert found.provider is not None
    assert found.provider.properties == HOUSE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "neither a state nor a plan"),
        ('{"deployment": {"resources": []}}', "neither a state nor a plan: version"),
        ('{"version": 3, "deployment": {"resources": [{"urn": 7}]}}', "deployment.resources.0.urn"),
        ('{"version": 3, "deployment": {"resources": []}}', "holds no resources"),
        ('{"steps": []}', "holds no resources"),
        (json.dumps(_plan(op="update", changeSummary={"same": 4})), "leaves out what does not change"),
    ],
)
def test_what_is_neither_is_refused_with_what_is_wrong(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "it.json"
    file.write_text(text)
    with pytest.raises(InputError) as refused:
        load_stack(file)
    assert said in str(refused.value)
    assert "stack export" in refused.value.hint or "--show-sames" in refused.value.hint


def test_a_file_that_is_not_there_and_one_of_two_stacks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_stack(tmp_path / "none.json")
    other = {**_group("10.0.0.0/8"), "urn": _urn(GROUP, "door", "notes-build")}
    with pytest.raises(InputError, match="links-build, notes-build"):
        read_stack(_state(other), "it.json")


def test_an_advisory_fails_only_who_asks_for_it() -> None:
    checked = _checked(_state(_group("0.0.0.0/0")))
    (told,) = checked.findings
    advised = Checked("s", 1, (type(told)(told.verdict, Enforcement.ADVISORY),), ())
    assert advised.outcome() is Outcome.PASSED
    assert advised.outcome(Enforcement.ADVISORY) is Outcome.FAILED
    deferred = Checked("s", 1, (), advised.findings)
    assert deferred.outcome() is deferred.outcome(Enforcement.ADVISORY) is Outcome.PASSED
