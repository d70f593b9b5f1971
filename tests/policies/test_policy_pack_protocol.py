"""The pack over the analyzer protocol, started as the engine's language host starts it."""

import contextlib
import functools
import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pulumi_policy.proxy
import pytest
from google.protobuf import empty_pb2
from pack_door import SECONDS, UNKNOWN_STRING, configured, request, served, started
from policy_cases import CASES
from policy_cases.case import SETTINGS
from pulumi.runtime.proto import analyzer_pb2 as pb
from pulumi.runtime.proto import analyzer_pb2_grpc

from policies import CONTROLS, PolicySettings, Scope
from policies.analyzer import Analyzer
from policies.decode import CONFIDENTIAL_SIGNATURE, SIGNATURE_KEY, UNKNOWN_MARKS
from policies.model import Plain
from policies.protocol import LEVELS
from policies.testing.rpc import said

GROUP = "aws:ec2/securityGroup:SecurityGroup"
CONTROL = {control.id: control for control in CONTROLS}


Packs = Callable[[PolicySettings], analyzer_pb2_grpc.AnalyzerStub]


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen[str], int]]:
    root = tmp_path_factory.mktemp("factory")
    (root / "millwright.yaml").write_text("aws: local\n")
    (root / "policies.yaml").write_text(json.dumps(SETTINGS.model_dump(mode="json")))
    with started(root) as running:
        assert running.stdout is not None
        yield running, int(running.stdout.readline())
        running.kill()


@pytest.fixture(scope="module")
def pack(process: tuple[subprocess.Popen[str], int]) -> Iterator[analyzer_pb2_grpc.AnalyzerStub]:
    with grpc.insecure_channel(f"127.0.0.1:{process[1]}") as channel:
        yield analyzer_pb2_grpc.AnalyzerStub(channel)


@pytest.fixture(scope="module")
def packs(pack: analyzer_pb2_grpc.AnalyzerStub) -> Iterator[Packs]:
    """The pack of a factory with these settings: the process where they are its own, else one served here."""
    with contextlib.ExitStack() as stack:

        @functools.cache
        def of(settings: PolicySettings) -> analyzer_pb2_grpc.AnalyzerStub:
            if settings == SETTINGS:
                return pack
            return stack.enter_context(served(Analyzer(settings=lambda: settings)))

        yield of


def _concealed(value: object) -> dict[str, object]:
    return {SIGNATURE_KEY: CONFIDENTIAL_SIGNATURE, "value": value}


def test_the_pack_names_itself_and_every_control_with_its_strictest_level(
    pack: analyzer_pb2_grpc.AnalyzerStub,
) -> None:
    info = pack.GetAnalyzerInfo(empty_pb2.Empty(), timeout=SECONDS)
    assert info.name == "millwright"
    levels = {policy.name: policy.enforcementLevel for policy in info.policies}
    assert levels == {control.id: LEVELS[control.enforcement.strictest] for control in CONTROLS}
    kinds = {policy.name: policy.policy_type for policy in info.policies}
    assert kinds["no-world-ingress"] == pb.POLICY_TYPE_RESOURCE
    assert all((kinds[each.id] == pb.POLICY_TYPE_RESOURCE) == (each.scope is Scope.RESOURCE) for each in CONTROLS)


# A few of each control stand for all in `make test`: what each case is found to be is tested without the protocol.
@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.long), 4], ids=["all", "every fourth"])
@pytest.mark.parametrize("preview", [True, False], ids=["preview", "update"])
def test_bad_cases_are_violations_of_their_level_and_good_ones_none(packs: Packs, preview: bool, every: int) -> None:
    for case in CASES[::every]:
        if case.verdict == "unknown":
            continue
        diagnostics = said(packs(case.settings), case, preview=preview)
        assert bool(diagnostics) == (case.verdict == "fail"), case.name
        level = LEVELS[CONTROL[case.control].enforcement.at(case.context.environment)]
        for diagnostic in diagnostics:
            assert diagnostic.enforcementLevel == level
            assert diagnostic.urn in {resource.urn for resource in case.resources} | {""}
            assert diagnostic.message.startswith(f"{case.control} (control ")
            assert "Fix: " in diagnostic.message


def test_an_unknown_value_is_deferred_in_a_preview(packs: Packs) -> None:
    for case in CASES:
        if case.verdict == "unknown":
            (diagnostic, *_) = said(packs(case.settings), case, preview=True)
            assert diagnostic.enforcementLevel == pb.ADVISORY, case.name
            assert diagnostic.message.startswith(f"deferred: {case.control} "), case.name


def test_an_unknown_value_stops_an_update(packs: Packs) -> None:
    for case in CASES:
        if case.verdict == "unknown":
            (diagnostic, *_) = said(packs(case.settings), case, preview=False)
            level = LEVELS[CONTROL[case.control].enforcement.at(case.context.environment)]
            assert diagnostic.enforcementLevel == level, case.name
            assert diagnostic.message.startswith(f"undecided: {case.control} "), case.name


def test_a_value_that_fails_does_so_beside_one_that_is_not_known(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    configured(pack, preview=True)
    rules = [{"cidrBlocks": [UNKNOWN_STRING]}, {"cidrBlocks": ["0.0.0.0/0"]}]
    response = pack.Analyze(request(GROUP, {"ingress": rules}), timeout=SECONDS)
    levels = [each.enforcementLevel for each in response.diagnostics if each.policyName == "no-world-ingress"]
    assert levels == [pb.ADVISORY, pb.MANDATORY]


def test_a_secret_is_judged_by_its_value_and_the_value_is_never_shown(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    for shown, value in ((True, "0.0.0.0/0"), (False, _concealed("0.0.0.0/0"))):
        diagnostic = _of_ingress(pack, [{"cidrBlocks": [value]}])
        assert ("0.0.0.0/0" in diagnostic.message) == shown
    rules = _concealed([{"cidrBlocks": ["0.0.0.0/0"]}])
    told = _of_ingress(pack, rules).message
    assert "0.0.0.0/0" not in told
    # Nor what is in it, which may say as much.
    assert "control 5): ingress lets in" in told


def _of_ingress(pack: analyzer_pb2_grpc.AnalyzerStub, rules: object) -> pb.AnalyzeDiagnostic:
    told = pack.Analyze(request(GROUP, {"ingress": rules}), timeout=SECONDS).diagnostics
    (diagnostic,) = [each for each in told if each.policyName == "no-world-ingress"]
    return diagnostic


def test_no_message_quotes_a_credential(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    for case in CASES:
        if case.control == "no-literal-credentials" and case.verdict == "fail":
            messages = " ".join(each.message for each in said(pack, case, preview=False))
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
    response = pack.Analyze(request("random:index/randomId:RandomId", {"bucket": "b"}), timeout=SECONDS)
    concerned = {control.id for control in CONTROLS if control.check and control.concerns("random:x:X")}
    assert {each.policy_name for each in response.not_applicable} == {control.id for control in CONTROLS} - concerned
    response = pack.Analyze(request(GROUP, {"ingress": []}), timeout=SECONDS)
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


def test_a_malformed_secret_fails_the_operation(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    hollow = {"ingress": {SIGNATURE_KEY: CONFIDENTIAL_SIGNATURE}}
    with pytest.raises(grpc.RpcError):
        pack.Analyze(request(GROUP, hollow), timeout=SECONDS)


def test_the_marks_of_unknown_values_are_those_of_the_sdk() -> None:
    published = {value for name, value in vars(pulumi_policy.proxy).items() if name.startswith("UNKNOWN_")}
    assert published == UNKNOWN_MARKS


def test_what_is_not_known_is_not_known_inside_a_text_either(pack: analyzer_pb2_grpc.AnalyzerStub) -> None:
    """A program may format it in: what was a list of rules, or a policy's text, is no broken one in a preview."""
    configured(pack, preview=True)
    for text in (f'{{"Statement": [{{"Effect": "Allow", "Action": "*", "Resource": "{UNKNOWN_STRING}:*"}}]}}', "{"):
        response = pack.Analyze(request("aws:iam/policy:Policy", {"policy": text}), timeout=SECONDS)
        verdict = {each.policyName: each for each in response.diagnostics}["no-admin-wildcard"]
        assert (verdict.enforcementLevel == pb.ADVISORY) is (text != "{"), verdict.message
        assert verdict.message.startswith("deferred: ") is (text != "{")


def test_an_interrupt_ends_the_pack_without_a_trace(tmp_path: Path) -> None:
    with started(tmp_path) as running:
        assert running.stdout is not None
        assert int(running.stdout.readline()) > 0
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=SECONDS)
    assert errors == ""
