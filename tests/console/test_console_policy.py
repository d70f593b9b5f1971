"""`millwright policy`: the rules, a stack in a file, and the settings."""

import json
from pathlib import Path

import pytest
from console_runner import Runner

from factory.errors import ExitCode
from factory.paths import FactoryRoot
from policies import CONTROLS, load_policies

GROUP = "aws:ec2/securityGroup:SecurityGroup"
TAGS = {"app": "links", "environment": "build", "owner": "web", "cost-center": "web"}


def _state(folder: Path, source: str, tags: dict[str, str] | None = None) -> str:
    inputs = {"ingress": [{"cidrBlocks": [source]}], "tags": TAGS if tags is None else tags}
    group = {"urn": f"urn:pulumi:links-build::f::{GROUP}::[b]door", "type": GROUP, "inputs": inputs}
    file = folder / "state.json"
    file.write_text(json.dumps({"version": 3, "deployment": {"resources": [group]}}))
    return str(file)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("10.0.0.0/8", ExitCode.OK),
        ("0.0.0.0/0", ExitCode.POLICY_VIOLATION),
        ("[secret]", ExitCode.UNDECIDED),
    ],
)
def test_a_stack_in_a_file_passes_fails_or_stays_undecided(
    source: str, code: ExitCode, millwright: Runner, root: FactoryRoot, tmp_path: Path
) -> None:
    state = _state(tmp_path, source)
    answer = millwright("policy", "check", "--state", state, "--json")
    assert answer.code == code
    (document,) = answer.documents
    assert {"findings", "deferred"} <= document.keys()
    told = document["findings"] + document["deferred"]
    assert [each["rule"] for each in told] == (["no-world-ingress"] if code else [])
    for each in told:
        assert {"control", "rule", "severity", "urn", "path", "message", "fix"} <= each.keys()
    people = millwright("policy", "check", "--state", state)
    assert people.code == code
    assert "links-build: 1 resources" in people.out
    assert ("[b]door: ingress[0].cidrBlocks[0]" in people.out) == bool(code)


def test_the_settings_of_a_file_and_of_the_factory_here_decide(
    millwright: Runner, root: FactoryRoot, tmp_path: Path
) -> None:
    state = _state(tmp_path, "10.0.0.0/8")
    wants = "required_tags: [app, data-class]\n"
    (root.path / "policies.yaml").write_text(wants)
    assert millwright("policy", "check", "--state", state).code == ExitCode.POLICY_VIOLATION
    other = tmp_path / "other.yaml"
    other.write_text("required_tags: [app]\n")
    assert millwright("policy", "check", "--state", state, "--settings", str(other)).code == ExitCode.OK
    other.write_text("required: [app]\n")
    refused = millwright("policy", "check", "--state", state, "--settings", str(other), "--json")
    assert refused.code == ExitCode.INVALID_INPUT
    assert "other.yaml" in json.dumps(refused.documents)


def test_a_file_is_judged_outside_of_any_factory(
    millwright: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert millwright("policy", "check", "--state", _state(tmp_path, "10.0.0.0/8")).code == ExitCode.OK
    assert millwright("policy", "check", "--state", _state(tmp_path, "0.0.0.0/0")).code == ExitCode.POLICY_VIOLATION
    assert millwright("policy", "check", "--state", "none.json").code == ExitCode.INVALID_INPUT
    state = _state(tmp_path, "10.0.0.0/8")
    assert millwright("policy", "check", "--state", state, "--fail-on", "loud").code == ExitCode.USAGE


def test_every_rule_is_listed_and_explained_by_name_and_number(millwright: Runner) -> None:
    listed = millwright("policy", "list", "--json").documents
    assert [each["rule"] for each in listed] == [control.id for control in CONTROLS]
    shown = millwright("policy", "list")
    assert all(control.id in shown.out for control in CONTROLS)
    for document in listed:
        named = millwright("policy", "explain", document["rule"], "--json")
        numbered = millwright("policy", "explain", str(document["control"]), "--json")
        assert named.documents == numbered.documents == [document]
    told = millwright("policy", "explain", "no-world-ingress").out
    assert "why: " in told
    assert "fix: " in told
    assert "compare: CKV_AWS_24" in told


def test_a_rule_that_is_none_is_refused_with_the_nearest(millwright: Runner) -> None:
    answer = millwright("policy", "explain", "no-world-ingres", "--json")
    assert answer.code == ExitCode.INVALID_INPUT
    assert answer.documents[0]["hint"] == "did you mean no-world-ingress?"


def test_init_writes_the_settings_once(millwright: Runner, root: FactoryRoot) -> None:
    before = load_policies(root)
    answer = millwright("policy", "init", "--json")
    assert (answer.code, answer.documents) == (ExitCode.OK, [{"policies": str(root.path / "policies.yaml")}])
    assert load_policies(root) == before
    (root.path / "policies.yaml").write_text("required_tags: [app]\n")
    assert millwright("policy", "init").code == ExitCode.INVALID_INPUT
    assert load_policies(root).required_tags == ("app",)
