"""What `.venv/bin/pulumi` runs: the real CLI, as one of this factory's commands.

A plain `pulumi up -s links-staging` gets the same backend, policy pack and local cloud as the driver, waits for the
same lock, touches only declared stacks, and is recorded. `python -m stacks.door` (named by string: the engine knows no
stacks) is asked before and told after, while the lock is held: it must not take the lock itself. It refuses by its exit
code, with the reason on stderr; `{"refresh": true}` on its stdout makes the engine refresh the state first.

Without `-s` the selected stack counts (PULUMI_STACK, or `pulumi stack select`). A command that works on a stack and has
none is refused: left to itself, the CLI would ask and then work on a stack that nobody locked.
"""

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from engine.arguments import Invocation, parse
from engine.cli import find_or_build
from engine.environment import EngineEnv, prepare
from engine.locks import stack_lock
from engine.machine import Machine
from engine.path_cli import SHIM_MARKER
from engine.progress import Progress
from engine.selected import selected_stack
from factory import daemons
from factory.errors import ExitCode, InputError, MillwrightError, PolicyViolation
from factory.paths import FactoryRoot, find_root
from factory.settings import Settings, load

if TYPE_CHECKING:
    from types import FrameType

# Run the program or the providers, so the local cloud must be there.
NEED_CLOUD = frozenset({"up", "preview", "refresh", "destroy", "import", "watch"})
# Change the cloud, so what they did is recorded.
MUTATING = frozenset({"up", "refresh", "destroy", "import", "watch"})
# Change the state, so no other may do so meanwhile.
LOCKING = MUTATING | {"stack remove", "stack rename", "stack import", "state"}
# Change what the backend holds without running anything: production's is not theirs to change.
GUARDED = frozenset({"stack remove", "stack rename", "stack import", "stack select", "state", "config"})
# Name a stack that must be a declared one.
NAMED = NEED_CLOUD | {"stack new"}
# Take --refresh.
REFRESHABLE = frozenset({"up", "preview", "destroy", "watch"})
# Named by string: the engine may not import them.
DOOR = "stacks.door"
PROJECT_FILES = ("Pulumi.yaml", "Pulumi.yml", "Pulumi.json")
POLICIES = "policies"


def write_shim(venv_bin: Path, python: str) -> Path:
    """Write the shim as `pulumi` into `venv_bin`, to run with `python`; where it is."""
    shim = venv_bin / "pulumi"
    shim.unlink(missing_ok=True)
    shim.write_text(f'#!/bin/sh\n{SHIM_MARKER}\nexec {shlex.quote(python)} -P -m engine.shim "$@"\n')
    shim.chmod(0o755)
    return shim


def main() -> NoReturn:
    """Run the CLI with this process's arguments and end with its exit code."""
    try:
        code = run(sys.argv[1:], os.environ)
    except MillwrightError as error:
        sys.stderr.write(f"error: {error.rendered()}\n")
        code = error.exit_code
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    sys.exit(code)


def run(arguments: Sequence[str], base: Mapping[str, str]) -> int:
    """Run one `pulumi` command line; its exit code. Raises MillwrightError when it must not or cannot run."""
    invocation = parse(arguments)
    folder = Path.cwd() / (invocation.folder or ".")
    try:
        root = find_root(folder)
    except InputError:
        return _outside(arguments, base)
    if "policy-pack-config" in invocation.flags:
        raise PolicyViolation(
            "--policy-pack-config could switch the factory's own policies off, so it is refused here",
            hint="leave it out; what a policy found is accepted by an exception, not by configuration",
        )
    settings = load(root)
    env = prepare(root, settings, policy_pack=_policy_pack(), progress=_show)
    if settings.aws == "local" and invocation.command in NEED_CLOUD and not invocation.asks_help:
        daemons.ensure(root, daemons.LOCAL_CLOUD)
    environment = env.process_environment(base)
    if invocation.asks_help or _is_another_project(folder, root):
        # Another Pulumi project inside the factory: the factory's guardrails, but its stacks are not declared here.
        return _run_cli(env.cli.path, arguments, environment)
    return _run_at_door(Job(root, env, invocation, folder, environment), arguments)


@dataclass(frozen=True)
class Job:
    """One command line in its factory, with the environment to run it in."""

    root: FactoryRoot
    env: EngineEnv
    invocation: Invocation
    folder: Path
    environment: Mapping[str, str]

    def ask(self, stack: str) -> tuple[int, bool]:
        """Ask the door before the command: its exit code, and whether the engine must refresh the state first."""
        answer = self._door("before", self.invocation.command, stack, stdout=subprocess.PIPE)
        said = answer.stdout.strip()
        return answer.returncode, bool(said) and json.loads(said).get("refresh") is True

    def tell(self, stack: str, code: int) -> int:
        """Tell the door how the command ended; its exit code."""
        return self._door("after", self.invocation.command, stack, str(code), stdout=None).returncode

    def _door(self, *words: str, stdout: int | None) -> "subprocess.CompletedProcess[bytes]":
        command = [sys.executable, "-P", "-m", DOOR, *words]
        return subprocess.run(command, cwd=self.folder, env=dict(self.environment), stdout=stdout, check=False)


def _outside(arguments: Sequence[str], base: Mapping[str, str]) -> int:
    cli = find_or_build(Settings(), progress=_show, machine=Machine(search_path=base.get("PATH", os.defpath)))
    path = os.pathsep.join((str(cli.path.resolve().parent), base.get("PATH", os.defpath)))
    return _run_cli(cli.path, arguments, {**base, "MILLWRIGHT_PYTHON": sys.executable, "PATH": path})


def _run_at_door(job: Job, arguments: Sequence[str]) -> int:
    command = job.invocation.command
    cli = job.env.cli.path
    stack = job.invocation.stack or selected_stack(job.root, job.env, job.environment)
    if stack is None:
        if command in NAMED:
            raise InputError(f"pulumi {command}: which stack?", hint="name it: -s STACK")
        return _run_cli(cli, arguments, job.environment)
    with _held(job.root, stack) if command in LOCKING else contextlib.nullcontext():
        if command in NAMED:
            refused, refresh = job.ask(stack)
            if refused:
                return refused
            arguments = _amended(arguments, command, stack, refresh=refresh)
        elif command in GUARDED:
            refused, _ = job.ask(stack)
            if refused:
                return refused
        code = _run_cli(cli, arguments, job.environment)
        if command in MUTATING:
            recorded = job.tell(stack, code)
            return code or recorded
        return code


def _amended(arguments: Sequence[str], command: str, stack: str, *, refresh: bool) -> list[str]:
    """The command line to run once the door has agreed."""
    if command == "stack new":
        # The door has just made it.
        return ["stack", "select", stack]
    end = arguments.index("--") if "--" in arguments else len(arguments)
    # Said last, so that it holds: the CLI must work on the very stack that was judged, however it reads the rest.
    added = [f"--stack={stack}", *(["--refresh=true"] if refresh and command in REFRESHABLE else [])]
    return [*arguments[:end], *added, *arguments[end:]]


@contextlib.contextmanager
def _held(root: FactoryRoot, stack: str) -> Iterator[None]:
    def waiting(holder: str) -> None:
        sys.stderr.write(f"waiting for {stack}: another process works on it ({holder})\n")

    with stack_lock(root, stack, on_wait=waiting):
        yield


def _run_cli(cli: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the CLI in the foreground. Ctrl-C is its affair: it ends what is under way, and we wait for it.

    SIGTERM and SIGHUP reach only us; the CLI is sent SIGINT for them, which makes it end properly.
    """
    child: subprocess.Popen[bytes] | None = None

    def interrupt(signum: int, frame: "FrameType | None") -> None:
        del frame
        if child is not None and signum != signal.SIGINT:
            child.send_signal(signal.SIGINT)

    # Handlers, not SIG_IGN: what is ignored stays ignored in the child.
    previous = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        child = subprocess.Popen([cli, *arguments], env=dict(environment))
        code = child.wait()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


def _policy_pack() -> Path:
    """The folder of the installed policy pack, found without importing it. Raises PolicyViolation without one."""
    spec = find_spec(POLICIES)
    if spec is None or not spec.submodule_search_locations:
        raise PolicyViolation(
            f"the policy pack ({POLICIES}) is not installed for {sys.executable}, and nothing runs without it",
            hint="install Millwright there again: make setup",
        )
    return Path(next(iter(spec.submodule_search_locations)))


def _is_another_project(folder: Path, root: FactoryRoot) -> bool:
    """Whether `folder` belongs to another Pulumi project. The name decides: it is what the state is kept under."""
    folder = folder.resolve()
    files = (f / name for f in (folder, *folder.parents) for name in PROJECT_FILES)
    found = next((file for file in files if file.is_file()), None)
    return found is None or (found != root.project_file and _project_name(found) != _project_name(root.project_file))


def _project_name(file: Path) -> object:
    with contextlib.suppress(OSError, YAMLError, AttributeError):
        return YAML(typ="safe").load(file.read_text()).get("name")
    return None


def _show(progress: Progress) -> None:
    if progress.phase == "compile" and not sys.stderr.isatty():
        return
    end = "\r" if progress.phase in ("compile", "download") and sys.stderr.isatty() else "\n"
    sys.stderr.write(f"\x1b[2Kmillwright: {progress}{end}" if end == "\r" else f"millwright: {progress}\n")


if __name__ == "__main__":
    main()
