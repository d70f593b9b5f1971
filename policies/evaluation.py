"""Runs controls over resources: what the pack in the engine and the check without an engine both do."""

import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from factory.errors import PolicyViolation
from policies.context import Context
from policies.model import Control, Fail, Finding, render
from policies.resources import Resource, Stack


class RuleBroke(PolicyViolation):
    """A rule raised: whatever it was about to say is not known, so nothing may go on. Quotes no value."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What one control says of one resource; of the stack as a whole when `resource` is None."""

    control: Control
    finding: Finding
    resource: Resource | None

    @property
    def failed(self) -> bool:
        """Whether it is a failure; otherwise it could not be decided."""
        return isinstance(self.finding, Fail)

    @property
    def place(self) -> str:
        """Where it is, as Pulumi writes it, down to what the program marked secret: its parts are secret too."""
        path = self.finding.path
        if self.resource is not None:
            hiding = (len(secret) for secret in self.resource.secrets if path[: len(secret)] == secret)
            path = path[: min(hiding, default=len(path))]
        return render(path)

    @property
    def shown(self) -> str:
        """The offending value, where it may be shown: not what the program marked secret."""
        if not isinstance(self.finding, Fail) or not self.finding.found:
            return ""
        if self.resource is not None and self.resource.conceals(self.finding.path):
            return ""
        return self.finding.found


def judge_resource(controls: Iterable[Control], resource: Resource, context: Context) -> Iterator[Verdict]:
    """The verdicts on one resource of the controls that read its type; none on what is only read. Raises RuleBroke."""
    if not resource.declared:
        return
    for control in controls:
        if control.check is None or not control.concerns(resource.type):
            continue
        try:
            findings = tuple(control.check(resource, context))
        except Exception as error:  # noqa: BLE001 -- whatever a rule raises must fail the operation
            raise _broke(control, f"a {resource.type}", error) from None
        for finding in findings:
            yield Verdict(control=control, finding=finding, resource=resource)


def judge_stack(controls: Iterable[Control], stack: Stack, context: Context) -> Iterator[Verdict]:
    """The verdicts on a stack, or on what is known of one. Raises RuleBroke."""
    by_urn = stack.by_urn()
    for control in controls:
        if control.stack_check is None:
            continue
        try:
            findings = tuple(control.stack_check(stack, context))
        except Exception as error:  # noqa: BLE001 -- as above
            raise _broke(control, "the stack", error) from None
        for finding in findings:
            yield Verdict(control=control, finding=finding, resource=by_urn.get(finding.urn))


def judge(controls: Sequence[Control], stack: Stack, context: Context) -> Iterator[Verdict]:
    """All verdicts on a stack and everything in it. Raises RuleBroke."""
    for resource in stack.resources:
        yield from judge_resource(controls, resource, context)
    yield from judge_stack(controls, stack, context)


def _broke(control: Control, place: str, error: Exception) -> RuleBroke:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return RuleBroke(
        f"{control.id} broke on {place}: {type(error).__name__} in {last.name}, line {last.lineno}",
        hint="this is a bug of the rule: please report it",
    )
