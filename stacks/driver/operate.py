"""One operation on one stack: the lock, the engine through the Automation API, the verdict, the record."""

import contextlib
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pulumi import automation as auto
from pulumi.automation.errors import CommandError
from pulumi.automation.events import EngineEvent

from engine import stack_lock
from engine.environment import require_one_passphrase
from factory import db
from factory.errors import CloudUnavailable, InputError, Interrupted, MillwrightError, PolicyViolation, UpdateFailed
from factory.outputs import outputs_from
from factory.paths import FactoryRoot, private_folder
from factory.project import project_name
from policies import PACK_NAME
from policies.accepted import exceptions_of, utc_now
from policies.score import Score
from stacks import data_loss, destruction, production, rollback
from stacks.account_trail import require_trail
from stacks.driver import ledger, scores, unsettled
from stacks.driver.cli import unprotect
from stacks.driver.guards import lift
from stacks.driver.known import KnownCommand, KnownStack
from stacks.driver.model import Diagnostic, Kind, Request, Result, StackEvent, Started, Violation, Waiting
from stacks.driver.plans import PlanningCommand
from stacks.driver.prepare import cloud_generation, ensure_stack
from stacks.driver.recover import look, settle
from stacks.driver.state import put_back
from stacks.driver.translate import Memory, translate
from stacks.program.build import as_run_errors, build_stack
from stacks.shared_platform import PLATFORM

OnEvent = Callable[[EngineEvent], None]
Answer = TypeVar("Answer")
DOOR = "driver"
LOG_TAIL = 4000
# What the CLI says.
WRONG_KEY = "incorrect passphrase"
# What the engine says of a deletion, which it comes to when the program has declared everything.
PROTECTED = "because it is protected"
NO_KEY = "operation error KMS"


@dataclass
class Reporter:
    """Where events go, and whether the user has asked the operation to stop."""

    send: Callable[[StackEvent], None]
    interrupted: threading.Event = field(default_factory=threading.Event)

    def check(self, what: str) -> None:
        """Raises Interrupted when the user has asked to stop; called wherever nothing is under way."""
        if self.interrupted.is_set():
            raise Interrupted(f"{what} was interrupted; its state is saved", hint="run it again to go on")


def operate(request: Request, reporter: Reporter, variables: Mapping[str, str]) -> Result:
    """Carry out `request` under the stack's lock and write it down; the engine's runs get `variables` too.

    Raises DecisionRequired, InputError (no trail records on a real account), Busy, PolicyViolation, UpdateFailed or
    Interrupted; what was applied until then is in the stack's state, and the next operation goes on from there.
    """
    database = db.connect(request.root, request.settings)
    subject = (database, request.spec, request.environment)
    place = production.place_of(request.root, request.settings, *subject)
    what = f"{request.kind} of {request.stack}"

    def waiting(why: str) -> None:
        reporter.send(Waiting(stack=request.stack, reason=why))

    with stack_lock(request.root, request.stack, on_wait=waiting, check=lambda: reporter.check(what)):
        reporter.check(what)
        require_one_passphrase(request.root)
        # The pack reads them too, and would stop the engine; from here every mistake is told with its place.
        judges = scores.judges(request.root) if request.kind in (Kind.PREVIEW, Kind.UP) else None
        if judges is not None:
            exceptions_of(request.root, request.settings).of_stack(request.stack, utc_now())
        # Under the lock: what was decided may have changed while another operation held the stack.
        _require_decided(place, request)
        if request.kind is Kind.DESTROY and request.stack == PLATFORM:
            destruction.require_last(database)
        if request.kind is Kind.UP:
            require_trail(request.root, request.settings, request.spec)
        killed = look(request.root, request.settings, request.stack, waiting, lambda: reporter.check(what))
        generation = cloud_generation(request.root, request.settings)
        refresh = request.refresh or ledger.is_stale(database, request.stack, generation)
        spec = production.declared_digest(place, request.release) if place else request.spec.digest()
        named = {"release": request.release, "returns_from": request.returns_from}
        by = ledger.By(door=DOOR, actor=request.actor, spec=spec, **named)
        ledger.started(*subject, request.kind, by, cloud_generation=generation)
        try:
            reporter.send(Started(stack=request.stack, kind=request.kind))
            _say_what_is_set_aside(place, request, reporter)
            result = _run(place, request, reporter, variables, refresh=refresh, killed=killed)
        except BaseException as error:
            # Whatever ends it: an intent never stands without its outcome.
            ledger.failed(*subject, request.kind, by, reason=str(error) or type(error).__name__)
            raise
        score = _score(request, judges, reporter) if judges and request.kind is Kind.UP else None
        ledger.ended(*subject, result, by, cloud_generation=generation, score=score)
    return result


def _score(request: Request, judges: scores.Judges, reporter: Reporter) -> Score | None:
    def warn(why: str) -> None:
        reporter.send(Diagnostic(stack=request.stack, severity="warning", message=why, urn=""))

    return scores.standing(request.root, request.stack, lambda: judges, request.env.cli.path, warn)


def _require_decided(place: production.Place | None, request: Request) -> None:
    if place is None or not place.guarded:
        return
    if request.kind in (Kind.UP, Kind.REFRESH):
        production.require_release(place, request.release)
    elif request.kind is Kind.DESTROY:
        destruction.require_destroy(place)
    elif request.kind is Kind.IMPORT_STATE:
        production.refuse_import(place)


def _say_what_is_set_aside(place: production.Place | None, request: Request, reporter: Reporter) -> None:
    """For what runs no program: the program says it itself."""
    if place and request.kind in (Kind.DRIFT, Kind.REFRESH) and (said := production.note(place)):
        reporter.send(Diagnostic(stack=request.stack, severity="warning", message=said, urn=""))


def _run(
    place: production.Place | None,
    request: Request,
    reporter: Reporter,
    variables: Mapping[str, str],
    *,
    refresh: bool,
    killed: bool,
) -> Result:
    environment = request.env.process_environment(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    cli = request.env.cli.path
    provider = request.settings.secrets_provider
    ensure_stack(request.root, request.spec, request.environment, cli, secrets_provider=provider)
    again = request.kind in (Kind.UP, Kind.DESTROY)
    settled = settle(request.root, request.settings, request.stack, cli, killed=killed, creates_again=again)
    refresh = refresh or settled
    begun = time.monotonic()
    version, outputs = None, None
    with (
        # What an imported state says was so once: it is looked up before it is believed.
        unsettled.watched(
            request.root, request.settings, request.stack, owed=settled or request.kind is Kind.IMPORT_STATE
        ) as watched,
        _work_folder(request.root, request.id) as folder,
    ):
        stack = KnownStack(request.stack, _workspace(request, folder, variables))
        goes_back = place is not None and production.goes_back(place, request.release)
        engine = _Engine(request, reporter, stack, goes_back=goes_back)
        match request.kind:
            case Kind.PREVIEW:
                _, memory = engine.run(lambda on: stack.preview(on_event=on, refresh=refresh))
                engine.require_policies(memory)
            case Kind.UP:
                up, memory = _update(place, request, engine, stack, refresh=refresh)
                version = up.summary.version
                outputs = outputs_from(memory.outputs)
            case Kind.DESTROY:
                if place and place.guarded:
                    unprotect(request.root, request.stack, cli)
                    lift(request.root, request.settings, (stack.export_stack().deployment or {}).get("resources", []))
                _, memory = engine.run(lambda on: stack.destroy(on_event=on, refresh=refresh))
            case Kind.REFRESH:
                _, memory = engine.run(lambda on: stack.refresh(on_event=on, show_secrets=False))
            case Kind.IMPORT_STATE:
                memory = Memory(changes={"import": put_back(request.root, cli, request.stack, request.state)})
            case _:
                _, memory = engine.run(lambda on: stack.preview_refresh(on_event=on))
        # A preview's refresh is kept by nobody.
        watched.refreshed = request.kind is Kind.REFRESH or (refresh and again)
    return Result(
        stack=request.stack,
        kind=request.kind,
        changes=memory.changes,
        steps=tuple(memory.steps.values()),
        duration=time.monotonic() - begun,
        version=version,
        outputs=outputs,
    )


def _update(
    place: production.Place | None, request: Request, engine: "_Engine", stack: auto.Stack, *, refresh: bool
) -> tuple[auto.UpResult, Memory]:
    # A violation that a preview can see stops the update before anything is created.
    _, memory = engine.run(lambda on: stack.preview(on_event=on, refresh=refresh), quiet=True)
    engine.require_policies(memory)
    planned = tuple(memory.steps.values())
    if engine.goes_back:
        rollback.require_data_kept(request.stack, planned)
    if place and place.guarded:
        if refresh:
            # What somebody changed in the cloud is repaired; what is declared is what was decided.
            _, memory = engine.run(lambda on: stack.preview(on_event=on, refresh=False), quiet=True)
        release = production.require_release(place, request.release)
        production.require_plan(place, release, production.plan_of(memory.steps.values()))
    if place:
        # Last: nobody is asked about an update that is refused anyway.
        data_loss.require_decided(place, production.declared_digest(place, request.release), planned)
    up, memory = engine.run(lambda on: stack.up(on_event=on, refresh=refresh, show_secrets=False))
    engine.require_policies(memory)
    return up, memory


@dataclass(frozen=True)
class _Engine:
    """Runs the engine once per call and turns what it reports into events, results and errors."""

    request: Request
    reporter: Reporter
    stack: auto.Stack
    goes_back: bool

    def run(self, call: Callable[[OnEvent], Answer], *, quiet: bool = False) -> tuple[Answer, Memory]:
        """`quiet`: only what stops the operation is reported (the run is a check before another one)."""
        self.reporter.check(f"{self.request.kind} of {self.request.stack}")
        memory = Memory()

        def take(event: EngineEvent) -> None:
            translated = next(translate(self.request.stack, event), None)
            again = isinstance(translated, Diagnostic) and translated.message in memory.errors
            memory.take(event, translated)
            if translated is not None and not again and (not quiet or _stops(translated)):
                self.reporter.send(translated)

        try:
            return call(take), memory
        except CommandError as error:
            raise self._explained(memory, str(error)) from None

    def require_policies(self, memory: Memory) -> None:
        """Refuse a run in which the policy pack did not take part: no verdict, no action."""
        if PACK_NAME not in memory.policy_packs:
            raise PolicyViolation(
                f"{self.request.stack}: the policy pack {PACK_NAME} did not run, so nothing may go on",
                hint="see `millwright doctor`",
            )

    def _explained(self, memory: Memory, output: str) -> MillwrightError:
        stack, kind = self.request.stack, self.request.kind
        if self.goes_back and any(PROTECTED in error for error in memory.errors):
            # The engine stops at the first thing that production protects, and lists no other.
            standing = (self.stack.export_stack().deployment or {}).get("resources", [])
            rollback.require_data_kept(stack, [*memory.steps.values(), *rollback.not_declared(standing, memory.steps)])
        if memory.violations:
            listed = "\n".join(f"{v.policy}: {v.message} ({v.urn.rsplit('::', 1)[-1]})" for v in memory.violations)
            hint = "mend what the policy names, or ask somebody of security to accept it: millwright policy except"
            return PolicyViolation(f"{kind} of {stack} refused by policy:\n{listed}", hint=hint)
        if self.reporter.interrupted.is_set():
            return Interrupted(f"{kind} of {stack} was interrupted; its state is saved", hint="run it again to go on")
        if WRONG_KEY in output:
            return InputError(
                f"{kind} of {stack}: {self.request.env.passphrase_file} does not hold the passphrase that its secrets "
                "are encrypted with",
                hint="put the right one back, or name its file: passphrase_file in millwright.yaml",
            )
        if NO_KEY in output:
            return CloudUnavailable(
                f"{kind} of {stack}: the key that its secrets are encrypted with cannot be used: {_own_errors(output)}",
                hint="see the credentials and AWS_ENDPOINT_URL of this shell, and secrets_provider in millwright.yaml",
            )
        log = private_folder(self.request.root.logs) / f"{self.request.stack}-{self.request.id}.log"
        log.write_text(output)
        reason = "\n".join(memory.reasons) or _own_errors(output) or output[-LOG_TAIL:]
        return UpdateFailed(f"{kind} of {stack} failed: {reason}", hint=f"the engine's whole output: {log}")


def _own_errors(output: str) -> str:
    """What the command itself says is wrong, when no event of the engine did: it never came so far."""
    lines = (line.strip().removeprefix("stderr: ") for line in output.splitlines())
    return "\n".join(line.removeprefix("error: ") for line in lines if line.startswith("error: "))


def _stops(event: StackEvent) -> bool:
    return (isinstance(event, Violation) and event.level == "mandatory") or (
        isinstance(event, Diagnostic) and event.severity == "error"
    )


def _workspace(request: Request, folder: Path, variables: Mapping[str, str]) -> auto.LocalWorkspace:
    project = {
        "name": project_name(request.root),
        "runtime": "python",
        # The same files that the plain door uses. The Automation API's own ProjectSettings has no such key.
        "stackConfigDir": os.path.relpath(request.root.stack_config, folder),
    }
    (folder / "Pulumi.yaml").write_text(json.dumps(project))
    return auto.LocalWorkspace(
        work_dir=str(folder),
        program=lambda: _declare(request),
        # Given to each engine process anew: what the app's own code does to this process's environment does not count.
        env_vars=request.env.variables() | dict(variables),
        pulumi_command=_command(request),
    )


def _command(request: Request) -> KnownCommand:
    cli = request.env.cli
    if request.plans is None or request.kind is not Kind.PREVIEW:
        return KnownCommand(cli.path, cli.version)
    return PlanningCommand(cli.path, cli.version, request.plans / f"{request.stack}.json")


def _declare(request: Request) -> None:
    with as_run_errors():
        build_stack(request.root, request.settings, request.spec, request.environment, request.release)


@contextlib.contextmanager
def _work_folder(root: FactoryRoot, name: str) -> Iterator[Path]:
    folder = private_folder(root.work / name)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
