"""`Driver`: the only code that changes stacks. One process per operation; many operations at once."""

import contextlib
import multiprocessing
import os
import signal
import sys
import uuid
from collections.abc import Callable, Iterator
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import TypedDict, Unpack

from engine import EngineEnv
from factory.errors import InputError, Interrupted, MillwrightError, UpdateFailed
from factory.outputs import AppFactoryOutputs, PlatformOutputs, StackOutputs
from factory.paths import FactoryRoot
from factory.settings import Settings
from factory.spec import Environment
from stacks.driver.cancelling import Asked, cancel
from stacks.driver.following import Follows
from stacks.driver.history import LIMIT, Update, read_history
from stacks.driver.model import Failed, Finished, Kind, Request, Result, StackEvent
from stacks.driver.state import State, check, export
from stacks.names import declared
from stacks.shared_platform import PLATFORM, Shared, Spec, Which, stack_of

END_SECONDS = 30
UNATTESTED = "unattested"
OnEvent = Callable[[StackEvent], None] | None
OFFERED = frozenset({Kind.PREVIEW, Kind.UP, Kind.DESTROY, Kind.DRIFT, Kind.REFRESH})


class Operation(Follows):
    """An operation under way. Read `events` (or `aevents`) to its end, or call `result`, which does."""

    def __init__(self, stack: str, process: multiprocessing.process.BaseProcess, connection: Connection) -> None:
        self.stack = stack
        self._process = process
        self._connection = connection
        self._last: Finished | Failed | None = None
        self._interrupted = False

    def events(self) -> Iterator[StackEvent]:
        """Every event, as it comes; the last one is Finished or Failed."""
        while self._last is None:
            try:
                event: StackEvent = self._connection.recv()
            except (EOFError, OSError):
                event = Failed(stack=self.stack, error=self._ended_early())
            if isinstance(event, Finished | Failed):
                self._last = event
                self._connection.close()
                self._process.join(END_SECONDS)
            yield event

    def _ended_early(self) -> MillwrightError:
        hint = "run it again: it goes on from the saved state"
        if self._interrupted:
            return Interrupted(f"the operation on {self.stack} was interrupted", hint=hint)
        return UpdateFailed(f"the process of the operation on {self.stack} ended without a word (killed?)", hint=hint)

    def result(self) -> Result:
        """How it ended. Raises the MillwrightError of an operation that failed."""
        for _ in self.events():
            pass
        if isinstance(self._last, Finished):
            return self._last.result
        if self._last is None:
            raise UpdateFailed(f"the operation on {self.stack} has no result")
        raise self._last.error

    def interrupt(self) -> None:
        """Ask it to stop: the engine ends what is under way and saves its state. A second call ends it at once."""
        self._interrupted = True
        if self._process.pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            try:
                os.killpg(self._process.pid, signal.SIGINT)
            except ProcessLookupError:
                # It has only just started, and is not yet a group of its own: nothing is under way.
                os.kill(self._process.pid, signal.SIGINT)


class _Options(TypedDict, total=False):
    refresh: bool
    release: int | None
    returns_from: int | None
    actor: str
    state: State | None
    plans: Path | None


class Driver:
    """Previews, updates and destroys the environments of a factory's apps.

    Processes are forked from a server that has imported the SDKs once: the first operation pays for it, the others
    start in milliseconds.
    """

    def __init__(self, root: FactoryRoot, settings: Settings, env: EngineEnv) -> None:
        self._root = root
        self._settings = settings
        self._env = env
        self._context = _forking()

    def start(
        self,
        kind: Kind,
        app: str,
        environment: str,
        *,
        refresh: bool = False,
        release: int | None = None,
        returns_from: int | None = None,
        actor: str = UNATTESTED,
    ) -> Operation:
        """Begin an operation and return at once. With `refresh`, the engine looks up what the cloud holds first.

        `release` names what the environment is to serve; without, it is what is wanted there. `returns_from` says for
        the history which bad release it takes the place of by itself. Raises InputError for an app or environment that
        is not declared, DecisionRequired for production where nobody decided on it.
        """
        if kind not in OFFERED:
            raise InputError(f"the driver does not start {kind}", hint=f"one of {', '.join(sorted(OFFERED))}")
        named: _Options = {"refresh": refresh, "release": release, "returns_from": returns_from, "actor": actor}
        return self._begin(kind, app, environment, **named)

    def start_preview(
        self, app: str, environment: str, *, refresh: bool = False, plans: Path | None = None
    ) -> Operation:
        """Begin a preview; with `plans`, the engine's plan is in this folder when it ends, as STACK.json.

        There is a plan also where the policies refuse it, and none where the program fails. Raises as `start`.
        """
        return self._begin(Kind.PREVIEW, app, environment, refresh=refresh, plans=plans)

    def _begin(self, kind: Kind, app: str, environment: str, **options: Unpack[_Options]) -> Operation:
        spec, which = declared(self._root, app, environment)
        require_decided(self._root, self._settings, spec, which, kind, options.get("release"))
        if (state := options.get("state")) is not None:
            check(self._root, stack_of(spec, which), state)
        request = Request(
            root=self._root,
            settings=self._settings,
            env=self._env,
            spec=spec,
            environment=which,
            kind=kind,
            id=uuid.uuid4().hex[:12],
            **options,
        )
        here, there = self._context.Pipe()
        process = self._context.Process(target=_work, args=(request, there), name=f"{kind} {request.stack}")
        process.start()
        there.close()
        return Operation(request.stack, process, here)

    def preview(self, app: str, environment: str, on_event: OnEvent = None, *, release: int | None = None) -> Result:
        """What `up` would change; nothing is changed. A `release` may be one that is still to be decided."""
        return self._carry_out(self.start(Kind.PREVIEW, app, environment, release=release), on_event)

    def up(
        self,
        app: str,
        environment: str,
        on_event: OnEvent = None,
        *,
        release: int | None = None,
        returns_from: int | None = None,
        actor: str = UNATTESTED,
    ) -> Result:
        """Make the environment what its app.yaml declares (or its `release`). Doing it again changes nothing."""
        operation = self.start(Kind.UP, app, environment, release=release, returns_from=returns_from, actor=actor)
        return self._carry_out(operation, on_event)

    def destroy(self, app: str, environment: str, on_event: OnEvent = None) -> Result:
        """Remove everything of the environment. Doing it again changes nothing."""
        return self._carry_out(self.start(Kind.DESTROY, app, environment), on_event)

    def drift(self, app: str, environment: str, on_event: OnEvent = None) -> Result:
        """What is no longer in the cloud as it was left; nothing is changed. `changed` lists it."""
        return self._carry_out(self.start(Kind.DRIFT, app, environment), on_event)

    def refresh(self, app: str, environment: str, on_event: OnEvent = None, *, release: int | None = None) -> Result:
        """Bring the state in line with what the cloud holds; the cloud is not changed. `changed` lists it."""
        return self._carry_out(self.start(Kind.REFRESH, app, environment, release=release), on_event)

    def export_state(self, app: str, environment: str) -> State:
        """The environment's state, as `pulumi stack export` writes it: its secrets are encrypted.

        Raises InputError when it was never updated.
        """
        spec, which = declared(self._root, app, environment)
        return export(self._root, self._env, stack_of(spec, which))

    def start_import(self, app: str, environment: str, exported: State, *, actor: str = UNATTESTED) -> Operation:
        """Begin to replace the environment's state by one that was exported from it; the cloud is not changed.

        The next operation refreshes it. Raises InputError for the state of another stack, or one that shows secrets;
        DecisionRequired for production, always.
        """
        return self._begin(Kind.IMPORT_STATE, app, environment, actor=actor, state=exported)

    def import_state(
        self, app: str, environment: str, exported: State, on_event: OnEvent = None, *, actor: str = UNATTESTED
    ) -> Result:
        """The same, to its end."""
        return self._carry_out(self.start_import(app, environment, exported, actor=actor), on_event)

    def cancel(self, app: str, environment: str, *, again: bool = False) -> Asked:
        """Ask whoever works on the environment, in any process, to end cleanly; see `cancelling.cancel`."""
        return cancel(self._root, self._settings, app, environment, again=again)

    def outputs(self, app: str, environment: str) -> AppFactoryOutputs | None:
        """What the environment's last good update left; None when it does not stand."""
        found = read_outputs(self._root, self._settings, app, environment)
        return found if isinstance(found, AppFactoryOutputs) else None

    def platform_outputs(self) -> PlatformOutputs | None:
        """What the platform's last good update left; None when it does not stand."""
        found = read_outputs(self._root, self._settings, PLATFORM, Shared.SHARED)
        return found if isinstance(found, PlatformOutputs) else None

    def history(self, app: str, environment: str, *, limit: int = LIMIT) -> list[Update]:
        """The last updates of the environment, newest first, through either door. Raises InputError."""
        return read_history(self._root, self._settings, app, environment, limit=limit)

    def _carry_out(self, operation: Operation, on_event: OnEvent) -> Result:
        for event in operation.events():
            if on_event:
                on_event(event)
        return operation.result()


def _forking() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["stacks.driver.preload"])
    return context


def warm() -> None:
    """Get ready for this process's first operation while nobody waits for it (3 s); returns at once."""
    _forking()
    forkserver.ensure_running()


def _work(request: Request, connection: Connection) -> None:
    # Imported in the forked process only, where the server has it ready: the caller need not load the SDKs (2 s).
    from stacks.driver.worker import main

    main(request, connection)
    # Everything is sent, and what it started has ended: the caller need not wait until an interpreter is taken down.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def require_decided(
    root: FactoryRoot, settings: Settings, spec: Spec, environment: Which, kind: Kind, release: int | None
) -> None:
    """Refuse at once what the operation's process would refuse. Raises DecisionRequired, InputError."""
    last = kind is Kind.DESTROY and spec.name == PLATFORM
    if environment is not Environment.PRODUCTION and not last:
        return
    # Imported late: most commands need no database (0.5 s).
    from factory import db
    from stacks import destruction, places, production

    database = db.connect(root, settings)
    if last:
        destruction.require_destroyable(root, settings, database)
    place = places.in_production(root, settings, database, spec, environment)
    if place is None:
        return
    match kind:
        case Kind.UP | Kind.REFRESH:
            production.require_release(place, release)
        case Kind.IMPORT_STATE:
            production.refuse_import(place)
        case Kind.PREVIEW:
            production.require_proposal(place, release)
        case Kind.DESTROY:
            destruction.require_destroy(place)
        case _:
            production.require_standing(place)


def read_outputs(root: FactoryRoot, settings: Settings, app: str, environment: str) -> StackOutputs | None:
    """What the last good update of a stack left, without an engine; None when it does not stand."""
    # Imported late: most commands need no database (0.5 s).
    from factory import db, environments

    spec, which = declared(root, app, environment)
    with db.transaction(db.connect(root, settings)) as connection:
        record = environments.read(connection, stack_of(spec, which))
    return record.outputs if record else None
