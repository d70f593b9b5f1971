"""The pack as the engine reaches it: its process, its protocol, and requests as the engine makes them."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from google.protobuf import json_format, struct_pb2
from pulumi.runtime.proto import analyzer_pb2 as pb
from pulumi.runtime.proto import analyzer_pb2_grpc

from policies import UNKNOWN, Resource, pack_folder
from policies.analyzer import Analyzer
from policies.model import Plain

UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
URN = "urn:pulumi:links-build::millwright::test"
SECONDS = 30


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


def started(folder: Path) -> subprocess.Popen[str]:
    """The pack's process as `RunPlugin` starts it, in a folder where the room is not importable by chance."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.Popen(
        [sys.executable, "-m", "pulumi.policy", "127.0.0.1:9", str(pack_folder())],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wire(value: Plain) -> object:
    if value is UNKNOWN:
        return UNKNOWN_STRING
    if isinstance(value, list):
        return [wire(element) for element in value]
    if isinstance(value, dict):
        return {name: wire(member) for name, member in value.items()}
    return value


def request(resource_type: str, properties: object) -> pb.AnalyzeRequest:
    return pb.AnalyzeRequest(type=resource_type, urn=URN, name="test", properties=struct(properties))


def struct(properties: object) -> struct_pb2.Struct:
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
    return found and pb.AnalyzerProviderResource(
        type=found.type, urn=found.urn, name=found.name, properties=struct(wire(found.properties))
    )


def configured(
    pack: analyzer_pb2_grpc.AnalyzerStub, *, preview: bool, stack: str = "links-build"
) -> analyzer_pb2_grpc.AnalyzerStub:
    pack.ConfigureStack(pb.AnalyzerStackConfigureRequest(stack=stack, dry_run=preview), timeout=SECONDS)
    return pack
