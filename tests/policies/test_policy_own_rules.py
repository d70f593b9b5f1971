"""Rules of a factory's own: where they come from, what is none, and that they are asked like any other."""

import json
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2
from own_rule_bench import FILE, QUEUE, rule_text, with_rule
from pack_door import SECONDS, configured, request, served, started
from pulumi.runtime.proto import analyzer_pb2 as pb
from pulumi.runtime.proto import analyzer_pb2_grpc

from factory.errors import InputError
from factory.paths import FactoryRoot
from policies import CONTROLS, Context, Options, Resource, context_of, load_policies
from policies.analyzer import Analyzer
from policies.checks.bypass_ignored import guarded_properties_followed
from policies.own import controls_of, own_rules
from policies.settings import settings_file


@pytest.fixture
def root(tmp_path: Path) -> FactoryRoot:
    folder = tmp_path / "factory"
    folder.mkdir()
    (folder / "millwright.yaml").write_text("aws: local\n")
    return FactoryRoot(folder)


def _own(root: FactoryRoot) -> list[str]:
    return [control.id for control in own_rules(settings_file(root), load_policies(root))]


def _refused(root: FactoryRoot) -> str:
    with pytest.raises(InputError) as refused:
        _own(root)
    return refused.value.rendered()


def test_the_rules_that_policies_yaml_names_stand_behind_those_of_the_pack(root: FactoryRoot) -> None:
    assert _own(root) == []
    with_rule(root)
    controls = controls_of(settings_file(root), load_policies(root))
    assert controls[:-1] == CONTROLS
    assert (controls[-1].id, controls[-1].number, controls[-1].is_own) == ("queue-retention", 1001, True)
    assert not any(control.is_own for control in CONTROLS)
    assert not list(root.path.rglob("__pycache__"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("number=1001", "number=64"), "{line}:1: CONTROL: number must be a whole number from 1000 on"),
        (("number=1001", "number=True"), "number must be a whole number"),
        (('id="queue-retention"', 'id="no-world-ingress"'), "id no-world-ingress is that of a rule of the pack"),
        (('id="queue-retention"', 'id="Queue Retention"'), "id must be lower-case words"),
        (("severity=Severity.MEDIUM", 'severity="medium"'), "severity must be a policies.Severity"),
        (('reads={QUEUE: ("messageRetentionSeconds",)}', "reads={}"), "reads must be a mapping"),
        (('reads={QUEUE: ("messageRetentionSeconds",)}', 'reads={"sqs": ()}'), "'sqs' is no type token"),
        (('reads={QUEUE: ("messageRetentionSeconds",)}', 'reads={QUEUE: "name"}'), "must be a tuple of names"),
        (('604800 or more"', '604800 or more."'), "fix must be a text without a full stop"),
        (("check=kept_long_enough", 'check="kept"'), "check must be a function"),
        (("CONTROL = Control", "RULE = Control"), ":1:1: CONTROL: must be a policies.Control"),
        (("CASES = (", "OTHERS = ("), "CASES: must be a list of policies.testing.Case"),
        (
            ('Case("queue-retention", "a week"', 'Case("another", "a week"'),
            "must hold cases of queue-retention, not of",
        ),
    ],
)
def test_a_malformed_rule_is_refused_with_its_line(change: tuple[str, str], said: str, root: FactoryRoot) -> None:
    text = rule_text(change)
    path = with_rule(root, text)
    line = next((n for n, each in enumerate(text.splitlines(), 1) if each.startswith("CONTROL =")), 1)
    told = _refused(root)
    assert said.format(line=f"{path}:{line}") in told
    assert str(path) in told


@pytest.mark.parametrize(
    ("change", "line", "said"),
    [
        (("WEEK = 7", "WEEK = = 7"), "WEEK =", "SyntaxError"),
        (("WEEK = 7", "WEEK = 1 // 0 + 7"), "WEEK =", "ZeroDivisionError"),
        (("from policies.testing", "from policies.nothing"), "from policies.nothing", "ModuleNotFoundError"),
        (("WEEK = 7", "raise SystemExit(0)\nWEEK = 7"), "raise", "SystemExit: 0"),
        (("    check=kept_long_enough,\n", ""), "CONTROL =", "ValueError: queue-retention has no check"),
    ],
)
def test_a_rule_that_cannot_be_run_is_refused_with_its_line(
    change: tuple[str, str], line: str, said: str, root: FactoryRoot
) -> None:
    text = rule_text(change)
    path = with_rule(root, text)
    number = next(n for n, each in enumerate(text.splitlines(), 1) if each.startswith(line))
    told = _refused(root)
    assert f"{path}:{number}:1: " in told
    assert said in told


@pytest.mark.parametrize(
    "name", ["../rule.py", "/rule.py", ".millwright/rule.py", "rules/.x/rule.py", "rules/../a.py", "a.txt"]
)
def test_a_path_that_is_none_below_the_root_is_refused_by_its_form(name: str, root: FactoryRoot) -> None:
    settings_file(root).write_text(json.dumps({"rules": [name]}))
    assert "policies.yaml:1:12: rules.0" in _refused(root)


def test_a_link_may_lead_within_the_factorys_files_and_nowhere_else(root: FactoryRoot) -> None:
    with_rule(root)
    rules = root.path / "rules"
    for place in (root.path.parent / "outside.py", root.state / "tasks" / "rule.py"):
        place.parent.mkdir(exist_ok=True, parents=True)
        place.write_text(rule_text())
        (rules / "linked.py").symlink_to(place)
        settings_file(root).write_text("rules:\n  - rules/linked.py\n")
        assert "policies.yaml:2:5: rules.0: leads out of the factory's own files" in _refused(root)
        (rules / "linked.py").unlink()
    (root.path / "more").symlink_to(root.path.parent)
    settings_file(root).write_text("rules: [more/outside.py]\n")
    assert "leads out" in _refused(root)
    (rules / "linked.py").symlink_to(root.path / FILE)
    settings_file(root).write_text("rules: [rules/linked.py]\n")
    assert _own(root) == ["queue-retention"]
    settings_file(root).write_text("rules: [rules/none.py]\n")
    assert "policies.yaml:1:9: rules.0: is not there" in _refused(root)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ((("queue-retention", "other-rule"),), "number 1001 is that of the rule in"),
        ((("number=1001", "number=1002"),), "id queue-retention is that of the rule in"),
        ((("queue-retention", "other-rule"), ("number=1001", "number=1000")), None),
    ],
)
def test_two_rules_have_two_numbers_and_two_ids(
    changes: tuple[tuple[str, str], ...], said: str | None, root: FactoryRoot
) -> None:
    with_rule(root)
    (root.path / "second.py").write_text(rule_text(*changes))
    settings_file(root).write_text(f"rules: [{FILE}, second.py]\n")
    if said is None:
        assert _own(root) == ["other-rule", "queue-retention"]
    else:
        assert said in _refused(root)


def test_what_an_own_rule_reads_may_not_be_ignored_either(root: FactoryRoot) -> None:
    with_rule(root)
    own = own_rules(settings_file(root), load_policies(root))
    ignoring = Resource(
        type="aws:sqs/queue:Queue", properties={}, options=Options(ignore_changes=("messageRetentionSeconds",))
    )

    def said(context: Context) -> int:
        return len(list(guarded_properties_followed(ignoring, context)))

    assert (said(context_of("links-build", own=own)), said(context_of("links-build"))) == (1, 0)


def test_the_engine_is_told_of_an_own_rule_like_of_any_other(root: FactoryRoot) -> None:
    with_rule(root)
    with started(root.path) as running:
        assert running.stdout is not None
        with grpc.insecure_channel(f"127.0.0.1:{int(running.stdout.readline())}") as channel:
            pack = analyzer_pb2_grpc.AnalyzerStub(channel)
            info = pack.GetAnalyzerInfo(empty_pb2.Empty(), timeout=SECONDS)
            assert [policy.name for policy in info.policies][-2:] == [CONTROLS[-1].id, "queue-retention"]
            configured(pack, preview=False)
            said = pack.Analyze(request(QUEUE, {"messageRetentionSeconds": 60}), timeout=SECONDS).diagnostics
            (verdict,) = [each for each in said if each.policyName == "queue-retention"]
            assert verdict.enforcementLevel == pb.MANDATORY
            assert verdict.message.startswith("queue-retention (control 1001): messageRetentionSeconds keeps messages")
            weaker = {"queue-retention": pb.PolicyConfig(enforcementLevel=pb.ADVISORY)}
            with pytest.raises(grpc.RpcError, match="cannot be set to advisory"):
                pack.Configure(pb.ConfigureAnalyzerRequest(policyConfig=weaker), timeout=SECONDS)
        running.kill()


def test_a_broken_own_rule_leaves_no_question_of_the_engine_answered(root: FactoryRoot) -> None:
    path = with_rule(root, "1 // 0\n")

    def own() -> tuple[object, ...]:
        return own_rules(settings_file(root), load_policies(root))

    with served(Analyzer(own=own)) as pack:  # type: ignore[arg-type]
        for ask in (
            lambda: pack.GetAnalyzerInfo(empty_pb2.Empty(), timeout=SECONDS),
            lambda: configured(pack, preview=True),
            lambda: pack.Configure(pb.ConfigureAnalyzerRequest(), timeout=SECONDS),
            lambda: pack.Analyze(request(QUEUE, {}), timeout=SECONDS),
            lambda: pack.AnalyzeStack(pb.AnalyzeStackRequest(), timeout=SECONDS),
        ):
            with pytest.raises(grpc.RpcError) as refused:
                ask()
            assert f"{path}:1:1: ZeroDivisionError" in str(refused.value)
