"""The plain door's two hooks: what has to hold before `pulumi <command> -s <stack>`, and what is recorded after it.

Run by the `pulumi` shim as `python -m stacks.door before|after <command> <stack> [<exit code>]`, under the stack's
lock and in EngineEnv's environment.
"""

import contextlib
import json
import shutil
import sys
from pathlib import Path

from engine import clear_dead_locks, clear_wreckage
from factory import db
from factory.errors import DecisionRequired, ExitCode, InputError, MillwrightError, UpdateFailed
from factory.outputs import outputs_from
from factory.paths import FactoryRoot, find_root
from factory.settings import Settings, load
from factory.spec import AppSpec, Environment
from stacks import destruction, production
from stacks.driver import ledger
from stacks.driver.cli import run_cli
from stacks.driver.model import Kind, Result
from stacks.driver.prepare import cloud_generation, ensure_stack
from stacks.driver.recover import discard_unnamed, settle_pending
from stacks.names import resolve

DOOR = ledger.By(door="plain")
KINDS = {"up": Kind.UP, "destroy": Kind.DESTROY, "refresh": Kind.REFRESH, "import": Kind.IMPORT}
READS = {"preview", "stack new"}
UNHARMFUL = {"stack select"}
# Change what the backend holds without running anything.
GUARDED = {"stack remove", "stack rename", "stack import", "stack select", "state", "config"}
# Applies updates for as long as it runs: no decision, no plan, no record of each.
REFUSED = {"watch": "use `pulumi up`", "stack rename": "stacks are named by app and environment, in app.yaml"}


def main() -> int:
    """Run one hook; the exit code is the command's when it refuses."""
    moment, command, stack, *rest = sys.argv[1:]
    try:
        root = find_root(Path.cwd())
        settings = load(root)
        spec, environment = resolve(root, stack)
        if moment == "before":
            before(root, settings, spec, environment, command)
        else:
            after(root, settings, spec, environment, command, int(rest[0]))
    except MillwrightError as error:
        sys.stderr.write(f"error: {error.rendered()}\n")
        return int(error.exit_code)
    return ExitCode.OK


def before(root: FactoryRoot, settings: Settings, spec: AppSpec, environment: Environment, command: str) -> None:
    """Refuse what must not happen, create a declared stack that is not there yet, and write the intent down.

    Raises DecisionRequired for production, UpdateFailed when the stack cannot be created.
    """
    stack = spec.stack(environment)
    if command in REFUSED:
        raise InputError(f"pulumi {command} is not for this factory's stacks", hint=REFUSED[command])
    _require_decided(root, settings, spec, environment, command)
    if command in GUARDED:
        return
    killed = bool(clear_dead_locks(root, settings, stack))
    if command not in READS:
        # A preview holds no lock: an engine may be at work.
        clear_wreckage(root, settings, stack)
    ensure_stack(root, spec, environment, _cli())
    if killed:
        discard_unnamed(root, settings, stack, _cli())
    if kind := KINDS.get(command):
        database = db.connect(root, settings)
        generation = cloud_generation(root, settings)
        settled = settle_pending(root, settings, stack, _cli())
        if killed or settled or ledger.is_stale(database, stack, generation):
            # Read by the shim: the engine must look up what the cloud still holds before it goes on.
            sys.stdout.write(json.dumps({"refresh": True}))
        ledger.started(database, spec, environment, kind, DOOR, cloud_generation=generation)


def _require_decided(
    root: FactoryRoot, settings: Settings, spec: AppSpec, environment: Environment, command: str
) -> None:
    """Production by the plain door: what was decided may be applied again, seen and refreshed; nothing else.

    The program verifies the same once more, so leaving this door out gains nothing.
    """
    if environment is not Environment.PRODUCTION or command in UNHARMFUL:
        return
    place = production.Place(root, settings, db.connect(root, settings), spec, environment)
    if command in READS:
        production.require_proposal(place)
        return
    if command == "destroy":
        with contextlib.suppress(InputError):
            destruction.require_destroy(place)
        raise DecisionRequired(
            f"{place.stack} is production: it is destroyed by a decision, not by a plain destroy",
            hint=f"millwright destroy {spec.name} {environment} carries the decision out",
        )
    production.require_release(place)
    if command not in ("up", "refresh"):
        raise DecisionRequired(
            f"{place.stack} is production: pulumi {command} is not for it", hint="its state changes by updates only"
        )


def after(
    root: FactoryRoot, settings: Settings, spec: AppSpec, environment: Environment, command: str, exit_code: int
) -> None:
    """Write down how the command ended: its event, and the stack's row with its outputs.

    Raises UpdateFailed when the engine cannot be asked.
    """
    kind = KINDS.get(command)
    if kind is None:
        return
    database = db.connect(root, settings)
    if exit_code:
        ledger.failed(database, spec, environment, kind, DOOR, reason=f"pulumi exited with {exit_code}")
        return
    stack = spec.stack(environment)
    history = json.loads(_ask(root, ["stack", "history", "--stack", stack, "--json", "--page-size", "1"]))
    last = history[0] if history else {}
    outputs = json.loads(_ask(root, ["stack", "output", "--stack", stack, "--json"])) if kind is Kind.UP else {}
    result = Result(
        stack=stack,
        kind=kind,
        changes=last.get("resourceChanges") or {},
        steps=(),
        duration=0.0,
        version=last.get("version"),
        outputs=outputs_from(outputs),
    )
    generation = cloud_generation(root, settings)
    ledger.ended(database, spec, environment, result, DOOR, cloud_generation=generation)


def _cli() -> Path:
    # EngineEnv puts the real CLI's folder in front of the shim's.
    found = shutil.which("pulumi")
    if found is None:
        raise UpdateFailed("no pulumi on PATH", hint="run the hooks through the `pulumi` shim")
    return Path(found)


def _ask(root: FactoryRoot, arguments: list[str]) -> str:
    answer = run_cli(_cli(), arguments, root)
    if answer.code:
        raise UpdateFailed(f"the engine cannot say what happened: {answer.err.strip()}")
    return answer.out


if __name__ == "__main__":
    sys.exit(main())
