"""Ownership, data, cost: whose it is, what may be lost, what it may cost."""

from typing import Final

from policies.checks import ownership, ownership_budgets, ownership_data
from policies.model import Control, Severity

CONTROLS: Final[tuple[Control, ...]] = (
    Control(
        number=61,
        id="required-tags",
        title="Required tags match the stack's app",
        severity=Severity.MEDIUM,
        reads={"aws:*": ("tags",)},
        why="What nobody owns nobody mends, deletes or pays for; rules that go by tags are only as good as the tags.",
        fix="leave these tags to the provider's default tags, or write what stands there",
        references=(
            "Kyverno require-labels",
            "AWS Config required-tags",
            "AWS, Tagging best practices",
        ),
        check=ownership.required_tags,
    ),
    Control(
        number=62,
        id="deletion-guarded",
        title="Production deletion protection and protect",
        severity=Severity.HIGH,
        reads={token: names[:1] for token, names in ownership_data.GUARDS.items()},
        why="One wrong change of a program, or one call, deletes what users entrusted to the app.",
        fix="set the cloud's deletion protection and the resource option protect",
        references=("CKV_AWS_293", "CKV_AWS_139", "AWS Security Hub DynamoDB.6", "Cloud SQL, Prevent deletion"),
        check=ownership_data.deletion_guarded,
    ),
    Control(
        number=63,
        id="database-private",
        title="Private database, backups",
        severity=Severity.CRITICAL,
        reads={
            ownership_data.INSTANCE: ("publiclyAccessible", "backupRetentionPeriod", "replicateSourceDb"),
            ownership_data.CLUSTER: ("publiclyAccessible", "backupRetentionPeriod", "replicationSourceIdentifier"),
            ownership_data.CLUSTER_INSTANCE: ("publiclyAccessible",),
            ownership_data.TABLE: ("pointInTimeRecovery",),
            ownership_data.GCP_DATABASE: ("settings", "masterInstanceName"),
        },
        why="A database with a public address is tried by everyone; one without backups is lost for good.",
        fix="leave publiclyAccessible (ipv4Enabled) off, keep backups for 7 days, switch point-in-time recovery on",
        references=("CKV_AWS_17", "CKV_AWS_133", "CKV_AWS_28", "AWS Security Hub RDS.11", "CIS Google Cloud 6.6"),
        check=ownership_data.private_and_backed_up,
    ),
    Control(
        number=64,
        id="budgeted",
        title="Budget with notifications per app",
        severity=Severity.MEDIUM,
        reads={
            ownership_budgets.BUDGET: ("notifications", "costFilters", "filterExpression"),
            ownership_budgets.GCP_BUDGET: ("thresholdRules", "allUpdatesRule", "budgetFilter"),
            **dict.fromkeys(ownership_budgets.SPENDERS, ()),
        },
        why="Agents run without anybody watching: what they cost is seen on the bill, a month late.",
        fix="declare a budget for the app's tag that notifies a topic at 100 percent or less",
        references=("AWS Well-Architected COST02-BP05", "AWS Budgets, Notification", "Google Cloud, Budgets"),
        stack_check=ownership_budgets.budgeted,
    ),
)
