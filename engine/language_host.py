"""Pulumi's Python language host: the engine starts it, reads its port, and has it run programs and plugins.

`python -m engine.language_host [flags] ENGINE_ADDRESS`. Used with a CLI that we built, which comes without one (a CLI
from the vendor brings its own). Protocol: proto/pulumi/language.proto of github.com/pulumi/pulumi.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from google.protobuf import json_format
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import language_pb2 as messages
from pulumi.runtime.proto import language_pb2_grpc as services
from pulumi.runtime.proto import plugin_pb2

from engine.children import Children, stream
from engine.interpreters import Interpreter, interpreter
from engine.peers import OwnUserOnly
from engine.typecheck import check_types
from factory.errors import InputError

VERSION = "1.0.0"
RUNNER = Path(__file__).with_name("run_program.py")
ALREADY_TOLD = 32
# A program, and each policy pack and Python provider, holds a thread for as long as it runs.
THREADS = 64
# The size that the engine and the SDK allow for a message: 400 MiB.
MESSAGE_BYTES = 400 * 1024 * 1024
# The distributions that an interpreter has, as JSON; run by that interpreter.
LIST_DISTRIBUTIONS = (
    "import importlib.metadata as m, json; "
    "print(json.dumps(sorted({d.metadata['Name']: d.version for d in m.distributions()}.items())))"
)


class Host(services.LanguageRuntimeServicer):
    """Serves one engine. RPCs that only matter to package authors are left unimplemented, which the engine allows."""

    def __init__(self, engine: str, children: Children) -> None:
        self._engine = engine
        self._children = children

    def Handshake(
        self, request: messages.LanguageHandshakeRequest, context: grpc.ServicerContext
    ) -> messages.LanguageHandshakeResponse:
        """Learn the engine's address when the engine attaches to a host that already runs."""
        self._engine = request.engine_address or self._engine
        return messages.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """The version of this host."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetRequiredPlugins(
        self, request: messages.GetRequiredPluginsRequest, context: grpc.ServicerContext
    ) -> messages.GetRequiredPluginsResponse:
        """Nothing ahead of time: the engine loads a provider when the first resource that needs it registers."""
        return messages.GetRequiredPluginsResponse()

    def GetRequiredPackages(
        self, request: messages.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> messages.GetRequiredPackagesResponse:
        """Nothing ahead of time, as for GetRequiredPlugins."""
        return messages.GetRequiredPackagesResponse()

    def RuntimeOptionsPrompts(
        self, request: messages.RuntimeOptionsRequest, context: grpc.ServicerContext
    ) -> messages.RuntimeOptionsResponse:
        """No questions to ask."""
        return messages.RuntimeOptionsResponse()

    def About(self, request: messages.AboutRequest, context: grpc.ServicerContext) -> messages.AboutResponse:
        """The interpreter that runs the program, for `pulumi about`."""
        chosen = _interpreter_or_abort(request.info, context)
        version = _output_of([chosen.python, "-c", "import platform; print(platform.python_version())"], context)
        return messages.AboutResponse(executable=chosen.python, version=version.strip())

    def GetProgramDependencies(
        self, request: messages.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> messages.GetProgramDependenciesResponse:
        """The distributions that the program's interpreter has, for `pulumi about`."""
        chosen = _interpreter_or_abort(request.info, context)
        listed = json.loads(_output_of([chosen.python, "-c", LIST_DISTRIBUTIONS], context))
        return messages.GetProgramDependenciesResponse(
            dependencies=[messages.DependencyInfo(name=name, version=version) for name, version in listed]
        )

    def Run(self, request: messages.RunRequest, context: grpc.ServicerContext) -> messages.RunResponse:
        """Run the program to its end. Its output is this process's own, which the engine shows line by line."""
        try:
            chosen = _interpreter(request.info)
        except InputError as error:
            return messages.RunResponse(error=f"{error}\n{error.hint}")
        try:
            options = json_format.MessageToDict(request.info.options)
            check_types(options, chosen, _program(request.info), chosen.environment(os.environ))
        except InputError as error:
            return messages.RunResponse(error=f"{error}\n{error.hint}")
        environment = chosen.environment(os.environ) | {
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        child = self._children.start(
            [chosen.python, "-u", str(RUNNER), *_program_arguments(request, self._engine)],
            cwd=Path(request.pwd),
            environment=environment,
            piped=False,
        )
        # Called when the RPC ends in any way; it finds a program that still runs only when the engine gave up on it.
        if not context.add_callback(lambda: self._children.stop(child, signal.SIGINT)):
            self._children.stop(child, signal.SIGINT)
        code = self._children.wait(child)
        if code == ALREADY_TOLD:
            return messages.RunResponse(bail=True)
        return messages.RunResponse(error=f"the program exited with status {code}" if code else "")

    def RunPlugin(
        self, request: messages.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[messages.RunPluginResponse]:
        """Run a plugin written in Python (a policy pack, a provider, a converter) and stream what it writes."""
        chosen = _interpreter_or_abort(request.info, context)
        program = request.info.program_directory
        if request.kind == "analyzer":
            command = [*chosen.isolated("pulumi.policy"), *request.args, program]
        else:
            command = [chosen.python, "-u", program, *request.args]
        environment = chosen.environment(dict(entry.split("=", 1) for entry in request.env))
        child = self._children.start(command, cwd=Path(request.pwd), environment=environment, piped=True)
        if not context.add_callback(lambda: self._children.stop(child, signal.SIGTERM)):
            self._children.stop(child, signal.SIGTERM)
        for name, chunk in stream(child):
            yield _plugin_output(name, chunk)
        yield messages.RunPluginResponse(exitcode=self._children.wait(child))

    def InstallDependencies(
        self, request: messages.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Iterator[messages.InstallDependenciesResponse]:
        """Nothing is installed behind the user's back: say who does it."""
        place = request.info.program_directory or request.directory
        text = f"Dependencies of {place} are not installed by this host: use its own package manager.\n"
        yield messages.InstallDependenciesResponse(stderr=text.encode())

    def Cancel(self, request: Empty, context: grpc.ServicerContext) -> Empty:
        """The user interrupted the operation: no more resources are wanted, but those under way are finished."""
        self._children.stop_programs()
        return Empty()


def _interpreter(info: messages.ProgramInfo) -> Interpreter:
    return interpreter(json_format.MessageToDict(info.options), Path(info.root_directory))


def _interpreter_or_abort(info: messages.ProgramInfo, context: grpc.ServicerContext) -> Interpreter:
    try:
        return _interpreter(info)
    except InputError as error:
        return context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{error}\n{error.hint}")


def _output_of(command: list[str], context: grpc.ServicerContext) -> str:
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        context.abort(grpc.StatusCode.UNKNOWN, f"{command[0]} failed: {answer.stderr.strip()}")
    return answer.stdout


def _program(info: messages.ProgramInfo) -> Path:
    folder = Path(info.program_directory)
    return folder if info.entry_point in ("", ".") else folder / info.entry_point


def _program_arguments(request: messages.RunRequest, engine: str) -> list[str]:
    arguments = {
        "monitor": request.monitor_address,
        "engine": engine,
        "project": request.project,
        "stack": request.stack,
        "organization": request.organization,
        "root_directory": request.info.root_directory,
        "pwd": request.pwd,
        "parallel": str(request.parallel),
        "dry_run": "true" if request.dryRun else "false",
    }
    flags = [f"--{name}={value}" for name, value in arguments.items()]
    return [*flags, "--", str(_program(request.info)), *request.args]


def _plugin_output(name: str, chunk: bytes) -> messages.RunPluginResponse:
    if name == "stdout":
        return messages.RunPluginResponse(stdout=chunk)
    return messages.RunPluginResponse(stderr=chunk)


def end_at_eof(descriptor: int, end: threading.Event) -> None:
    """Set `end` when the engine is gone: it holds the other end of `descriptor` for as long as it lives."""
    while os.read(descriptor, 4096):
        pass
    end.set()


def serve(engine: str, children: Children) -> tuple[grpc.Server, int]:
    """A running server on a free loopback port, and that port."""
    server = grpc.server(
        ThreadPoolExecutor(THREADS),
        # It runs what it is asked to run.
        interceptors=[OwnUserOnly()],
        options=[
            ("grpc.max_receive_message_length", MESSAGE_BYTES),
            ("grpc.max_send_message_length", MESSAGE_BYTES),
        ],
    )
    services.add_LanguageRuntimeServicer_to_server(Host(engine, children), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def main() -> None:
    """Serve until the engine asks us to end (SIGINT) or is gone."""
    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    children = Children()
    server, port = serve(sys.argv[-1], children)
    # A person who starts the host by hand has a terminal there, or nothing at all, and no engine.
    if not os.isatty(0):
        threading.Thread(target=end_at_eof, args=(0, end), daemon=True).start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    end.wait()
    children.close()
    server.stop(grace=None)
    # Threads that still wait for a stream's last bytes must not hold the process back.
    os._exit(0)


if __name__ == "__main__":
    main()
