"""Cases by the door that the engine uses: the analyzer protocol, served by this process."""

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import grpc
from google.protobuf import json_format, struct_pb2
from pulumi.runtime.proto import analyzer_pb2 as pb
from pulumi.runtime.proto import analyzer_pb2_grpc

from policies.analyzer import Analyzer
from policies.model import UNKNOWN, Control, Plain
from policies.resources import Resource
from policies.settings import PolicySettings
from policies.testing.case import Case
from policies.testing.suite import Complaint

UNKNOWN_STRING: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SECONDS: Final = 30


@contextlib.contextmanager
def served(analyzer: Analyzer) -> Iterator[analyzer_pb2_grpc.AnalyzerStub]:
    """The stub of a pack that is served by this process."""
    server = grpc.server(ThreadPoolExecutor(1))
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(analyzer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield analyzer_pb2_grpc.AnalyzerStub(channel)
    server.stop(None).wait(SECONDS)


def complaints(control: Control, cases: Sequence[Case]) -> Iterator[Complaint]:
    """What is wrong with what the engine would be told of the cases, in a preview and in an update."""
    with contextlib.ExitStack() as stack:
        packs: dict[str, analyzer_pb2_grpc.AnalyzerStub] = {}
        for case in cases:
            settings = case.settings
            key = settings.model_dump_json()
            if key not in packs:
                packs[key] = stack.enter_context(served(Analyzer([control], settings=partial(_same, settings))))
            for preview in (True, False):
                if message := complaint(packs[key], case, preview=preview):
                    yield Complaint(case.name, f"{'in a preview' if preview else 'in an update'} {message}")


def _same(settings: PolicySettings) -> PolicySettings:
    return settings


def said(pack: analyzer_pb2_grpc.AnalyzerStub, case: Case, *, preview: bool) -> list[pb.AnalyzeDiagnostic]:
    """What the pack says of a case's control while the engine goes through the case's stack."""
    configured(pack, preview=preview, stack=case.stack)
    told = [each for resource in case.resources for each in pack.Analyze(asked(resource), timeout=SECONDS).diagnostics]
    # The engine gives the whole stack in no order.
    whole = pb.AnalyzeStackRequest(resources=list(map(existing, reversed(case.resources))))
    told += pack.AnalyzeStack(whole, timeout=SECONDS).diagnostics
    return [each for each in told if each.policyName == case.control]


def complaint(pack: analyzer_pb2_grpc.AnalyzerStub, case: Case, *, preview: bool) -> str | None:
    """What is wrong with what the engine is told of a case, or None."""
    begun = {"deferred" if preview else "undecided": "unknown", case.control: "fail"}
    try:
        messages = [each.message for each in said(pack, case, preview=preview)]
    except grpc.RpcError as error:
        return f"the engine is told: {error.details()}"
    kinds = {begun.get(re.split("[: ]", message)[0], message) for message in messages} or {"pass"}
    return None if kinds == {case.verdict} else f"the engine is told {' and '.join(sorted(kinds))}, not {case.verdict}"


def wire(value: Plain) -> object:
    """A value as the engine sends it, before it is put into a message."""
    if value is UNKNOWN:
        return UNKNOWN_STRING
    if isinstance(value, list):
        return [wire(element) for element in value]
    if isinstance(value, dict):
        return {name: wire(member) for name, member in value.items()}
    return value


def struct(properties: object) -> struct_pb2.Struct:
    """Properties as the engine's message."""
    return json_format.Parse(json.dumps(properties), struct_pb2.Struct())


def asked(resource: Resource) -> pb.AnalyzeRequest:
    """A resource as the engine asks about it, when it is registered."""
    return pb.AnalyzeRequest(
        type=resource.type,
        urn=resource.urn,
        name=resource.name,
        properties=struct(wire(resource.properties)),
        options=_options(resource),
        provider=_provider(resource),
    )


def existing(resource: Resource) -> pb.AnalyzerResource:
    """The same as a part of its stack, with what the provider answered."""
    sources = resource.property_dependencies.items()
    return pb.AnalyzerResource(
        type=resource.type,
        urn=resource.urn,
        name=resource.name,
        properties=struct(wire({**resource.properties, **resource.answered})),
        options=_options(resource),
        provider=_provider(resource),
        parent=resource.parent,
        propertyDependencies={name: pb.AnalyzerPropertyDependencies(urns=urns) for name, urns in sources},
    )


def _options(resource: Resource) -> pb.AnalyzerResourceOptions:
    options = resource.options
    return pb.AnalyzerResourceOptions(
        protect=options.protect,
        ignoreChanges=options.ignore_changes,
        aliases=options.aliases,
        additionalSecretOutputs=options.additional_secret_outputs,
        deleteBeforeReplace=bool(options.delete_before_replace),
        deleteBeforeReplaceDefined=options.delete_before_replace is not None,
        parent=resource.parent,
    )


def _provider(resource: Resource) -> pb.AnalyzerProviderResource | None:
    found = resource.provider
    if found is None:
        return None
    properties = struct(wire(found.properties))
    return pb.AnalyzerProviderResource(type=found.type, urn=found.urn, name=found.name, properties=properties)


def configured(
    pack: analyzer_pb2_grpc.AnalyzerStub, *, preview: bool, stack: str = "links-build"
) -> analyzer_pb2_grpc.AnalyzerStub:
    """The pack, told that an operation on this stack begins."""
    pack.ConfigureStack(pb.AnalyzerStackConfigureRequest(stack=stack, dry_run=preview), timeout=SECONDS)
    return pack
