"""The plain door's hooks: what has to hold before `pulumi <command> -s <stack>`, and what is recorded after it.

Run by the `pulumi` shim in EngineEnv's environment, under the stack's lock where the command changes something, as
`python -m stacks.door before <command> <stack> [<flag>...]`, `... after <command> <stack> <exit code> [refreshed]`, or,
when the shim itself refuses a command line, `... refused <reason> [<word>...]`. `engine.commands` says what each
command does and which flags it may have on production.
"""

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from engine import engines_at_work
from engine.commands import COMMANDS, REFRESHED, Effect, forbidden
from factory import db
from factory.errors import ExitCode, InputError, MillwrightError, UpdateFailed
from factory.outputs import outputs_from
from factory.paths import FactoryRoot, find_root
from factory.settings import Settings, load
from factory.spec import Environment, app_names, load_app
from policies.score import Score
from stacks import destruction, places, production
from stacks.account_trail import require_trail
from stacks.driver import ledger, unsettled
from stacks.driver.cli import run_cli, state_file
from stacks.driver.model import Kind, Result
from stacks.driver.prepare import cloud_generation, ensure_stack
from stacks.driver.recover import look, settle
from stacks.names import resolve
from stacks.shared_platform import PLATFORM, Spec, Which, stack_of

DOOR = ledger.By(door="plain")
KINDS = {"up": Kind.UP, "destroy": Kind.DESTROY, "refresh": Kind.REFRESH, "import": Kind.IMPORT}
# Neither run the program nor need the stack to be there.
NOT_RUN = frozenset({Effect.READS, Effect.SELECTS, Effect.STATE})


def main() -> int:
    """Run one hook; the exit code is the command's when it refuses."""
    moment, *words = sys.argv[1:]
    try:
        root = find_root(Path.cwd())
        settings = load(root)
        if moment == "refused":
            refused(root, settings, *words)
            return ExitCode.OK
        command, stack, *rest = words
        spec, environment = resolve(root, stack)
        if moment == "before":
            before(root, settings, spec, environment, command, rest)
        else:
            code, *words = rest
            after(root, settings, spec, environment, command, int(code), refreshed=REFRESHED in words)
    except MillwrightError as error:
        sys.stderr.write(f"error: {error.rendered()}\n")
        return int(error.exit_code)
    return ExitCode.OK


def before(
    root: FactoryRoot,
    settings: Settings,
    spec: Spec,
    environment: Which,
    command: str,
    flags: Sequence[str] = (),
) -> None:
    """Refuse what must not happen, create a declared stack that is not there yet, and write the intent down.

    Raises DecisionRequired for production, InputError for a command nobody knows or a real account without a trail,
    UpdateFailed when the stack cannot be created.
    """
    stack = stack_of(spec, environment)
    if environment is Environment.PRODUCTION or (stack, command) == (PLATFORM, "destroy"):
        database = db.connect(root, settings)
        if place := places.in_production(root, settings, database, spec, environment):
            _require_decided(place, command, flags)
        else:
            destruction.require_destroyable(root, settings, database)
    if command not in COMMANDS:
        raise InputError(f"pulumi {command} is not for this factory's stacks")
    effect = COMMANDS[command].effect
    if effect in NOT_RUN:
        if effect is Effect.STATE:
            _settle_first(root, settings, stack)
        return
    if KINDS.get(command) is Kind.UP:
        require_trail(root, settings, spec)
    # Any other holds no lock: an engine may be at work.
    killed = effect is Effect.CLOUD and look(root, settings, stack, _waiting(stack))
    ensure_stack(root, spec, environment, _cli(), secrets_provider=settings.secrets_provider)
    if kind := KINDS.get(command):
        database = db.connect(root, settings)
        generation = cloud_generation(root, settings)
        again = kind in (Kind.UP, Kind.DESTROY)
        settled = settle(root, settings, stack, _cli(), killed=killed, creates_again=again)
        if settled or ledger.is_stale(database, stack, generation):
            # Read by the shim: the engine must look up what the cloud still holds before it goes on.
            sys.stdout.write(json.dumps({"refresh": True}))
        place = places.place_of(root, settings, database, spec, environment)
        declared = production.declared_digest(place, None) if place else spec.digest()
        ledger.started(database, spec, environment, kind, replace(DOOR, spec=declared), cloud_generation=generation)
        unsettled.begin(root, settings, stack, owed=settled)


def _settle_first(root: FactoryRoot, settings: Settings, stack: str) -> None:
    """What a killed engine left is settled while the state still names what it named then; nobody is waited for."""
    state = state_file(root, stack)
    if state and state.is_file() and not engines_at_work(root, settings, stack):
        killed = look(root, settings, stack, _waiting(stack))
        if killed:
            settle(root, settings, stack, _cli(), killed=True, creates_again=False)


def _waiting(stack: str) -> Callable[[str], None]:
    return lambda why: print(f"waiting for {stack}: {why}", file=sys.stderr)


def _require_decided(place: places.Place, command: str, flags: Sequence[str]) -> None:
    """Production by the plain door: what was decided may be applied again, seen and refreshed; nothing else.

    The program verifies the same once more, so leaving this door out gains nothing.
    """
    if command == "destroy":
        places.refuse(
            place,
            "it is destroyed by a person's recorded decision, not by a plain destroy",
            hint=f"millwright destroy {place.spec.name} {place.environment} asks for one, and carries it out",
        )
    excess = forbidden(command, flags)
    if excess is None:
        places.refuse(place, f"pulumi {command} is not for it: it changes only by a person's recorded decision")
    effect = COMMANDS[command].effect
    if effect is Effect.CLOUD:
        production.require_release(place)
    elif effect in (Effect.PREVIEWS, Effect.CREATES):
        production.require_proposal(place)
    if excess:
        names = ", ".join(flag.partition("=")[0] if not flag.startswith("--refresh") else flag for flag in excess)
        allowed = ", ".join(f"--{name}" for name in sorted(COMMANDS[command].on_production or ()))
        places.refuse(
            place, f"pulumi {command} on it takes no {names}: that was never decided", hint=f"it takes {allowed}"
        )


def refused(root: FactoryRoot, settings: Settings, reason: str, *words: str) -> None:
    """The shim refuses a command line: it is an event where one of its words ends in the name of a production stack.

    Raises DecisionRequired then; the shim tells its own reason otherwise.
    """
    for spec in (load_app(root, app) for app in app_names(root)):
        stack = spec.stack(Environment.PRODUCTION)
        if Environment.PRODUCTION in spec.environments and any(word.endswith(stack) for word in words):
            place = places.Place(root, settings, db.connect(root, settings), spec, Environment.PRODUCTION)
            places.refuse(place, f"{reason}; it changes only by a person's recorded decision")


def after(
    root: FactoryRoot,
    settings: Settings,
    spec: Spec,
    environment: Which,
    command: str,
    exit_code: int,
    *,
    refreshed: bool = False,
) -> None:
    """Write down how the command ended: its event, and the stack's row with its outputs.

    `refreshed`: it was to bring the whole state in line with the cloud. Raises UpdateFailed when the engine cannot be
    asked.
    """
    kind = KINDS.get(command)
    if kind is None:
        return
    unsettled.end(root, settings, stack_of(spec, environment), refreshed=refreshed and not exit_code)
    database = db.connect(root, settings)
    if exit_code:
        ledger.failed(database, spec, environment, kind, DOOR, reason=f"pulumi exited with {exit_code}")
        return
    stack = stack_of(spec, environment)
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
    score = _score(root, stack) if kind is Kind.UP else None
    ledger.ended(database, spec, environment, result, DOOR, cloud_generation=generation, score=score)


def _score(root: FactoryRoot, stack: str) -> Score | None:
    # Imported late: the rules take a tenth of a second, and most commands judge nothing.
    from stacks.driver import scores

    return scores.standing(root, stack, lambda: scores.judges(root), _cli(), lambda why: print(why, file=sys.stderr))


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
