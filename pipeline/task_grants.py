"""What a task holds: asked for before it begins, prolonged while it runs, and over with it.

The worker asks for it and keeps the tokens in its memory; a worker that takes a task up after another has died asks
anew, and what the dead one held is ended first.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock

from access.client import Access, SecretRead, TaskAsks, Told, Upstream
from factory.access_rules import rule_for
from factory.errors import AccessDenied, CloudUnavailable, MillwrightError
from factory.spec import AppSpec, Environment, Function, Scope, Tool
from factory.spec.access import MODEL, REPOSITORY

# How long a grant outlives the worker that prolongs it.
LEASE_MINUTES = 10
# It is prolonged when less than this is left of it.
RENEW_SECONDS = 300.0
BEAT_SECONDS = 2.0
MOVE_SECONDS = 60.0
POLL_SECONDS = 0.1
# Between two looks whether people have decided.
WAIT_SECONDS = 0.5
DATABASES, SECRETS, APIS = "databases", "secrets", "apis"
# What a task asks for when a rule lets it, and goes on without when it is over.
USED = (DATABASES, SECRETS, APIS)
ACTIVE, REQUESTED = "active", "requested"


@dataclass(frozen=True, kw_only=True)
class Holder:
    """The task that asks: one run of one function on a change, whose author is `on_behalf_of`."""

    app: str
    change: str
    function: Function
    task: str
    attempt: int
    on_behalf_of: str


@dataclass(frozen=True)
class People:
    """Hears, over and over, that people have to decide on something (it may raise), and once that they have."""

    wait: Callable[[Told], None]
    decided: Callable[[], None]


@dataclass(frozen=True)
class Need:
    """One thing that a task asks for, in build."""

    resource: str
    scope: Scope
    reason: str


def needs(spec: AppSpec, function: Function, branch: str | None) -> list[Need]:
    """What a task asks for: its model, its branch (None: it only reads), and the databases, secrets and APIs that
    app.yaml lets its function into, if it has a tool that could use them.
    """
    does, scope = (f"writes the branch {branch}", Scope.WRITE) if branch else ("reads a commit", Scope.READ)
    return [
        Need(MODEL, Scope.READ, f"the {function} asks it"),
        Need(REPOSITORY, scope, f"the {function} {does}"),
        *(_used(spec, function) if Tool.RUN in spec.tools_of(function) else ()),
    ]


def _used(spec: AppSpec, function: Function) -> Iterator[Need]:
    for resource in (f"{kind}.{name}" for kind in USED for name in getattr(spec, kind)):
        # A secret is read and nothing else.
        scopes = [Scope.READ] if _kind(resource) == SECRETS else list(Scope)
        found = [(scope, rule_for(spec, function, resource, Environment.BUILD, scope)) for scope in scopes]
        allowed = [(scope, rule.approval) for scope, rule in found if rule]
        # As far as nobody has to be asked; where people are asked for all of it, as far as it goes.
        if scopes := [scope for scope, asked in allowed if asked is None] or [scope for scope, _ in allowed]:
            yield Need(resource, scopes[-1], f"the {function}'s commands use it")


class TaskGrants:
    """What one task holds now. Safe to use from many threads."""

    def __init__(self, access: Access, holder: Holder, held: dict[str, Told]) -> None:
        self._access, self._holder, self._held = access, holder, held
        self._lock = Lock()
        self._beaten = time.monotonic()
        self._over: AccessDenied | None = None
        # What is over and the task goes on without; and values of secrets, read once.
        self._gone: dict[str, str] = {}
        self._values: dict[str, SecretRead] = {}

    @property
    def ids(self) -> dict[str, str]:
        """The grants' ids, by resource."""
        return {resource: told.grant["id"] for resource, told in self._held.items()}

    def held(self, kind: str) -> dict[str, Told]:
        """Those of a kind (`databases`) that are held now, by name."""
        with self._lock:
            return {_name(resource): told for resource, told in self._held.items() if _kind(resource) == kind}

    def gone(self, kind: str) -> dict[str, str]:
        """Those of a kind that are over, by name, and why."""
        with self._lock:
            return {_name(resource): why for resource, why in self._gone.items() if _kind(resource) == kind}

    def secrets(self) -> dict[str, SecretRead | MillwrightError]:
        """The values of the secrets that are held now, by name, each read once; or why one cannot be read."""
        found: dict[str, SecretRead | MillwrightError] = {}
        for name, told in self.held(SECRETS).items():
            try:
                if name not in self._values:
                    self._values[name] = self._access.secret(told.grant["id"], told.token)
                found[name] = self._values[name]
            except MillwrightError as error:
                found[name] = error
        return found

    @property
    def values(self) -> dict[str, str]:
        """Every value that was read for the task, by the secret's name: those too that it does not hold any more."""
        return {name: read.value for name, read in self._values.items()}

    def beat(self) -> None:
        """Look, now and then, whether all of it holds, and prolong it. Raises AccessDenied: something is over."""
        if self._over or time.monotonic() - self._beaten >= BEAT_SECONDS:
            self._beaten = time.monotonic()
            self.require()

    def require(self) -> None:
        """Prolong what is held. Raises AccessDenied when the model or the branch is over, or nobody can tell whether it
        is.
        """
        with self._lock:
            if self._over:
                # It stays so, whatever comes later.
                raise self._over
            try:
                self._hold()
            except AccessDenied as error:
                self._over = error
                raise

    def _hold(self) -> None:
        try:
            self._look()
        except CloudUnavailable:
            # The access plane begins anew; what is held is held until its lease is over.
            for resource in self._held:
                if self._left(resource) <= 0:
                    raise AccessDenied(f"nobody prolongs {resource}: the access plane does not answer") from None
            return
        for resource in list(self._held):
            # One that was prolonged, or is gone, by then is none; a plane that begins anew is asked at the next look.
            with contextlib.suppress(CloudUnavailable):
                if resource in self._held and self._left(resource) < RENEW_SECONDS:
                    self._renew(resource)

    def model(self, failed: str = "") -> Upstream:
        """Where the task's calls of the model go; not to `failed`, which does not answer: another one is waited for.

        Raises AccessDenied when the grant is over, CloudUnavailable when there is no other address in time.
        """
        deadline = time.monotonic() + MOVE_SECONDS
        while True:
            with self._lock:
                told = self._held[MODEL]
                if told.grant["door"] != failed:
                    return Upstream(told.grant["door"], told.token)
                with contextlib.suppress(CloudUnavailable):
                    self._look()
            if time.monotonic() > deadline:
                raise CloudUnavailable("the model's relay does not answer")
            time.sleep(POLL_SECONDS)

    def _look(self) -> None:
        found = self._access.of_task(self._holder.app, self._holder.task)
        for resource, told in list(self._held.items()):
            now = found.get(told.grant["id"])
            if now is None or now.grant["state"] != ACTIVE:
                why = "it is in no table" if now is None else now.grant["ended_reason"] or f"it is {now.grant['state']}"
                if _kind(resource) in USED:
                    self._gone[resource] = why
                    del self._held[resource]
                    continue
                raise AccessDenied(
                    f"the grant of {resource} to {self._holder.function} is over: {why}",
                    hint=f"millwright access show {told.grant['id']}",
                )
            self._held[resource] = Told(grant=now.grant, token=told.token)

    def _renew(self, resource: str) -> None:
        told = self._held[resource]
        # At its hard limit it is not prolonged any more, and ends by itself.
        if told.grant["lease_until"] >= told.grant["hard_until"]:
            return
        try:
            self._held[resource] = self._access.renew(told, LEASE_MINUTES)
        except AccessDenied:
            self._look()
            now = self._held.get(resource)
            # It may have moved since it was looked at: its relay began anew. What the task goes on without ends by
            # itself when nobody prolongs it.
            if now is not None and now.grant["fence"] == told.grant["fence"] and _kind(resource) not in USED:
                raise

    def _left(self, resource: str) -> float:
        until = datetime.fromisoformat(self._held[resource].grant["lease_until"])
        return (until - datetime.now(UTC)).total_seconds()


def _kind(resource: str) -> str:
    return resource.partition(".")[0]


def _name(resource: str) -> str:
    return resource.partition(".")[2]


@contextlib.contextmanager
def taken(access: Access, spec: AppSpec, holder: Holder, wanted: list[Need], people: People) -> Iterator[TaskGrants]:
    """Everything that is wanted, held while the block runs; it ends with the task (its event), or with an error here.

    Raises AccessDenied: something is not given; CloudUnavailable; what `people` raises.
    """
    access.end_task(holder.app, holder.task, "the task is taken up anew")
    try:
        # What people are asked for first: what nobody is asked for would be over before they have decided.
        order = sorted(wanted, key=lambda need: _approval(spec, holder, need) is None)
        yield TaskGrants(access, holder, _given(access, spec, holder, order, people))
    except Exception:
        # Were this lost, too, the leases would be the bound.
        with contextlib.suppress(MillwrightError):
            access.end_task(holder.app, holder.task, "the task could not go on")
        raise


def _given(access: Access, spec: AppSpec, holder: Holder, order: list[Need], people: People) -> dict[str, Told]:
    given: dict[str, Told] = {}
    for need in order:
        told = access.ask(_asks(spec, holder, need))
        if told.grant["state"] == REQUESTED:
            while (told := access.now(told)).grant["state"] == REQUESTED:
                people.wait(told)
                time.sleep(WAIT_SECONDS)
            people.decided()
        given[need.resource] = told
    return {resource: access.opened(told) for resource, told in given.items()}


def _asks(spec: AppSpec, holder: Holder, need: Need) -> TaskAsks:
    rule = rule_for(spec, holder.function, need.resource, Environment.BUILD, need.scope)
    # What people approve is for the time that they are shown, and is not prolonged beyond it.
    longest = rule.lease if rule else LEASE_MINUTES
    minutes = longest if rule and rule.approval else min(LEASE_MINUTES, longest)
    return TaskAsks(
        **vars(holder),
        environment=Environment.BUILD,
        resource=need.resource,
        scope=need.scope,
        reason=need.reason,
        minutes=minutes,
    )


def _approval(spec: AppSpec, holder: Holder, need: Need) -> str | None:
    rule = rule_for(spec, holder.function, need.resource, Environment.BUILD, need.scope)
    return rule.approval if rule else None
