"""Violations of the policy pack, as the driver's preview tells them, on the factory's one scale."""

from collections.abc import Iterable, Sequence

from factory.findings import Finding, Severity
from pipeline.checks import severities
from policies import Control
from stacks.driver.model import Violation

TOOL = "policy-pack"
MANDATORY = "mandatory"


def violations_to_findings(violations: Iterable[Violation], controls: Sequence[Control]) -> list[Finding]:
    """Each violation as a finding, of the pack's rules and the factory's own, which `controls` are.

    The severity is what the rule itself declares; medium at most if advisory, info if deferred.
    """
    known = {control.id: Severity(control.severity.value) for control in controls}
    return [_finding(violation, known) for violation in violations]


def _finding(violation: Violation, known: dict[str, Severity]) -> Finding:
    severity = known.get(violation.policy, severities.POLICY_UNKNOWN.severity)
    if violation.deferred:
        severity = Severity.INFO
    elif violation.level != MANDATORY and severity in (Severity.CRITICAL, Severity.HIGH):
        severity = Severity.MEDIUM
    resource = violation.urn.rpartition("::")[2]
    message = f"{resource}: {violation.message}" if resource else violation.message
    return Finding(tool=TOOL, rule=violation.policy, severity=severity, message=message)
