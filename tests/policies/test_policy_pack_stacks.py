"""Rules over whole stacks, and rules that break, through the analyzer protocol."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from pack_door import SECONDS, URN, asked, configured, existing, request, served, started
from policy_cases import CASES
from pulumi.runtime.proto import analyzer_pb2 as pb
from pulumi.runtime.proto import analyzer_pb2_grpc

from policies import CONTROLS, Context, Fail, Finding, Resource, Stack
from policies.analyzer import Analyzer

CONTROL = {control.id: control for control in CONTROLS}
BUCKET = "aws:s3/bucket:Bucket"


def _broken(resource: Resource, context: Context) -> Iterator[Finding]:
    yield from ()
    if resource.properties.get("bucket") != "fine":
        raise ValueError(resource.properties["bucket"])


def _broken_stack(stack: Stack, context: Context) -> Iterator[Finding]:
    for resource in stack.resources:
        yield from _broken(resource, context)


def test_a_rule_that_raises_fails_the_operation_and_quotes_nothing() -> None:
    control = replace(CONTROL["no-world-ingress"], reads={BUCKET: ("bucket",)}, check=_broken)
    with served(Analyzer([control])) as stub:
        with pytest.raises(grpc.RpcError) as failed:
            stub.Analyze(request(BUCKET, {"bucket": "hunter2"}), timeout=SECONDS)
        fine = stub.Analyze(request(BUCKET, {"bucket": "fine"}), timeout=SECONDS)
    assert f"{control.id} broke on a {BUCKET}: ValueError in _broken" in str(failed.value)
    assert "hunter2" not in str(failed.value)
    assert not fine.diagnostics


def test_a_rule_of_stacks_that_raises_fails_the_operation_and_quotes_nothing() -> None:
    control = replace(CONTROL["no-world-ingress"], reads={BUCKET: ("bucket",)}, check=None, stack_check=_broken_stack)
    with served(Analyzer([control])) as stub:
        for bucket in ("fine", "hunter2"):
            stub.Analyze(request(BUCKET, {"bucket": bucket}), timeout=SECONDS)
            whole = pb.AnalyzeStackRequest(resources=[pb.AnalyzerResource(type=BUCKET, urn=URN)])
            if bucket == "fine":
                assert not stub.AnalyzeStack(whole, timeout=SECONDS).diagnostics
                continue
            with pytest.raises(grpc.RpcError) as failed:
                stub.AnalyzeStack(whole, timeout=SECONDS)
            assert f"{control.id} broke on the stack: ValueError in _broken" in str(failed.value)
            assert "hunter2" not in str(failed.value)


def _two_of_them(stack: Stack, context: Context) -> Iterator[Finding]:
    found = list(stack.of(BUCKET))
    if len(found) > 1:
        yield Fail(("bucket",), "is one too many", urn=found[-1].urn)


@pytest.mark.parametrize("monotone", [True, False])
def test_in_an_update_a_monotone_rule_speaks_at_the_resource_that_completes_the_failure(monotone: bool) -> None:
    control = replace(
        CONTROL["no-world-ingress"],
        reads={BUCKET: ("bucket",)},
        check=None,
        stack_check=_two_of_them,
        monotone=monotone,
    )
    with served(Analyzer([control])) as stub:
        for preview in (True, False):
            configured(stub, preview=preview)
            said = [
                len(stub.Analyze(pb.AnalyzeRequest(type=type_, urn=name), timeout=SECONDS).diagnostics)
                for type_, name in ((BUCKET, "one"), ("a:b:C", "else"), (BUCKET, "two"), ("a:b:C", "more"))
            ]
            # At the second bucket; a preview asks at its end, when everything is declared.
            assert said == ([0, 0, 1, 0] if monotone and not preview else [0, 0, 0, 0])
            whole = pb.AnalyzeStackRequest(
                resources=[pb.AnalyzerResource(type=BUCKET, urn=name) for name in ("one", "two")]
            )
            (diagnostic,) = stub.AnalyzeStack(whole, timeout=SECONDS).diagnostics
            assert (diagnostic.urn, diagnostic.enforcementLevel) == ("two", pb.MANDATORY)


def test_what_a_program_only_reads_is_not_judged_but_can_be_referred_to() -> None:
    case = next(case for case in CASES if case.name == "inline policy and a policy of its own")
    role, inline = case.resources
    with served(Analyzer(settings=lambda: case.settings)) as pack:
        _only_read(configured(pack, preview=False), role, inline)


def _only_read(pack: analyzer_pb2_grpc.AnalyzerStub, role: Resource, inline: Resource) -> None:
    pack.Analyze(asked(inline), timeout=SECONDS)
    whole = pb.AnalyzeStackRequest(resources=[existing(role), existing(inline)])
    assert not pack.AnalyzeStack(whole, timeout=SECONDS).diagnostics
    pack.Analyze(asked(role), timeout=SECONDS)
    assert pack.AnalyzeStack(whole, timeout=SECONDS).diagnostics


def test_a_broken_settings_file_stops_the_operation_and_says_where(tmp_path: Path) -> None:
    (tmp_path / "millwright.yaml").write_text("aws: local\n")
    (tmp_path / "policies.yaml").write_text("accounts: []\negres: [example.com]\n")
    with started(tmp_path) as running, contextlib.ExitStack() as stack:
        assert running.stdout is not None
        channel = stack.enter_context(grpc.insecure_channel(f"127.0.0.1:{int(running.stdout.readline())}"))
        with pytest.raises(grpc.RpcError) as refused:
            configured(analyzer_pb2_grpc.AnalyzerStub(channel), preview=True)
        running.kill()
    assert "policies.yaml:2:1" in str(refused.value)
    assert "did you mean 'egress'?" in str(refused.value)
