"""Which failures a person accepted: `exceptions.yaml` as the pack uses it, by every door.

An exception covers a failure only, and one that can be seen: what is not known yet, what is about a value that the
program keeps secret, and a rule that broke, stay what they are.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from factory.errors import InputError
from factory.paths import FactoryRoot, find_root
from factory.settings import Settings, load
from policies.evaluation import Verdict
from policies.model import Control, Fail
from policies.resources import ROOT, Stack
from policies.settings import load_policies, settings_file

if TYPE_CHECKING:
    from factory.exception_file import Exceptions
    from factory.exceptions import Accepted

_RESTS = "exceptions themselves rest on it"
_OTHERS = "it opens one app to another, whose people were not asked"
NEVER: Final = {
    "no-opaque-resources": "the pack cannot see what such a resource makes, so nobody knows what is accepted",
    "own-accounts-only": "it says on whose account everything else is judged",
    "joined-within-app": _OTHERS,
    "secrets-of-own-app": _OTHERS,
    "agents-write-no-guard": _RESTS,
    "trail-complete": _RESTS,
    "audit-bucket-locked": _RESTS,
    "production-human-gate": _RESTS,
}
"""Controls of which no finding can be accepted, each with why."""


def utc_now() -> datetime:
    """The present time."""
    return datetime.now(UTC)


def never_excepted(control: Control) -> str:
    """Why no finding of the control can be accepted; "" when one can be."""
    return NEVER.get(control.id, "")


def controls(root: FactoryRoot) -> dict[str, str]:
    """Every control that an exception may name, with why it is never excepted; "" when it may be.

    Raises InputError for a mistake in policies.yaml or in a rule of the factory's own.
    """
    from policies.own import controls_of

    known = controls_of(settings_file(root), load_policies(root))
    return {control.id: never_excepted(control) for control in known}


@dataclass(frozen=True)
class Accepting:
    """The exceptions of one stack, whose own URN is `urn`."""

    entries: "tuple[Accepted, ...]" = ()
    urn: str = ""
    clock: Callable[[], datetime] = field(default=utc_now)

    def of(self, verdict: Verdict) -> "Accepted | None":
        """The exception that covers this verdict now; None when none does, and for whatever is no visible failure."""
        if not self.entries or not verdict.failed or _hidden(verdict):
            return None
        found, now = fingerprint_of(verdict), self.clock()
        # What is missing from a stack is missing from the stack's own resource.
        urn = (verdict.resource.urn if verdict.resource else verdict.finding.urn) or self.urn
        for entry in self.entries:
            named = entry.rule == verdict.control.id and entry.fingerprint == found
            if named and entry.covers(urn) and not entry.expired(now):
                return entry
        return None


NONE: Final = Accepting()


def statement(verdict: Verdict) -> str:
    """What a failure says of its property, the value included where it may be shown; "" when it is none."""
    if not isinstance(verdict.finding, Fail):
        return ""
    shown = f" (found {verdict.shown})" if verdict.shown else ""
    return f"{verdict.finding.message}{shown}"


def fingerprint_of(verdict: Verdict) -> str:
    """The fingerprint of a failure, as an exception carries it."""
    from factory.exceptions import policy_fingerprint

    return policy_fingerprint(verdict.control.id, verdict.place, statement(verdict))


def _hidden(verdict: Verdict) -> bool:
    """Whether it is about a secret value: its place is not told exactly, so two of them would look alike."""
    path, secrets = verdict.finding.path, verdict.resource.secrets if verdict.resource else ()
    return any(path[: len(secret)] == secret for secret in secrets)


def stack_urn(stack: str, project: str) -> str:
    """The URN of the resource that stands for a stack as a whole."""
    return f"urn:pulumi:{stack}::{project}::{ROOT}::{project}-{stack}"


def project_of(stack: Stack) -> str:
    """The project that a stack's resources are of."""
    return next((resource.urn.split("::")[1] for resource in stack.resources if "::" in resource.urn), "")


def exceptions_of(
    root: FactoryRoot, settings: Settings | None = None, clock: Callable[[], datetime] = utc_now
) -> "Exceptions":
    """The exceptions of a factory, for the pack's findings and the scanners'.

    Raises InputError that names every mistake of the file: then none holds, and whoever asks does not go on.
    """
    # Imported late: few factories have any, and what reads people and signatures takes a tenth of a second.
    from factory.exception_file import load_exceptions
    from factory.exceptions import FILE

    known = controls(root) if (root.path / FILE).exists() else {}
    return load_exceptions(root, settings or load(root), known, clock())


def accepting(root: FactoryRoot, stack: str, project: str, *, clock: Callable[[], datetime] = utc_now) -> Accepting:
    """The exceptions of one stack. Raises InputError as `exceptions_of`, and when one of that stack has expired."""
    from factory.exceptions import FILE

    if not (root.path / FILE).exists():
        return NONE
    return Accepting(exceptions_of(root, clock=clock).of_stack(stack, clock()), stack_urn(stack, project), clock)


def accepting_here(stack: str, project: str) -> Accepting:
    """The same of the factory that the working folder belongs to; none outside of any factory."""
    try:
        root = find_root(Path.cwd())
    except InputError:
        return NONE
    return accepting(root, stack, project)
