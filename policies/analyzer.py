"""The pack as the engine sees it: the analyzer protocol over the table of controls.

`pulumi_policy.PolicyPack` speaks the same protocol, but decodes a resource once per policy, reports an unknown as if
the policy had merely warned, also during the update, and lets the command line switch mandatory policies off.
"""

# The methods of Analyzer have the names and signatures of the gRPC protocol.
# ruff: noqa: N802, ARG002

import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NoReturn

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2 as pb
from pulumi.runtime.proto import analyzer_pb2_grpc, plugin_pb2

from policies.decode import Resource, decode
from policies.model import PACK_NAME, Control, Enforcement, Fail, Finding, Severity, render
from policies.table import CONTROLS

# The engine takes the version of PulumiPolicy.yaml; the protocol wants one here too.
VERSION: Final = "0.1.0"
MESSAGE_BYTES: Final = 400 << 20
"""Largest message; the engine's own limit (sdk/go/common/util/rpcutil)."""

LEVELS: Final = {Enforcement.ADVISORY: pb.ADVISORY, Enforcement.MANDATORY: pb.MANDATORY}
SEVERITIES: Final = {
    Severity.LOW: pb.POLICY_SEVERITY_LOW,
    Severity.MEDIUM: pb.POLICY_SEVERITY_MEDIUM,
    Severity.HIGH: pb.POLICY_SEVERITY_HIGH,
    Severity.CRITICAL: pb.POLICY_SEVERITY_CRITICAL,
}


class Analyzer(analyzer_pb2_grpc.AnalyzerServicer):
    """Serves `controls` to one engine operation: a preview or an update, each of which starts a pack of its own."""

    def __init__(self, controls: Sequence[Control] = CONTROLS) -> None:
        self._controls = tuple(controls)
        # Until the engine says otherwise it is an update, where nothing may stay undecided.
        self._preview = False

    def Handshake(
        self, request: pb.AnalyzerHandshakeRequest, context: grpc.ServicerContext
    ) -> pb.AnalyzerHandshakeResponse:
        """Nothing to agree on."""
        return pb.AnalyzerHandshakeResponse()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """The pack's version."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetAnalyzerInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> pb.AnalyzerInfo:
        """One policy per control, so that violations and summaries carry the control's name."""
        return pb.AnalyzerInfo(
            name=PACK_NAME, version=VERSION, supportsConfig=True, policies=[_policy_info(c) for c in self._controls]
        )

    def ConfigureStack(
        self, request: pb.AnalyzerStackConfigureRequest, context: grpc.ServicerContext
    ) -> pb.AnalyzerStackConfigureResponse:
        """Learn whether this is a preview, where values may be unknown."""
        self._preview = request.dry_run
        return pb.AnalyzerStackConfigureResponse()

    def Configure(self, request: pb.ConfigureAnalyzerRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Refuse a configuration that weakens a control: levels stand in the table, where review sees them."""
        for control in self._controls:
            if control.id in request.policyConfig:
                level = request.policyConfig[control.id].enforcementLevel
                if level != LEVELS[control.enforcement]:
                    wanted = pb.EnforcementLevel.Name(level).lower()
                    _refuse(
                        context,
                        grpc.StatusCode.INVALID_ARGUMENT,
                        f"{control.id} is {control.enforcement.value} and cannot be set to {wanted} from outside",
                    )
        return empty_pb2.Empty()

    def Analyze(self, request: pb.AnalyzeRequest, context: grpc.ServicerContext) -> pb.AnalyzeResponse:
        """Every control's verdict on the inputs of one resource, before the engine touches it."""
        resource = decode(request.properties)
        response = pb.AnalyzeResponse()
        for control in self._controls:
            if request.type not in control.reads:
                reason = f"does not read {request.type}"
                response.not_applicable.append(pb.PolicyNotApplicable(policy_name=control.id, reason=reason))
                continue
            for finding in _findings(control, request.type, resource, context):
                response.diagnostics.append(self._diagnostic(control, finding, resource, request.urn))
        return response

    def AnalyzeStack(self, request: pb.AnalyzeStackRequest, context: grpc.ServicerContext) -> pb.AnalyzeResponse:
        """No control reads a whole stack; the engine asks only after the resources exist."""
        return pb.AnalyzeResponse()

    def Remediate(self, request: pb.AnalyzeRequest, context: grpc.ServicerContext) -> pb.RemediateResponse:
        """The pack never rewrites what a program declared."""
        return pb.RemediateResponse()

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Nothing long runs here; the engine ends the process next."""
        return empty_pb2.Empty()

    def _diagnostic(self, control: Control, finding: Finding, resource: Resource, urn: str) -> pb.AnalyzeDiagnostic:
        rule = f"{control.id} (control {control.number})"
        place = render(finding.path)
        level = LEVELS[control.enforcement]
        if isinstance(finding, Fail):
            found = f" (found {finding.found})" if finding.found and not resource.conceals(finding.path) else ""
            message = f"{rule}: {place} {finding.message}{found}. Fix: {control.fix}."
        elif self._preview:
            level = pb.ADVISORY
            message = f"deferred: {rule}: {place} is not known in a preview; the update decides."
        else:
            message = f"undecided: {rule}: {place} is not known, and an update does not go on without a verdict."
        return pb.AnalyzeDiagnostic(
            policyName=control.id,
            policyPackName=PACK_NAME,
            policyPackVersion=VERSION,
            description=control.title,
            message=message,
            urn=urn,
            enforcementLevel=level,
            severity=SEVERITIES[control.severity],
        )


def serve() -> None:
    """Serve the pack on a free loopback port, print the port as the engine expects, and run until ended."""
    server = grpc.server(
        ThreadPoolExecutor(max_workers=4), options=[("grpc.max_receive_message_length", MESSAGE_BYTES)]
    )
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(Analyzer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    ended = threading.Event()
    # The engine interrupts its plugins; a trace of it would end up among the user's diagnostics.
    signal.signal(signal.SIGINT, lambda *_: ended.set())
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    ended.wait()
    server.stop(grace=None)


def _findings(
    control: Control, resource_type: str, resource: Resource, context: grpc.ServicerContext
) -> tuple[Finding, ...]:
    try:
        return tuple(control.check(resource_type, resource.properties))
    except Exception as error:  # noqa: BLE001 - whatever a rule raises must fail the operation, and quote no value
        last = traceback.extract_tb(error.__traceback__)[-1]
        _refuse(
            context,
            grpc.StatusCode.INTERNAL,
            f"{control.id} broke on a {resource_type}: {type(error).__name__} in {last.name}, line {last.lineno}",
        )


def _refuse(context: grpc.ServicerContext, code: grpc.StatusCode, message: str) -> NoReturn:
    context.abort(code, f"policy pack {PACK_NAME}: {message}")
    raise AssertionError("abort raises")


def _policy_info(control: Control) -> pb.PolicyInfo:
    return pb.PolicyInfo(
        name=control.id,
        displayName=f"{control.number}. {control.title}",
        description=control.why,
        enforcementLevel=LEVELS[control.enforcement],
        severity=SEVERITIES[control.severity],
        policy_type=pb.POLICY_TYPE_RESOURCE,
        remediation_steps=control.fix,
        tags=list(control.references),
    )
