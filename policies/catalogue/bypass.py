"""Bypass: what the rules could be evaded by."""

from typing import Final

from policies.checks import bypass
from policies.model import Control, Severity

CONTROLS: Final[tuple[Control, ...]] = (
    Control(
        number=4,
        id="no-mixed-forms",
        title="Inline and standalone rules not mixed",
        severity=Severity.MEDIUM,
        reads=bypass.MIXED_READS,
        why="The provider takes the inline form for the whole truth: rules and policies come and go with each update.",
        fix="declare all of them inline, or all of them as resources of their own",
        references=(
            "AWSGuard no-management-conflicts",
            "Terraform AWS provider, aws_security_group: Protocol and rule conflicts",
            "Terraform AWS provider, aws_iam_role: inline_policy, managed_policy_arns",
        ),
        stack_check=bypass.forms_not_mixed,
        monotone=True,
    ),
)
