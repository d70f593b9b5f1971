"""The pack's process, and what the engine asks it."""

import os
import subprocess
import sys
from pathlib import Path

from pulumi.runtime.proto import analyzer_pb2 as pb

from policies import pack_folder
from policies.testing.rpc import SECONDS, UNKNOWN_STRING, asked, configured, existing, served, struct

__all__ = [
    "SECONDS",
    "UNKNOWN_STRING",
    "URN",
    "asked",
    "configured",
    "existing",
    "request",
    "served",
    "started",
    "struct",
]

URN = "urn:pulumi:links-build::millwright::test"


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


def request(resource_type: str, properties: object) -> pb.AnalyzeRequest:
    return pb.AnalyzeRequest(type=resource_type, urn=URN, name="test", properties=struct(properties))
