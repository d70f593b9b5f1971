"""Small real Pulumi projects for tests of the engine, and fake tools for tests of its cache."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from engine.environment import EngineEnv

COMMAND_SECONDS = 120

# A provider that creates at once; with a file `hold` beside it, only when there is a file `go`.
PROVIDER = """
import pathlib, sys, threading
from concurrent.futures import ThreadPoolExecutor
import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import plugin_pb2, provider_pb2 as messages, provider_pb2_grpc as services

here = pathlib.Path(__file__).parent

class Provider(services.ResourceProviderServicer):
    def GetPluginInfo(self, request, context): return plugin_pb2.PluginInfo(version="1.0.0")
    def CheckConfig(self, request, context): return messages.CheckResponse(inputs=request.news)
    def DiffConfig(self, request, context): return messages.DiffResponse()
    def Configure(self, request, context): return messages.ConfigureResponse(supportsPreview=True)
    def Check(self, request, context): return messages.CheckResponse(inputs=request.news)
    def Diff(self, request, context): return messages.DiffResponse(changes=messages.DiffResponse.DIFF_NONE)
    def Delete(self, request, context): return Empty()
    def Cancel(self, request, context): return Empty()
    def Create(self, request, context):
        if request.preview:
            return messages.CreateResponse(properties=request.properties)
        held = (here / "hold").exists()
        (here / "began").touch()
        while held and not (here / "go").exists():
            threading.Event().wait(0.05)
        return messages.CreateResponse(id="an-id", properties=request.properties)

server = grpc.server(ThreadPoolExecutor(8))
services.add_ResourceProviderServicer_to_server(Provider(), server)
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
server.wait_for_termination()
"""

# A program that declares one thing, whose name is to be put in.
ONE_THING = """
import pulumi

class Thing(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("tiny:index:Thing", name, {})
        self.register_outputs({})

Thing("NAME")
"""


def make_pack(folder: Path, text: str) -> Path:
    """A policy pack in Python."""
    pack = folder / "pack"
    pack.mkdir()
    (pack / "PulumiPolicy.yaml").write_text("runtime: python\nversion: 0.0.1\ndescription: a pack\n")
    (pack / "__main__.py").write_text(text)
    return pack


@dataclass
class Project:
    """A Pulumi project in a folder of its own, with its own backend and PULUMI_HOME."""

    folder: Path
    env: EngineEnv
    extra: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        return self.env.process_environment(os.environ) | self.extra

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [self.env.cli.path, *arguments, "--non-interactive"],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def start(self, *arguments: str) -> "Running":
        process = subprocess.Popen(
            [self.env.cli.path, *arguments, "--non-interactive"],
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        return Running(process)


@dataclass
class Running:
    """A command that runs in a session of its own, as in a terminal."""

    process: "subprocess.Popen[str]"
    output: list[str] = field(default_factory=list)

    def wait_for(self, text: str) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.output.append(line)
            if text in line:
                return
        raise AssertionError(f"never printed {text!r}:\n{''.join(self.output)}")

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def interrupt(self) -> float:
        """Ctrl-C, and the rest of the output; how many seconds it took to end."""
        began = time.monotonic()
        os.killpg(self.process.pid, signal.SIGINT)
        assert self.process.stdout
        self.output.extend(self.process.stdout)
        self.process.wait(COMMAND_SECONDS)
        return time.monotonic() - began

    def text(self) -> str:
        return "".join(self.output)


def gone(processes: list[psutil.Process], seconds: float = 10) -> bool:
    """Whether all `processes` end within `seconds`."""
    return not psutil.wait_procs(processes, timeout=seconds)[1]


def until(condition: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether `condition` comes true within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


MakeProject = Callable[..., Project]
