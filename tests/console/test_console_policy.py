"""`millwright policy`: the rules, a stack in a file, and the settings."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from console_runner import Answer, Runner

from factory.errors import ExitCode
from factory.paths import FactoryRoot
from factory.spec import app_names
from policies import CONTROLS, load_policies
from policies.accepted import NEVER

GROUP = "aws:ec2/securityGroup:SecurityGroup"
TAGS = {"app": "links", "environment": "build", "owner": "web", "cost-center": "web"}


def _state(folder: Path, source: str, tags: dict[str, str] | None = None, stack: str = "links-build") -> str:
    inputs = {"ingress": [{"cidrBlocks": [source]}], "tags": TAGS if tags is None else tags}
    group = {"urn": f"urn:pulumi:{stack}::f::{GROUP}::[b]door", "type": GROUP, "inputs": inputs}
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


def test_every_rule_is_listed_and_explained_by_name_or_number(millwright: Runner) -> None:
    listed = millwright("policy", "list", "--json").documents
    assert [each["rule"] for each in listed] == [control.id for control in CONTROLS]
    shown = millwright("policy", "list")
    assert all(control.id in shown.out for control in CONTROLS)
    # Two commands for each would take half a minute: every fourth one, by either, and the first by both.
    for document in listed[:1]:
        assert millwright("policy", "explain", document["rule"], "--json").documents == [document]
    for place, document in enumerate(listed[::4]):
        asked = document["rule"] if place % 2 else str(document["control"])
        assert millwright("policy", "explain", asked, "--json").documents == [document]
    told = millwright("policy", "explain", "no-world-ingress").out
    assert "why: " in told
    assert "fix: " in told
    assert "compare: CKV_AWS_24" in told


@pytest.mark.parametrize(
    ("rule", "levels", "excepted"),
    [
        (
            "no-world-ingress",
            "mandatory in build, staging, production and elsewhere",
            "two people may accept a finding",
        ),
        (
            "log-retention",
            "advisory in build and staging, mandatory in production and elsewhere",
            "for at most 90 days",
        ),
        ("trail-complete", "mandatory in build, staging, production and elsewhere", "never: exceptions themselves"),
        ("joined-within-app", "mandatory in", "never: it opens one app to another"),
    ],
)
def test_a_rule_says_where_it_stops_what_and_whether_a_finding_can_be_accepted(
    millwright: Runner, rule: str, levels: str, excepted: str
) -> None:
    told = " ".join(millwright("policy", "explain", rule).out.split())
    assert levels in told
    assert excepted in told.partition(" exceptions: ")[2].partition(" reads: ")[0]
    (document,) = millwright("policy", "explain", rule, "--json").documents
    assert document["exceptable"] == ("never" not in excepted)
    assert bool(document["never_excepted_because"]) == (rule in NEVER)
    assert document["elsewhere"] == "mandatory"


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


def _files(folder: Path) -> list[str]:
    files = []
    for environment, source in (("build", "10.0.0.0/8"), ("staging", "0.0.0.0/0")):
        (folder / environment).mkdir(exist_ok=True)
        files.append(_state(folder / environment, source, {**TAGS, "environment": environment}, f"links-{environment}"))
    return files


def test_several_stacks_are_judged_at_once_and_the_worst_decides(
    millwright: Runner, root: FactoryRoot, tmp_path: Path
) -> None:
    good, bad = _files(tmp_path)
    both = millwright("policy", "check", "--state", good, "--state", bad, "--json")
    assert both.code == ExitCode.POLICY_VIOLATION
    assert [(each["stack"], len(each["findings"])) for each in both.documents] == [
        ("links-build", 0),
        ("links-staging", 1),
    ]
    undecided = _state(tmp_path, "[secret]")
    assert millwright("policy", "check", "--state", undecided, "--state", bad).code == ExitCode.POLICY_VIOLATION
    (tmp_path / "build" / "again.json").write_text(Path(good).read_text())
    again = str(tmp_path / "build" / "again.json")
    twice = millwright("policy", "check", "--state", good, "--state", again, "--json")
    assert twice.code == ExitCode.INVALID_INPUT
    assert "both hold the stack links-build" in twice.documents[0]["error"]


def test_a_report_goes_to_a_file_whole_and_the_exit_code_stays(
    millwright: Runner, root: FactoryRoot, tmp_path: Path
) -> None:
    good, bad = _files(tmp_path)
    output = tmp_path / "report.sarif"
    answer = millwright("policy", "check", "--state", bad, "--format", "sarif", "--output", str(output))
    assert (answer.code, answer.out) == (ExitCode.POLICY_VIOLATION, "")
    assert "links-staging: 1 findings, 0 undecided" in answer.err
    (result,) = json.loads(output.read_text())["runs"][0]["results"]
    assert result["ruleId"] == "no-world-ingress"
    printed = millwright("policy", "check", "--state", bad, "--format", "sarif")
    assert json.loads(printed.out)["runs"][0]["results"] == [result]
    suites = ET.fromstring(millwright("policy", "check", "--state", good, "--format", "junit").out)  # noqa: S314
    assert suites.get("failures") == "0"
    for folder in ("none", "report.sarif"):
        refused = millwright(
            "policy", "check", "--state", bad, "--format", "junit", "--output", f"{tmp_path}/{folder}/x"
        )
        assert refused.code == ExitCode.INVALID_INPUT


@pytest.mark.parametrize("options", ["--json --format sarif", "--output x.json", "--format xml"])
def test_options_that_do_not_go_together_are_refused(
    options: str, millwright: Runner, root: FactoryRoot, tmp_path: Path
) -> None:
    good, _ = _files(tmp_path)
    assert millwright("policy", "check", "--state", good, *options.split()).code == ExitCode.USAGE
    assert millwright("policy", "check", "--state", good, "--json", "--format", "json").code == ExitCode.OK


def _shown_at(answer: Answer) -> str:
    (result,) = json.loads(answer.out)["runs"][0]["results"]
    return str(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])


def test_a_result_is_shown_at_the_apps_file_below_the_checkout_or_else_at_the_judged_one(
    millwright: Runner, root: FactoryRoot, tmp_path: Path
) -> None:
    sarif = ("policy", "check", "--format", "sarif", "--state")
    app = app_names(root)[0]
    stack = f"{app}-staging"
    tags = {**TAGS, "app": app, "environment": "staging"}
    state = _state(tmp_path, "0.0.0.0/0", tags, stack)
    assert _shown_at(millwright(*sarif, state)) == f"apps/{app}/app.yaml"
    (tmp_path / ".git").mkdir()
    assert _shown_at(millwright(*sarif, state)) == f"{root.path.name}/apps/{app}/app.yaml"
    # The stack's name is the file's own: it leads nowhere else.
    for strange in ("../../outside-build", "/etc-build", "nobodys-build"):
        odd = {**TAGS, "app": strange.removesuffix("-build")}
        assert _shown_at(millwright(*sarif, _state(tmp_path, "0.0.0.0/0", odd, strange))) == "state.json"


def test_an_error_is_a_document_where_json_was_asked_for_in_either_way(millwright: Runner, root: FactoryRoot) -> None:
    wanted = ("policy", "check", "--state", "none.json")
    documents = [
        millwright(*wanted, *options).documents for options in (["--json"], ["--format", "json"], ["--format=json"])
    ]
    assert documents[0][0]["exit_code"] == ExitCode.INVALID_INPUT
    assert documents[0] == documents[1] == documents[2]
    sarif = millwright(*wanted, "--format", "sarif")
    assert (sarif.code, sarif.out) == (ExitCode.INVALID_INPUT, "")


def test_no_name_in_a_file_reaches_the_terminal_as_a_command(
    millwright: Runner, root: FactoryRoot, tmp_path: Path
) -> None:
    state = Path(_state(tmp_path, "0.0.0.0/0"))
    state.write_text(state.read_text().replace("[b]door", "[b]door\\u001b[2J\\u009b1m\\u0007"))
    answer = millwright("policy", "check", "--state", str(state))
    assert answer.code == ExitCode.POLICY_VIOLATION
    assert "[b]door\\x1b[2J\\x9b1m\\x07" in answer.out
    assert answer.out.replace("\n", "").isprintable()
