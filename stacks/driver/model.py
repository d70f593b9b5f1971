"""What the driver is asked, what it says while it works, and what it answers: plain data, safe to send and to print."""

import dataclasses
import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from engine import EngineEnv
from factory.errors import MillwrightError
from factory.outputs import AppFactoryOutputs, PlatformOutputs, StackOutputs
from factory.paths import FactoryRoot
from factory.settings import Settings
from stacks.shared_platform import Spec, Which, stack_of

# What marks a value that is none of its own kinds (a secret, an asset) in the engine's JSON.
MARK = "4dabf18193072939515e22adb298388d"


class Kind(StrEnum):
    """The operations on a stack. `drift` compares the state with the cloud and changes neither.

    `refresh` brings the state in line with the cloud; `import_state` replaces it by an exported one. `import` is the
    plain door's own: the driver records it and does not offer it.
    """

    PREVIEW = "preview"
    UP = "up"
    DESTROY = "destroy"
    DRIFT = "drift"
    REFRESH = "refresh"
    IMPORT = "import"
    IMPORT_STATE = "import_state"


@dataclass(frozen=True, kw_only=True)
class Request:
    """One operation to carry out: everything a process of its own needs, and safe to send to it.

    `release` names what the environment is to serve (None: what is wanted there); `returns_from` the bad release that
    it replaces by itself; `actor` is who does it; `state` is what replaces the stack's, for an import;
    `plans` is the folder in which a preview keeps its plan.
    """

    root: FactoryRoot
    settings: Settings
    env: EngineEnv
    spec: Spec
    environment: Which
    kind: Kind
    refresh: bool = False
    id: str
    release: int | None = None
    returns_from: int | None = None
    actor: str = "unattested"
    state: dict[str, Any] | None = None
    plans: Path | None = None

    @property
    def stack(self) -> str:
        """The stack's name."""
        return stack_of(self.spec, self.environment)


@dataclass(frozen=True, kw_only=True)
class StackEvent:
    """Something that happened in an operation on `stack`."""

    stack: str

    def as_json(self) -> dict[str, Any]:
        """The event as one JSON object; `event` names its type."""
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {"event": name} | {key: _plain(value) for key, value in values.items()}


@dataclass(frozen=True, kw_only=True)
class Waiting(StackEvent):
    """Another operation holds the stack; this one goes on when it ends."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Started(StackEvent):
    """The engine starts on it."""

    kind: Kind


@dataclass(frozen=True, kw_only=True)
class Step:
    """One resource and what happens to it. `action` is the engine's word: create, update, replace, delete, same ..."""

    urn: str
    type: str
    name: str
    action: str
    properties: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StepStarted(StackEvent):
    """A resource's turn has come."""

    step: Step


@dataclass(frozen=True, kw_only=True)
class StepDone(StackEvent):
    """A resource is as declared (in a preview: would be)."""

    step: Step


@dataclass(frozen=True, kw_only=True)
class StepFailed(StackEvent):
    """A resource could not be made as declared; a `Diagnostic` says why."""

    step: Step


@dataclass(frozen=True, kw_only=True)
class Diagnostic(StackEvent):
    """What the engine, a provider or the program has to say. `severity` is info, warning or error."""

    severity: str
    message: str
    urn: str


@dataclass(frozen=True, kw_only=True)
class Violation(StackEvent):
    """A policy's verdict on one resource. `level` is mandatory (the operation stops) or advisory.

    `deferred`: it says no more than that a preview cannot decide it, and the update does.
    """

    policy: str
    level: str
    message: str
    urn: str
    deferred: bool = False


@dataclass(frozen=True, kw_only=True)
class Result:
    """How an operation ended well. `changes` counts steps by action; `duration` is in seconds."""

    stack: str
    kind: Kind
    changes: dict[str, int]
    steps: tuple[Step, ...]
    duration: float
    version: int | None = None
    outputs: StackOutputs | None = None

    @property
    def changed(self) -> tuple[Step, ...]:
        """The steps that are more than `same`."""
        return tuple(step for step in self.steps if step.action not in UNCHANGED)

    def as_json(self) -> dict[str, Any]:
        """The result as one JSON object."""
        return {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}


@dataclass(frozen=True, kw_only=True)
class Finished(StackEvent):
    """The last event of an operation that ended well."""

    result: Result


@dataclass(frozen=True, kw_only=True)
class Failed(StackEvent):
    """The last event of an operation that did not: the error that `Operation.result` raises."""

    error: MillwrightError = field(repr=False)

    def as_json(self) -> dict[str, Any]:
        """The event as one JSON object."""
        return {"event": "failed", "stack": self.stack} | error_json(self.error)


# Words of the engine for a resource that stays as it is.
UNCHANGED = frozenset({"same", "read", "refresh"})


def error_json(error: MillwrightError) -> dict[str, Any]:
    """An error as JSON: message, hint, exit code, and every located problem."""
    problems = [dataclasses.asdict(problem) for problem in error.problems]
    return {
        "error": str(error),
        "hint": error.hint,
        "exit_code": int(error.exit_code),
        **({"problems": problems} if problems else {}),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, AppFactoryOutputs | PlatformOutputs):
        return value.model_dump()
    if isinstance(value, Result):
        return value.as_json()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
