"""The pack over the analyzer protocol, started as the engine's language host starts it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import grpc
import pulumi_policy.proxy
import pytest
from google.protobuf import empty_pb2, json_format, struct_pb2
from policy_cases import CASES, Case
from pulumi.runtime.proto import analyzer_pb2 as pb
from pulumi.runtime.proto import analyzer_pb2_grpc

from policies import CONTROLS, UNKNOWN, Finding, pack_folder
from policies.analyzer import Analyzer
from policies.decode import CONFIDENTIAL_SIGNATURE, SIGNATURE_KEY, UNKNOWN_MARKS
from policies.model import Plain, Properties

UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
URN = "urn:pulumi:links-build::millwright::test"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
SECONDS = 30


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen[str], int]]:
    with _started(tmp_path_factory.mktemp("elsewhere")) as running:
        assert running.stdout is not None
        yield running, int(running.stdout.readline())
        running.kill()


@pytest.fixture(scope="module")
def pack(process: tuple[subprocess.Popen[str], int]) -> Iterator[analyzer_pb2_grpc.AnalyzerStub]:
    with grpc.insecure_channel(f"127.0.0.1:{process[1]}") as channel:
        yield analyzer_pb2_grpc.AnalyzerStub(channel)


def _started(folder: object) -> subprocess.Popen[str]:
    """The pack's process as `RunPlugin` starts it, in a folder where the room is not importable by chance."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.Popen(
        [sys.executable, "-m", "pulumi.policy", "127.0.0.1:9", str(pack_folder())],
        cwd=str(folder),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _wire(value: Plain) -> object:
    if value is UNKNOWN:
        return UNKNOWN_STRING
    if isinstance(value, list):
        return [_wire(element) for element in value]
    if isinstance(value, dict):
        return {name: _wire(member) for name, member in value.items()}
    return value


def _concealed(value: object) -> dict[str, object]:
    return {SIGNATURE_KEY: CONFIDENTIAL_SIGNATURE, "value": value}


def _request(resource_type: str, properties: object) -> pb.AnalyzeRequest:
    message = json_format.Parse(json.dumps(properties), struct_pb2.Struct())
    return pb.AnalyzeRequest(type=resource_type, urn=URN, name="test", properties=message)


def _configured(pack: analyzer_pb2_grpc.AnalyzerStub, *, preview: bool) -> analyzer_pb2_grpc.AnalyzerStub:
    pack.ConfigureStack(pb.AnalyzerStackConfigureRequest(dry_run=preview), timeout=SECONDS)
    return pack


def _analyzed(pack: analyzer_pb2_grpc.AnalyzerStub, case: Case) -> list[pb.AnalyzeDiagnostic]:
    response = pack.Analyze(_request(case.type, _wire(case.properties)), timeout=SECONDS)
    return [each for each in response.diagnostics if each.policyName == case.control]


def test_the_pack_names_itself_and_every_control_as_mandatory(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    info = pack.GetAnalyzerInfo(empty_pb2.Empty(), timeout=SECONDS)
    assert info.name == "millwright"
    assert {policy.name for policy in info.policies} == {control.id for control in CONTROLS}
    assert {policy.enforcementLevel for policy in info.policies} == {pb.MANDATORY}
    assert {policy.policy_type for policy in info.policies} == {pb.POLICY_TYPE_RESOURCE}


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "update"])
def test_bad_cases_are_mandatory_violations_and_good_ones_none(
    pack: analyzer_pb2_grpc.AnalyzerStub, preview: bool
) -> None:
    _configured(pack, preview=preview)
    for case in CASES:
        if case.verdict == "unknown":
            continue
        diagnostics = _analyzed(pack, case)
        assert bool(diagnostics) == (case.verdict == "fail"), case.name
        for diagnostic in diagnostics:
            assert diagnostic.enforcementLevel == pb.MANDATORY
            assert diagnostic.urn == URN
            assert diagnostic.message.startswith(f"{case.control} (control ")
            assert "Fix: " in diagnostic.message


def test_an_unknown_value_is_deferred_in_a_preview(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    _configured(pack, preview=True)
    for case in CASES:
        if case.verdict == "unknown":
            (diagnostic, *_) = _analyzed(pack, case)
            assert diagnostic.enforcementLevel == pb.ADVISORY, case.name
            assert diagnostic.message.startswith(f"deferred: {case.control} "), case.name


def test_an_unknown_value_stops_an_update(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    _configured(pack, preview=False)
    for case in CASES:
        if case.verdict == "unknown":
            (diagnostic, *_) = _analyzed(pack, case)
            assert diagnostic.enforcementLevel == pb.MANDATORY, case.name
            assert diagnostic.message.startswith(f"undecided: {case.control} "), case.name


def test_a_value_that_fails_does_so_beside_one_that_is_not_known(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    _configured(pack, preview=True)
    rules = [{"cidrBlocks": [UNKNOWN_STRING]}, {"cidrBlocks": ["0.0.0.0/0"]}]
    response = pack.Analyze(_request(GROUP, {"ingress": rules}), timeout=SECONDS)
    assert [each.enforcementLevel for each in response.diagnostics] == [pb.ADVISORY, pb.MANDATORY]


def test_a_secret_is_judged_by_its_value_and_the_value_is_never_shown(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    for shown, value in ((True, "0.0.0.0/0"), (False, _concealed("0.0.0.0/0"))):
        response = pack.Analyze(_request(GROUP, {"ingress": [{"cidrBlocks": [value]}]}), timeout=SECONDS)
        (diagnostic,) = response.diagnostics
        assert ("0.0.0.0/0" in diagnostic.message) == shown
    rules = _concealed([{"cidrBlocks": ["0.0.0.0/0"]}])
    (diagnostic,) = pack.Analyze(_request(GROUP, {"ingress": rules}), timeout=SECONDS).diagnostics
    assert "0.0.0.0/0" not in diagnostic.message


def test_no_message_quotes_a_credential(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    _configured(pack, preview=False)
    for case in CASES:
        if case.control == "no-literal-credentials" and case.verdict == "fail":
            messages = " ".join(each.message for each in _analyzed(pack, case))
            assert messages
            for text in _texts(case.properties):
                assert text not in messages


def _texts(value: Plain) -> Iterator[str]:
    """Strings of `value` long enough to be a credential, names of variables and settings aside."""
    if isinstance(value, dict):
        for name, member in value.items():
            if name not in ("name", "type"):
                yield from _texts(member)
    elif isinstance(value, list):
        for element in value:
            yield from _texts(element)
    elif isinstance(value, str) and len(value) > 3:
        yield value


def test_a_control_says_that_it_does_not_read_a_type(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    response = pack.Analyze(_request("aws:s3/bucket:Bucket", {"bucket": "b"}), timeout=SECONDS)
    assert {each.policy_name for each in response.not_applicable} == {control.id for control in CONTROLS}
    response = pack.Analyze(_request(GROUP, {"ingress": []}), timeout=SECONDS)
    assert "no-world-ingress" not in {each.policy_name for each in response.not_applicable}


@pytest.mark.parametrize("level", [pb.ADVISORY, pb.DISABLED, pb.REMEDIATE])
def test_a_configuration_that_weakens_a_control_is_refused(
    pack: analyzer_pb2_grpc.AnalyzerStub, level: pb.EnforcementLevel.ValueType
) -> None:
    weaker = {"no-world-ingress": pb.PolicyConfig(enforcementLevel=level)}
    with pytest.raises(grpc.RpcError) as refused:
        pack.Configure(pb.ConfigureAnalyzerRequest(policyConfig=weaker), timeout=SECONDS)
    assert "no-world-ingress is mandatory" in str(refused.value)
    same = {"no-world-ingress": pb.PolicyConfig(enforcementLevel=pb.MANDATORY)}
    pack.Configure(pb.ConfigureAnalyzerRequest(policyConfig=same), timeout=SECONDS)


def test_a_rule_that_raises_fails_the_operation_and_quotes_nothing() -> None:
    def broken(resource_type: str, properties: Properties) -> Iterator[Finding]:
        yield from ()
        if properties.get("bucket") != "fine":
            raise ValueError(properties["bucket"])

    control = replace(CONTROLS[0], reads={"aws:s3/bucket:Bucket": ("bucket",)}, check=broken)
    server = grpc.server(ThreadPoolExecutor(1))
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(Analyzer([control]), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = analyzer_pb2_grpc.AnalyzerStub(channel)
        with pytest.raises(grpc.RpcError) as failed:
            stub.Analyze(_request("aws:s3/bucket:Bucket", {"bucket": "hunter2"}), timeout=SECONDS)
        fine = stub.Analyze(_request("aws:s3/bucket:Bucket", {"bucket": "fine"}), timeout=SECONDS)
    server.stop(None).wait(SECONDS)
    assert f"{control.id} broke on a aws:s3/bucket:Bucket: ValueError in broken" in str(failed.value)
    assert "hunter2" not in str(failed.value)
    assert not fine.diagnostics


def test_a_malformed_secret_fails_the_operation(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    hollow = {"ingress": {SIGNATURE_KEY: CONFIDENTIAL_SIGNATURE}}
    with pytest.raises(grpc.RpcError):
        pack.Analyze(_request(GROUP, hollow), timeout=SECONDS)


def test_the_marks_of_unknown_values_are_those_of_the_sdk() -> None:
    published = {value for name, value in vars(pulumi_policy.proxy).items() if name.startswith("UNKNOWN_")}
    assert published == UNKNOWN_MARKS


def test_an_interrupt_ends_the_pack_without_a_trace(tmp_path: object) -> None:
    with _started(tmp_path) as running:
        assert running.stdout is not None
        assert int(running.stdout.readline()) > 0
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=SECONDS)
    assert errors == ""
