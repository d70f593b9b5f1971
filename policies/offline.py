"""What the pack says of a stack that a file describes: `millwright policy check`, for CI and for looking back."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from policies.context import context_of
from policies.evaluation import Verdict, judge
from policies.model import Control, Enforcement, Fail
from policies.resources import Stack
from policies.settings import PolicySettings


class Outcome(Enum):
    """What all verdicts come to."""

    PASSED = "passed"
    FAILED = "failed"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Told:
    """One verdict that is no pass."""

    verdict: Verdict
    level: Enforcement

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
        if not isinstance(self.verdict.finding, Fail):
            return "is not known here"
        shown = f" (found {self.verdict.shown})" if self.verdict.shown else ""
        return f"{self.verdict.finding.message}{shown}"

    def as_json(self) -> dict[str, Any]:
        """As a document."""
        control = self.verdict.control
        return {
            "control": control.number,
            "rule": control.id,
            "severity": control.severity.value,
            "level": self.level.value,
            "urn": self.urn,
            "path": self.path,
            "message": self.message,
            "fix": control.fix,
        }


@dataclass(frozen=True)
class Checked:
    """What the pack says of one stack."""

    stack: str
    resources: int
    findings: tuple[Told, ...]
    deferred: tuple[Told, ...]
    """What only the engine can decide, when it knows the values."""

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
        }


def check(controls: Sequence[Control], name: str, stack: Stack, settings: PolicySettings) -> Checked:
    """Judge the stack called `name` by `controls`. Raises RuleBroke."""
    context = context_of(name, settings=settings, own=tuple(control for control in controls if control.is_own))
    told = [
        Told(verdict, verdict.control.enforcement.at(context.environment))
        for verdict in judge(controls, stack, context)
    ]
    return Checked(
        stack=name,
        resources=len(stack.resources),
        findings=tuple(each for each in told if each.verdict.failed),
        deferred=tuple(each for each in told if not each.verdict.failed),
    )
