"""What `.venv/bin/pulumi` runs: the real CLI, as one of this factory's commands.

A plain `pulumi up -s links-staging` gets the same backend, policy pack and local cloud as the driver, waits for the
same lock, touches only declared stacks, and is recorded. `python -m stacks.door` (named by string: the engine knows no
stacks) is asked before and told after, while the lock is held: it must not take the lock itself. It refuses by its exit
code, with the reason on stderr; `{"refresh": true}` on its stdout makes the engine refresh the state first. It is also
told of a command line that is refused here, because that may have meant a stack whose refusals are recorded.

What is not in `engine.commands` is refused. Without `-s` the selected stack counts (PULUMI_STACK, or `pulumi stack
select`); a command that works on a stack and has none is refused: left to itself, the CLI would ask and then work on a
stack that nobody judged.
"""

import contextlib
import dataclasses
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from engine.arguments import Invocation, parse, policy_problem
from engine.cli import find_or_build
from engine.commands import COMMANDS, REFRESHED, Effect
from engine.environment import EngineEnv, prepare
from engine.locks import stack_lock
from engine.machine import Machine
from engine.path_cli import SHIM_MARKER
from engine.progress import Progress
from engine.projects import is_another_project, name_in
from engine.selected import selected_stack
from factory import daemons
from factory.errors import ExitCode, InputError, MillwrightError, PolicyViolation
from factory.paths import FactoryRoot, find_root, private_folder
from factory.settings import Settings, load

if TYPE_CHECKING:
    from types import FrameType

# Run the program or the providers, so the local cloud must be there.
NEED_CLOUD = frozenset({Effect.PREVIEWS, Effect.CLOUD})
# Change state or cloud, so no other may do so meanwhile.
LOCKING = frozenset({Effect.STATE, Effect.CLOUD})
# With these a command works on some of the resources.
IN_PART = frozenset({"--target", "--target-dependents", "--target-replace", "--exclude", "--exclude-dependents"})
# Need no answer from a person. On a terminal the CLI would offer to make a stack that is not there.
UNASKED = frozenset({Effect.READS, Effect.SELECTS})
# Named by string: the engine may not import them.
DOOR = "stacks.door"
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
    here = Path.cwd()
    folder = here / (invocation.folder or ".")
    root = _root_of(folder)
    if root is None:
        # A folder of a factory is left only as it was understood.
        return _outside(arguments if _root_of(here) is None else invocation.line(invocation.stack), base)
    env = prepare(root, load(root), policy_pack=_policy_pack(), progress=_show)
    job = Job(root, env, invocation, folder, env.process_environment(base))
    if invocation.asks_help:
        return _run_cli(env.cli.path, invocation.line(None), job.environment)
    if is_another_project(folder, root):
        return _run_beside(job, arguments, base)
    try:
        stack = job.stack()
    except MillwrightError as problem:
        return job.refuse(arguments, problem)
    return _run_cli(env.cli.path, invocation.line(None), job.environment) if stack is None else _run_at_door(job, stack)


@dataclass(frozen=True)
class Job:
    """One command line in its factory, with the environment to run it in; `lock` is the stack's, once it is held."""

    root: FactoryRoot
    env: EngineEnv
    invocation: Invocation
    folder: Path
    environment: Mapping[str, str]
    lock: int | None = None

    def stack(self) -> str | None:
        """The stack that is meant, without the organization and project that the CLI may put before it; None: no stack.

        Raises what is wrong with the command line; InputError when none is named or selected, or another project's is.
        """
        if self.invocation.spec.effect is Effect.NO_STACK:
            return None
        selected = None if self.invocation.spec.by_name else selected_stack(self.root, self.env, self.environment)
        full = self.invocation.stack or selected
        if not full:
            raise InputError(f"pulumi {self.invocation.command}: which stack?", hint="name it: -s STACK")
        stack = full.removeprefix(f"organization/{name_in(self.root.project_file)}/")
        if "/" in stack:
            raise InputError(f"{full!r} is no stack of this factory's project", hint="name one of it: -s STACK")
        return stack

    def ask(self, stack: str) -> tuple[int, bool]:
        """Ask the door before the command: its exit code, and whether the engine must refresh the state first."""
        answer = self._door("before", self.invocation.command, stack, *self.invocation.flags, stdout=subprocess.PIPE)
        said = answer.stdout.strip()
        return answer.returncode, bool(said) and json.loads(said).get("refresh") is True

    def tell(self, stack: str, code: int, *, refreshed: bool) -> int:
        """Tell the door how the command ended, and whether it was to refresh the whole state; its exit code."""
        more = [REFRESHED] if refreshed else []
        return self._door("after", self.invocation.command, stack, str(code), *more, stdout=None).returncode

    def refuse(self, arguments: Sequence[str], problem: MillwrightError) -> int:
        """Tell the door what is refused here: its exit code when it refuses for a reason of its own.

        Raises `problem` otherwise.
        """
        selected = selected_stack(self.root, self.env, self.environment) or ""
        code = self._door("refused", str(problem), *arguments, selected, stdout=None).returncode
        if code:
            return code
        raise problem

    def _door(self, *words: str, stdout: int | None) -> "subprocess.CompletedProcess[bytes]":
        command = [sys.executable, "-P", "-m", DOOR, *words]
        # It holds the stack's lock with us: what it does must be alone, also when we are ended before it.
        held = () if self.lock is None else (self.lock,)
        environment = dict(self.environment)
        return subprocess.run(command, cwd=self.folder, env=environment, stdout=stdout, pass_fds=held, check=False)


def _root_of(folder: Path) -> FactoryRoot | None:
    try:
        return find_root(folder)
    except InputError:
        return None


def _outside(arguments: Sequence[str], base: Mapping[str, str]) -> int:
    cli = find_or_build(Settings(), progress=_show, machine=Machine(search_path=base.get("PATH", os.defpath)))
    path = os.pathsep.join((str(cli.path.resolve().parent), base.get("PATH", os.defpath)))
    return _run_cli(cli.path, arguments, {**base, "MILLWRIGHT_PYTHON": sys.executable, "PATH": path})


def _run_beside(job: Job, arguments: Sequence[str], base: Mapping[str, str]) -> int:
    """Another Pulumi project inside the factory: the same policies and cloud, and a backend of its own."""
    ours = f"organization/{name_in(job.root.project_file)}/"
    if any(ours in argument for argument in arguments):
        problem = InputError(
            "a stack of this factory is not worked on from another project's folder",
            hint="run the command in the factory's own folder",
        )
        return job.refuse(arguments, problem)
    if policies := policy_problem(arguments):
        raise policies
    backend = private_folder(job.root.state / "other-projects")
    env = dataclasses.replace(job.env, backend_url=f"file://{backend}")
    _ensure_cloud(job)
    return _run_cli(env.cli.path, arguments, env.process_environment(base))


def _ensure_cloud(job: Job) -> None:
    known = COMMANDS.get(job.invocation.command)
    if job.env.aws == "local" and known is not None and known.effect in NEED_CLOUD:
        daemons.ensure(job.root, daemons.LOCAL_CLOUD)


def _run_at_door(job: Job, stack: str) -> int:
    call, spec = job.invocation, job.invocation.spec
    _ensure_cloud(job)
    with _held(job.root, stack) if spec.effect in LOCKING else contextlib.nullcontext() as lock:
        job = dataclasses.replace(job, lock=lock)
        refused, refresh = (0, False) if call.is_harmless else job.ask(stack)
        if refused:
            return refused
        if spec.effect is Effect.CREATES:
            # The door has just made it.
            return _select(job, stack)
        added = ["--refresh=true"] if refresh and "refresh" in spec.flags else []
        unasked = ["--non-interactive"] if spec.effect in UNASKED else []
        code = _run_cli(job.env.cli.path, call.line(stack, *added, *unasked), job.environment)
        if spec.effect is not Effect.CLOUD:
            return code
        recorded = job.tell(stack, code, refreshed=_refreshes(call, added))
        return code or recorded


def _refreshes(call: Invocation, added: Sequence[str]) -> bool:
    """Whether the command looks up all that the state names."""
    given = {flag.partition("=")[0] for flag in call.flags}
    if given & IN_PART:
        return False
    return call.command == "refresh" or bool(added) or bool({"--refresh", "--refresh=true"} & set(call.flags))


def _select(job: Job, stack: str) -> int:
    if "--no-select" in job.invocation.flags:
        return ExitCode.OK
    folder = [f"--cwd={job.invocation.folder}"] if job.invocation.folder else []
    return _run_cli(job.env.cli.path, ["stack", "select", f"--stack={stack}", *folder], job.environment)


def _held(root: FactoryRoot, stack: str) -> contextlib.AbstractContextManager[int]:
    def waiting(holder: str) -> None:
        sys.stderr.write(f"waiting for {stack}: another process works on it ({holder})\n")

    return stack_lock(root, stack, on_wait=waiting)


def _run_cli(cli: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the CLI in the foreground. Ctrl-C is its affair: it ends what is under way, and we wait for it.

    SIGTERM and SIGHUP reach only us; the CLI is sent SIGINT for them, which makes it end properly.
    """
    child: subprocess.Popen[bytes] | None = None
    early = set[int]()

    def interrupt(signum: int, frame: "FrameType | None") -> None:
        del frame
        if child is None:
            early.add(signum)
        elif signum != signal.SIGINT:
            child.send_signal(signal.SIGINT)

    # Handlers, not SIG_IGN: what is ignored stays ignored in the child.
    previous = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        if early:
            return ExitCode.INTERRUPTED
        child = subprocess.Popen([cli, *arguments], env=dict(environment))
        # Came while it was being started. A Ctrl-C has reached it as well; twice would make it give up.
        if early - {signal.SIGINT}:
            child.send_signal(signal.SIGINT)
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


def _show(progress: Progress) -> None:
    if progress.phase == "compile" and not sys.stderr.isatty():
        return
    end = "\r" if progress.phase in ("compile", "download") and sys.stderr.isatty() else "\n"
    sys.stderr.write(f"\x1b[2Kmillwright: {progress}{end}" if end == "\r" else f"millwright: {progress}\n")


if __name__ == "__main__":
    main()
