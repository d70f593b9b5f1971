"""The pack as the engine sees it: the analyzer protocol over the table of controls.

`pulumi_policy.PolicyPack` speaks the same protocol, but decodes a resource once per policy, reports an unknown as if
the policy had merely warned, also during the update, and lets the command line switch mandatory policies off.
"""

# The methods of Analyzer have the names and signatures of the gRPC protocol.
# ruff: noqa: N802, ARG002

import signal
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NoReturn

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2 as pb
from pulumi.runtime.proto import analyzer_pb2_grpc, plugin_pb2

from factory.errors import InputError
from factory.paths import find_root
from policies.accepted import NONE, Accepting, accepting_here
from policies.context import Context, context_of
from policies.evaluation import RuleBroke, Verdict, judge_resource, judge_stack
from policies.model import PACK_NAME, Control, Enforcement
from policies.own import own_rules
from policies.protocol import LEVELS, VERSION, declared, diagnostic, not_applicable, policy_info, whole
from policies.resources import Resource, Stack
from policies.settings import PolicySettings, load_policies, settings_file
from policies.table import CONTROLS

MESSAGE_BYTES: Final = 400 << 20
"""Largest message; the engine's own limit (sdk/go/common/util/rpcutil)."""


class Analyzer(analyzer_pb2_grpc.AnalyzerServicer):
    """Serves `controls` to one engine operation: a preview or an update, each of which starts a pack of its own.

    `settings` reads the factory's policies.yaml, and `accepting` the exceptions of a stack (by stack and project), once
    the operation begins; `own` reads the factory's own rules, once. All of that is before the program runs.
    """

    def __init__(
        self,
        controls: Sequence[Control] = CONTROLS,
        settings: Callable[[], PolicySettings] = PolicySettings,
        own: Callable[[], Sequence[Control]] = tuple,
        accepting: Callable[[str, str], Accepting] = lambda *_: NONE,
    ) -> None:
        self._pack = tuple(controls)
        self._own = own
        self._read: tuple[Control, ...] | None = None
        self._settings = settings
        self._read_exceptions = accepting
        self._accepting = NONE
        self._context = Context()
        # Until the engine says otherwise it is an update, where nothing may stay undecided.
        self._preview = False
        self._lock = threading.Lock()
        self._seen: dict[str, Resource] = {}

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
        policies = [policy_info(control) for control in self._controls(context)]
        return pb.AnalyzerInfo(name=PACK_NAME, version=VERSION, supportsConfig=True, policies=policies)

    def ConfigureStack(
        self, request: pb.AnalyzerStackConfigureRequest, context: grpc.ServicerContext
    ) -> pb.AnalyzerStackConfigureResponse:
        """Learn which stack it is, whether this is a preview (where values may be unknown), and the settings."""
        try:
            settings = self._settings()
            accepting = self._read_exceptions(request.stack, request.project)
        except InputError as error:
            _refuse(context, grpc.StatusCode.INVALID_ARGUMENT, error.rendered())
        own = tuple(control for control in self._controls(context) if control.is_own)
        with self._lock:
            self._preview = request.dry_run
            self._context = context_of(request.stack, project=request.project, settings=settings, own=own)
            self._accepting = accepting
            self._seen.clear()
        return pb.AnalyzerStackConfigureResponse()

    def Configure(self, request: pb.ConfigureAnalyzerRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Refuse a configuration that weakens a control: levels stand in the table, where review sees them."""
        for control in self._controls(context):
            if control.id in request.policyConfig:
                level = request.policyConfig[control.id].enforcementLevel
                if level != LEVELS[control.enforcement.strictest]:
                    wanted = pb.EnforcementLevel.Name(level).lower()
                    _refuse(
                        context,
                        grpc.StatusCode.INVALID_ARGUMENT,
                        f"{control.id} is {control.enforcement} and cannot be set to {wanted} from outside",
                    )
        return empty_pb2.Empty()

    def Analyze(self, request: pb.AnalyzeRequest, context: grpc.ServicerContext) -> pb.AnalyzeResponse:
        """Every control's verdict on the inputs of one resource, before the engine touches it."""
        resource = declared(request)
        controls = self._controls(context)
        with self._lock:
            self._seen[resource.urn] = resource
            try:
                early = self._early_verdicts(controls, resource)
                verdicts = [*judge_resource(controls, resource, self._context), *early]
            except RuleBroke as error:
                _refuse(context, grpc.StatusCode.INTERNAL, str(error))
        return pb.AnalyzeResponse(
            diagnostics=self._diagnostics(verdicts, resource.urn),
            not_applicable=not_applicable(controls, resource.type),
        )

    def AnalyzeStack(self, request: pb.AnalyzeStackRequest, context: grpc.ServicerContext) -> pb.AnalyzeResponse:
        """The verdicts of the controls that need the whole stack: of a preview, before anything is touched."""
        controls = self._controls(context)
        with self._lock:
            stack = whole(request, self._seen)
            try:
                verdicts = list(judge_stack(controls, stack, self._context))
            except RuleBroke as error:
                _refuse(context, grpc.StatusCode.INTERNAL, str(error))
        return pb.AnalyzeResponse(diagnostics=self._diagnostics(verdicts, ""))

    def Remediate(self, request: pb.AnalyzeRequest, context: grpc.ServicerContext) -> pb.RemediateResponse:
        """The pack never rewrites what a program declared."""
        return pb.RemediateResponse()

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Nothing long runs here; the engine ends the process next."""
        return empty_pb2.Empty()

    def _controls(self, context: grpc.ServicerContext) -> tuple[Control, ...]:
        """The pack's and the factory's own. Where those cannot be read, no question is answered."""
        with self._lock:
            if self._read is None:
                try:
                    self._read = (*self._pack, *self._own())
                except InputError as error:
                    _refuse(context, grpc.StatusCode.INVALID_ARGUMENT, error.rendered())
            return self._read

    def _early_verdicts(self, controls: Sequence[Control], resource: Resource) -> Iterable[Verdict]:
        """In an update: failures that stand with this resource, and that no later one can take away again.

        Told at every resource that such a control reads: the first one that completes a failure is not the only one
        that must not be made.
        """
        if self._preview:
            return
        asked = [
            control
            for control in controls
            if control.monotone
            and control.concerns(resource.type)
            and control.enforcement.at(self._context.environment) is Enforcement.MANDATORY
        ]
        if asked:
            verdicts = judge_stack(asked, Stack(tuple(self._seen.values()), complete=False), self._context)
            # What is accepted stops nothing, and is told once, at the end.
            yield from (verdict for verdict in verdicts if verdict.failed and not self._accepting.of(verdict))

    def _diagnostics(self, verdicts: Iterable[Verdict], urn: str) -> list[pb.AnalyzeDiagnostic]:
        environment = self._context.environment
        return [
            diagnostic(each, environment=environment, preview=self._preview, urn=urn, accepted=self._accepting.of(each))
            for each in verdicts
        ]


def serve() -> None:
    """Serve the pack on a free loopback port, print the port as the engine expects, and run until ended."""
    server = grpc.server(
        ThreadPoolExecutor(max_workers=4), options=[("grpc.max_receive_message_length", MESSAGE_BYTES)]
    )
    analyzer = Analyzer(settings=_settings_here, own=_own_rules_here, accepting=accepting_here)
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(analyzer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    ended = threading.Event()
    # The engine interrupts its plugins; a trace of it would end up among the user's diagnostics.
    signal.signal(signal.SIGINT, lambda *_: ended.set())
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    ended.wait()
    server.stop(grace=None)


def _settings_here() -> PolicySettings:
    """The settings of the factory whose program is being run; none, which allows least, outside of any factory.

    The engine starts a pack in the folder of the program, which is below the factory's root by either door.
    """
    try:
        root = find_root(Path.cwd())
    except InputError:
        return PolicySettings()
    return load_policies(root)


def _own_rules_here() -> tuple[Control, ...]:
    """The own rules of that factory. Raises InputError where one of them cannot be run as it is."""
    try:
        root = find_root(Path.cwd())
    except InputError:
        return ()
    return own_rules(settings_file(root), load_policies(root))


def _refuse(context: grpc.ServicerContext, code: grpc.StatusCode, message: str) -> NoReturn:
    context.abort(code, f"policy pack {PACK_NAME}: {message}")
    raise AssertionError("abort raises")
