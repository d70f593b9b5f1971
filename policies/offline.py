"""What the pack says of a stack that a file describes: `millwright policy check`, for CI and for looking back."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from policies.accepted import NONE, Accepting, statement
from policies.context import context_of
from policies.evaluation import Verdict, judge
from policies.model import Control, Enforcement
from policies.resources import Stack
from policies.settings import PolicySettings

if TYPE_CHECKING:
    from factory.exceptions import Accepted


class Outcome(Enum):
    """What all verdicts come to."""

    PASSED = "passed"
    FAILED = "failed"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Told:
    """One verdict that is no pass, and the exception that covers it, if one does."""

    verdict: Verdict
    level: Enforcement
    exception: "Accepted | None" = None

    @property
    def urn(self) -> str:
        """Whose it is; "" for the stack as a whole."""
        return self.verdict.resource.urn if self.verdict.resource else self.verdict.finding.urn

    @property
    def path(self) -> str:
        """Which property of it."""
        return self.verdict.place

    @property
    def message(self) -> str:
        """What is wrong with the property; "is not known here" where that cannot be told."""
        return statement(self.verdict) if self.verdict.failed else "is not known here"

    def as_json(self) -> dict[str, Any]:
        """As a document."""
        control = self.verdict.control
        accepted = {"accepted": self.exception.as_json()} if self.exception else {}
        return {
            "control": control.number,
            "rule": control.id,
            "severity": control.severity.value,
            "level": self.level.value,
            "urn": self.urn,
            "path": self.path,
            "message": self.message,
            "fix": control.fix,
            **accepted,
        }


@dataclass(frozen=True)
class Checked:
    """What the pack says of one stack."""

    stack: str
    resources: int
    findings: tuple[Told, ...]
    deferred: tuple[Told, ...]
    """What only the engine can decide, when it knows the values."""
    accepted: tuple[Told, ...] = ()
    """Failures that a person accepted: each has its `exception`, and fails nothing."""

    def outcome(self, fail_on: Enforcement = Enforcement.MANDATORY) -> Outcome:
        """A finding of at least the level `fail_on` fails; so do, without one, mandatory rules that stay undecided."""
        counting = {Enforcement.MANDATORY, fail_on}
        if any(told.level in counting for told in self.findings):
            return Outcome.FAILED
        if any(told.level is Enforcement.MANDATORY for told in self.deferred):
            return Outcome.UNDECIDED
        return Outcome.PASSED

    def as_json(self) -> dict[str, Any]:
        """As a document."""
        return {
            "stack": self.stack,
            "resources": self.resources,
            "findings": [told.as_json() for told in self.findings],
            "deferred": [told.as_json() for told in self.deferred],
            "accepted": [told.as_json() for told in self.accepted],
        }


def check(
    controls: Sequence[Control], name: str, stack: Stack, settings: PolicySettings, accepting: Accepting = NONE
) -> Checked:
    """Judge the stack called `name` by `controls`, with what people have accepted. Raises RuleBroke."""
    context = context_of(name, settings=settings, own=tuple(control for control in controls if control.is_own))
    told = [
        Told(verdict, verdict.control.enforcement.at(context.environment), accepting.of(verdict))
        for verdict in judge(controls, stack, context)
    ]
    return Checked(
        stack=name,
        resources=len(stack.resources),
        findings=tuple(each for each in told if each.verdict.failed and not each.exception),
        accepted=tuple(each for each in told if each.exception),
        deferred=tuple(each for each in told if not each.verdict.failed),
    )
