"""Bypass: what the rules could be evaded by."""

from typing import Final

from policies.checks import bypass, bypass_opaque
from policies.model import Control, Severity

CONTROLS: Final[tuple[Control, ...]] = (
    Control(
        number=1,
        id="no-opaque-resources",
        title="Opaque resources forbidden",
        severity=Severity.CRITICAL,
        reads=bypass_opaque.OPAQUE_READS,
        why="What a template, a command or a provider without rules makes is in no resource that a rule sees.",
        fix="declare what it makes as resources of their own (a Chart instead of a Release), or do it in a component",
        references=(
            "Pulumi policy: only registered resources are analysed",
            "Pulumi Kubernetes: Chart renders resources, Release hands a chart to Helm",
            "AWS Cloud Control API",
        ),
        check=bypass_opaque.nothing_opaque,
    ),
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
