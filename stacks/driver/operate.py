"""One operation on one stack: the lock, the engine through the Automation API, the verdict, the record."""

import os
import time
from collections.abc import Mapping

from pulumi import automation as auto

from engine import stack_lock
from engine.environment import require_one_passphrase
from factory import db
from factory.outputs import outputs_from
from policies.accepted import exceptions_of, utc_now
from policies.score import Score
from stacks import data_loss, destruction, places, production, rollback
from stacks.account_trail import require_trail
from stacks.driver import ledger, scores, unsettled
from stacks.driver.cli import unprotect
from stacks.driver.engine_runs import EngineRuns, Reporter
from stacks.driver.guards import lift
from stacks.driver.known import KnownStack
from stacks.driver.model import Diagnostic, Kind, Request, Result, Started, Waiting
from stacks.driver.prepare import cloud_generation, ensure_stack
from stacks.driver.recover import look, settle
from stacks.driver.state import put_back
from stacks.driver.translate import Memory
from stacks.driver.workspace import work_folder, workspace
from stacks.shared_platform import PLATFORM

DOOR = "driver"


def operate(request: Request, reporter: Reporter, variables: Mapping[str, str]) -> Result:
    """Carry out `request` under the stack's lock and write it down; the engine's runs get `variables` too.

    Raises DecisionRequired, InputError (no trail records on a real account), Busy, PolicyViolation, UpdateFailed or
    Interrupted; what was applied until then is in the stack's state, and the next operation goes on from there.
    """
    database = db.connect(request.root, request.settings)
    subject = (database, request.spec, request.environment)
    place = places.place_of(request.root, request.settings, *subject)
    what = f"{request.kind} of {request.stack}"

    def waiting(why: str) -> None:
        reporter.send(Waiting(stack=request.stack, reason=why))

    with stack_lock(request.root, request.stack, on_wait=waiting, check=lambda: reporter.check(what)):
        reporter.check(what)
        require_one_passphrase(request.root)
        # The pack reads them too, and would stop the engine; from here every mistake is told with its place.
        judges = scores.judges(request.root) if request.kind in (Kind.PREVIEW, Kind.UP) else None
        if judges:
            exceptions_of(request.root, request.settings).of_stack(request.stack, utc_now())
        # Under the lock: what was decided may have changed while another operation held the stack.
        _require_decided(place, request)
        if request.kind is Kind.DESTROY and request.stack == PLATFORM:
            destruction.require_destroyable(request.root, request.settings, database)
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


def _require_decided(place: places.Place | None, request: Request) -> None:
    if place is None or not place.guarded:
        return
    if request.kind in (Kind.UP, Kind.REFRESH):
        production.require_release(place, request.release)
    elif request.kind is Kind.DESTROY:
        destruction.require_destroy(place)
    elif request.kind is Kind.IMPORT_STATE:
        production.refuse_import(place)


def _say_what_is_set_aside(place: places.Place | None, request: Request, reporter: Reporter) -> None:
    """For what runs no program: the program says it itself."""
    if place and request.kind in (Kind.DRIFT, Kind.REFRESH) and (said := production.note(place)):
        reporter.send(Diagnostic(stack=request.stack, severity="warning", message=said, urn=""))


def _run(
    place: places.Place | None,
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
        work_folder(request.root, request.id) as folder,
    ):
        stack = KnownStack(request.stack, workspace(request, folder, variables))
        goes_back = place is not None and production.goes_back(place, request.release)
        engine = EngineRuns(request, reporter, stack, goes_back=goes_back)
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
    place: places.Place | None, request: Request, engine: EngineRuns, stack: auto.Stack, *, refresh: bool
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
