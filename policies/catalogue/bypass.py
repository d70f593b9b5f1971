"""Bypass: what the rules could be evaded by."""

from typing import Final

from policies.checks import bypass, bypass_ignored, bypass_opaque, bypass_providers
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
        number=2,
        id="guarded-not-ignored",
        title="No ignoreChanges on guarded properties",
        severity=Severity.HIGH,
        reads={"*": ()},
        why="The engine puts the old value in the place of one that it is to ignore, before rules see it: drift stays.",
        fix="take it out of ignoreChanges; what others may change (replicas, annotations, other tags) may stay there",
        references=("Pulumi, resource option ignoreChanges", "NIST 800-53 CM-3, CM-6"),
        check=bypass_ignored.guarded_properties_followed,
    ),
    Control(
        number=3,
        id="own-accounts-only",
        title="Provider accounts allow-listed; no static keys",
        severity=Severity.CRITICAL,
        reads=bypass_providers.PROVIDER_READS,
        why="With the wrong credentials a right program changes somebody else's account. Allowed is the factory's own "
        "account (aws_account of millwright.yaml, or the local cloud's) and what policies.yaml lists; outside of any "
        "factory nobody has listed one, and it is enough that the provider names its own. On the local cloud the "
        "engine's own provider may say nothing, and a twelve-digit access key is an account's name; a provider that "
        "the program declares names its accounts there too, so that a real one would refuse.",
        fix="set allowedAccountIds (or project) to accounts of policies.yaml, and get credentials by a role, "
        "single sign-on or OpenID Connect",
        references=(
            "CKV_AWS_41",
            "AWS IAM best practices: temporary credentials",
            "Terraform AWS provider: allowed_account_ids",
        ),
        check=bypass_providers.own_accounts_only,
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
