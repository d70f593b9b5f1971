"""What people accepted, by the pack's doors: advice instead of a refusal, of that very finding; never a silent pass."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from exception_bench import NOW, ExceptionBench
from pack_door import SECONDS, asked, configured, existing, served, started
from policy_cases import CASES, Case
from policy_cases.case import thing, urn
from pulumi.runtime.proto import analyzer_pb2 as pb
from pulumi.runtime.proto import analyzer_pb2_grpc

from factory.exceptions import Accepted
from policies import CONTROLS, Context, Fail, Finding, Resource, Stack
from policies.accepted import NEVER, Accepting, controls, fingerprint_of, project_of, stack_urn, statement
from policies.analyzer import Analyzer
from policies.evaluation import Verdict, judge
from policies.model import UNKNOWN
from policies.offline import Outcome, check
from policies.settings import PolicySettings
from policies.testing.verdicts import verdicts_on

CONTROL = {control.id: control for control in CONTROLS}
GROUP = "aws:ec2/securityGroup:SecurityGroup"
DOOR = urn(GROUP, "door")
OPEN = {"ingress": [{"cidrBlocks": ["0.0.0.0/0"]}]}
OWN = stack_urn("links-build", "millwright")


def _entry(verdict: Verdict, about: str, **differs: str) -> Accepted:
    """An exception as it is when it was read: that it is signed, `factory.exception_file` has looked at."""
    said = {
        "id": "one",
        "rule": verdict.control.id,
        "resource": about,
        "pattern": None,
        "path": verdict.place,
        "message": statement(verdict),
        "fingerprint": fingerprint_of(verdict),
        "approver": "sam",
        "expires": "2026-12-29",
        "reason": "why",
        "ticket": "SEC-1",
    }
    return Accepted.model_construct(**(said | differs))


def _accepting(*entries: Accepted, now: datetime = NOW) -> Accepting:
    return Accepting(entries, OWN, lambda: now)


def _about(case: Case, verdict: Verdict) -> str:
    own = stack_urn(case.stack, project_of(case.whole))
    return (verdict.resource.urn if verdict.resource else verdict.finding.urn) or own


def test_every_failure_can_be_named_and_only_by_its_own_fingerprint_and_resource() -> None:
    for case in CASES:
        verdicts = verdicts_on(CONTROL[case.control], case)
        own = stack_urn(case.stack, project_of(case.whole))
        for verdict in verdicts:
            entry = _entry(verdict, _about(case, verdict))
            accepting = Accepting((entry,), own, lambda: NOW)
            assert (accepting.of(verdict) is entry) == verdict.failed, case.name
            for other in (
                {"fingerprint": "sha256:" + "0" * 64},
                {"resource": urn(GROUP, "another")},
                {"rule": "another"},
            ):
                assert Accepting((entry.model_copy(update=other),), own, lambda: NOW).of(verdict) is None


def test_what_is_not_known_is_never_accepted() -> None:
    undecided = [case for case in CASES if case.verdict == "unknown"]
    assert len(undecided) >= len(CONTROLS)
    for case in undecided:
        checked = check(
            [CONTROL[case.control]],
            case.stack,
            case.whole,
            case.settings,
            Accepting(tuple(_entry(v, _about(case, v)) for v in verdicts_on(CONTROL[case.control], case)), OWN),
        )
        assert checked.deferred, case.name
        assert not checked.accepted, case.name


@pytest.fixture
def verdict() -> Verdict:
    (found,) = judge([CONTROL["no-world-ingress"]], Stack((thing(GROUP, OPEN, "door"),)), Context(stack="links-build"))
    return found


def test_a_finding_that_was_changed_is_not_the_one_that_was_accepted(verdict: Verdict) -> None:
    accepting = _accepting(_entry(verdict, DOOR))
    rule = [CONTROL["no-world-ingress"]]

    def outcome(inputs: dict, name: str = "door") -> Outcome:
        stack = Stack((thing(GROUP, inputs, name),))
        return check(rule, "links-build", stack, PolicySettings(), accepting).outcome()

    assert outcome(OPEN) is Outcome.PASSED
    assert outcome({"ingress": [{"cidrBlocks": ["0.0.0.0/1"]}, {"cidrBlocks": ["128.0.0.0/1"]}]}) is Outcome.FAILED
    assert outcome({"ingress": [{"cidrBlocks": ["10.0.0.0/8", "0.0.0.0/0"]}]}) is Outcome.FAILED
    assert outcome({"ingress": [{"cidrBlocks": ["0.0.0.0/0"]}, {"ipv6CidrBlocks": ["::/0"]}]}) is Outcome.FAILED
    assert outcome(OPEN, "window") is Outcome.FAILED
    assert outcome({"ingress": [{"cidrBlocks": [UNKNOWN]}]}) is Outcome.UNDECIDED


def test_what_the_program_keeps_secret_cannot_be_accepted_because_nobody_sees_it() -> None:
    rule = [CONTROL["no-world-ingress"]]
    for secrets, accepted in ((frozenset(), 1), (frozenset({("ingress",)}), 0), (frozenset({("egress",)}), 1)):
        stack = Stack((replace(thing(GROUP, OPEN, "door"), secrets=secrets),))
        (found,) = judge(rule, stack, Context(stack="links-build"))
        checked = check(rule, "links-build", stack, PolicySettings(), _accepting(_entry(found, DOOR)))
        assert (len(checked.accepted), len(checked.findings)) == (accepted, 1 - accepted)


def test_it_ends_while_the_operation_runs(verdict: Verdict) -> None:
    entry, end = _entry(verdict, DOOR), datetime(2026, 12, 29, tzinfo=UTC)
    assert _accepting(entry, now=end - timedelta(seconds=1)).of(verdict) is entry
    assert _accepting(entry, now=end).of(verdict) is None


def test_a_pattern_covers_the_same_finding_of_several(verdict: Verdict) -> None:
    entry = _entry(verdict, DOOR).model_copy(update={"resource": None, "pattern": urn(GROUP, "door*")})
    rule, doors = [CONTROL["no-world-ingress"]], ("door", "door-2", "window")
    stack = Stack(tuple(thing(GROUP, OPEN, name) for name in doors))
    checked = check(rule, "links-build", stack, PolicySettings(), _accepting(entry))
    assert [told.urn for told in checked.accepted] == [urn(GROUP, "door"), urn(GROUP, "door-2")]
    assert [told.urn for told in checked.findings] == [urn(GROUP, "window")]
    document = checked.as_json()["accepted"][0]["accepted"]
    assert (document["exception"], document["person"], document["until"]) == ("one", "sam", "2026-12-29")


def _lacking(stack: Stack, context: Context) -> Iterator[Finding]:
    del stack, context
    yield Fail((), "lacks a budget")


def test_what_a_whole_stack_lacks_is_accepted_of_the_stacks_own_resource() -> None:
    rule = [replace(CONTROL["budgeted"], check=None, stack_check=_lacking)]
    stack = Stack((thing(GROUP, {}, "door"),))
    (missing,) = judge(rule, stack, Context(stack="links-build", app="links", environment="build"))
    assert (missing.resource, missing.finding.urn) == (None, "")
    for about, accepted in ((OWN, 1), (stack_urn("links-staging", "millwright"), 0)):
        accepting = _accepting(_entry(missing, about))
        assert len(check(rule, "links-build", stack, PolicySettings(), accepting).accepted) == accepted


def _said(pack: analyzer_pb2_grpc.AnalyzerStub, resource: Resource, *, preview: bool) -> list[pb.AnalyzeDiagnostic]:
    configured(pack, preview=preview)
    said = [*pack.Analyze(asked(resource), timeout=SECONDS).diagnostics]
    said += pack.AnalyzeStack(pb.AnalyzeStackRequest(resources=[existing(resource)]), timeout=SECONDS).diagnostics
    return said


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "update"])
def test_the_engine_is_told_as_advice_who_accepted_it_until_when(verdict: Verdict, preview: bool) -> None:
    rule = [CONTROL["no-world-ingress"]]
    for accepting, level, begins in (
        (_accepting(_entry(verdict, DOOR)), pb.ADVISORY, "accepted until 2026-12-29 by sam (one): no-world-ingress"),
        (_accepting(_entry(verdict, urn(GROUP, "window"))), pb.MANDATORY, "no-world-ingress (control 5): "),
        (_accepting(), pb.MANDATORY, "no-world-ingress (control 5): "),
    ):
        with served(Analyzer(rule, accepting=lambda *_, it=accepting: it)) as stub:
            (diagnostic,) = _said(stub, thing(GROUP, OPEN, "door"), preview=preview)
        assert diagnostic.enforcementLevel == level
        assert diagnostic.message.startswith(begins)
        assert "Fix: " in diagnostic.message


def test_an_update_that_does_not_know_stops_whatever_was_accepted(verdict: Verdict) -> None:
    accepting = _accepting(_entry(verdict, DOOR))
    with served(Analyzer([CONTROL["no-world-ingress"]], accepting=lambda *_: accepting)) as stub:
        unknown = thing(GROUP, {"ingress": [{"cidrBlocks": [UNKNOWN]}]}, "door")
        (diagnostic,) = _said(stub, unknown, preview=False)
    assert diagnostic.enforcementLevel == pb.MANDATORY
    assert diagnostic.message.startswith("undecided: ")


def _found_early(stack: Stack, context: Context) -> Iterator[Finding]:
    del context
    yield from (Fail(("ingress",), "is open", urn=each.urn) for each in stack.of(GROUP))


def test_what_an_update_asks_early_is_accepted_as_well_and_told_once() -> None:
    control = replace(CONTROL["no-world-ingress"], check=None, stack_check=_found_early, monotone=True)
    resource = thing(GROUP, OPEN, "door")
    (found,) = judge([control], Stack((resource,)), Context())
    for accepting, levels in (
        (_accepting(_entry(found, DOOR)), [pb.ADVISORY]),
        (_accepting(), [pb.MANDATORY, pb.MANDATORY]),
    ):
        with served(Analyzer([control], accepting=lambda *_, it=accepting: it)) as stub:
            assert [each.enforcementLevel for each in _said(stub, resource, preview=False)] == levels


def _broken(resource: Resource, context: Context) -> Iterator[Finding]:
    yield Fail((), resource.name)
    raise ValueError(context.stack)


def test_a_rule_that_breaks_fails_the_operation_whatever_was_accepted(verdict: Verdict) -> None:
    control = replace(CONTROL["no-world-ingress"], check=_broken)
    accepting = _accepting(_entry(verdict, DOOR))
    broken = Analyzer([control], accepting=lambda *_: accepting)
    with served(broken) as stub, pytest.raises(grpc.RpcError, match="broke on"):
        _said(stub, thing(GROUP, OPEN, "door"), preview=True)


def test_controls_that_exceptions_rest_on_can_never_be_accepted(bench: ExceptionBench) -> None:
    assert NEVER.keys() < CONTROL.keys()
    assert all(CONTROL[id].severity.value == "critical" for id in NEVER)
    assert {id for id, why in controls(bench.root).items() if why} == NEVER.keys()


@pytest.fixture
def bench(tmp_path: Path) -> ExceptionBench:
    return ExceptionBench.in_folder(tmp_path / "factory")


def _today(bench: ExceptionBench, verdict: Verdict, **differs: str) -> dict[str, str]:
    now = datetime.now(UTC)
    said = {
        "requested": (now - timedelta(days=40)).isoformat(timespec="seconds"),
        "approved": (now - timedelta(days=39)).isoformat(timespec="seconds"),
        "expires": str((now + timedelta(days=2)).date()),
        "resource": DOOR,
        "path": verdict.place,
        "message": statement(verdict),
    }
    return bench.entry(**(said | differs))


def _level(folder: Path, stack: str = "links-build") -> int:
    """The level of what the pack's own process says of an open door, run as the engine runs it in this factory."""
    with started(folder) as process:
        try:
            assert process.stdout is not None
            with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
                pack = configured(analyzer_pb2_grpc.AnalyzerStub(channel), preview=True, stack=stack)
                response = pack.Analyze(asked(thing(GROUP, OPEN, "door")), timeout=SECONDS)
            (level,) = [d.enforcementLevel for d in response.diagnostics if d.policyName == "no-world-ingress"]
            return int(level)
        finally:
            process.kill()


def test_the_packs_own_process_reads_the_file_of_its_factory(bench: ExceptionBench, verdict: Verdict) -> None:
    (work := bench.root.work / "1").mkdir(parents=True)
    assert _level(work) == pb.MANDATORY
    bench.write(_today(bench, verdict))
    assert _level(work) == pb.ADVISORY
    # Outside of the factory nobody has accepted anything.
    assert _level(bench.root.path.parent) == pb.MANDATORY


def test_a_file_that_does_not_hold_stops_the_operation_before_anything_is_judged(
    bench: ExceptionBench, verdict: Verdict
) -> None:
    path = bench.write(_today(bench, verdict) | {"reason": "another one"})
    with pytest.raises(grpc.RpcError) as caught:
        _level(bench.root.path)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert f"{path}:" in caught.value.details()
    assert "over exactly this entry" in caught.value.details()


def test_what_has_expired_stops_operations_on_its_own_stack_only(bench: ExceptionBench, verdict: Verdict) -> None:
    bench.write(_today(bench, verdict, expires=str((datetime.now(UTC) - timedelta(days=1)).date())))
    with pytest.raises(grpc.RpcError) as caught:
        _level(bench.root.path)
    assert "has expired and covers nothing any more" in caught.value.details()
    assert _level(bench.root.path, "links-staging") == pb.MANDATORY
