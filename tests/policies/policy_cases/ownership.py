"""Cases of the controls of ownership, data and cost."""

import json

from policies import UNKNOWN, Options, PolicySettings, Provider
from policies.model import Plain

from .case import EVASION, LINKS_TAGS, Case, thing

VPC = "aws:ec2/vpc:Vpc"
QUEUE = "aws:sqs/queue:Queue"
ALIAS = "aws:kms/alias:Alias"
TAGS = "required-tags"
KYVERNO = "Kyverno require-labels"
AWS_CONFIG = "AWS Config required-tags"
DEFAULTS = "pulumi_aws Provider: defaultTags, overridden by a resource's tags"


def _provider(tags: Plain) -> Provider:
    return Provider(type="pulumi:providers:aws", urn="urn:p", name="aws", properties={"defaultTags": tags})


OWN = _provider(json.dumps({"tags": LINKS_TAGS}))

INSTANCE = "aws:rds/instance:Instance"
CLUSTER = "aws:rds/cluster:Cluster"
CLUSTER_INSTANCE = "aws:rds/clusterInstance:ClusterInstance"
TABLE = "aws:dynamodb/table:Table"
GCP_DATABASE = "gcp:sql/databaseInstance:DatabaseInstance"
PRODUCTION = "links-production"
PROTECTED = Options(protect=True)

GUARDED = "deletion-guarded"
CKV_GUARD = "Checkov CKV_AWS_293 (instances), CKV_AWS_139 (clusters)"
CLOUD_SQL = "Cloud SQL, Prevent deletion of an instance"
PULUMI_PROTECT = "Pulumi, resource option protect"

PRIVATE = "database-private"
CKV_PUBLIC = "Checkov CKV_AWS_17 (RDSPubliclyAccessible)"
CKV_BACKUP = "Checkov CKV_AWS_133 (DBInstanceBackupRetentionPeriod)"
CKV_PITR = "Checkov CKV_AWS_28 (DynamodbRecovery)"
CIS_SQL = "CIS Google Cloud 6.6 (public IPs), 6.7 (backups)"
CLOSED: dict[str, Plain] = {
    "ipConfiguration": {"ipv4Enabled": False},
    "backupConfiguration": {"enabled": True, "pointInTimeRecoveryEnabled": True},
}

BUDGETED = "budgeted"
BUDGET = "aws:budgets/budget:Budget"
GCP_BUDGET = "gcp:billing/budget:Budget"
WELL_ARCHITECTED = "AWS Well-Architected COST02-BP05; AWS Budgets, Notification"
GOOGLE_BUDGETS = "Google Cloud, Create, edit, or delete budgets: thresholds and recipients"
OF_LINKS: Plain = [{"name": "TagKeyValue", "values": ["user:app$links"]}]
TELLS: dict[str, Plain] = {
    "notificationType": "ACTUAL",
    "comparisonOperator": "GREATER_THAN",
    "threshold": 80,
    "thresholdType": "PERCENTAGE",
    "subscriberSnsTopicArns": ["arn:aws:sns:eu-central-1:123456789012:links"],
}
SPENDERS = (
    "aws:ecs/service:Service",
    "aws:ec2/instance:Instance",
    INSTANCE,
    CLUSTER,
    "aws:eks/cluster:Cluster",
    "gcp:container/cluster:Cluster",
    GCP_DATABASE,
)

CASES: tuple[Case, ...] = (
    # 61. Required tags match the stack's app
    Case(TAGS, "no tags at all", "fail", VPC, {}, AWS_CONFIG, "tags.app"),
    Case(TAGS, "one missing", "fail", QUEUE, {"tags": LINKS_TAGS | {"owner": ""}}, KYVERNO, "tags.owner"),
    Case(TAGS, "another app's", "fail", VPC, {"tags": LINKS_TAGS | {"app": "notes"}}, EVASION, "tags.app"),
    Case(
        TAGS,
        "another environment's, over the default",
        "fail",
        VPC,
        {"tags": {"environment": "production"}},
        EVASION,
        "tags.environment",
        provider=OWN,
    ),
    Case(TAGS, "keys in another case", "fail", VPC, {"tags": {k.title(): v for k, v in LINKS_TAGS.items()}}, EVASION),
    Case(TAGS, "only spaces", "fail", VPC, {"tags": LINKS_TAGS | {"cost-center": "  "}}, EVASION, "tags.cost-center"),
    Case(TAGS, "emptied over the default", "fail", VPC, {"tags": {"app": ""}}, EVASION, "tags.app", provider=OWN),
    Case(
        TAGS,
        "a tag of this factory's own",
        "fail",
        VPC,
        {"tags": LINKS_TAGS},
        AWS_CONFIG,
        "tags.data-class",
        settings=PolicySettings(required_tags=("app", "data-class")),
    ),
    Case(TAGS, "all of its own", "pass", VPC, {"tags": LINKS_TAGS}, KYVERNO),
    Case(TAGS, "all by default", "pass", QUEUE, {}, DEFAULTS, provider=OWN),
    Case(TAGS, "defaults as a mapping", "pass", QUEUE, {}, DEFAULTS, provider=_provider({"tags": dict(LINKS_TAGS)})),
    Case(TAGS, "some of each", "pass", VPC, {"tags": {"Name": "x", "owner": "data"}}, DEFAULTS, provider=OWN),
    Case(TAGS, "cannot be tagged", "pass", ALIAS, {"name": "alias/a"}, "near miss"),
    Case(
        TAGS,
        "another program's stack",
        "pass",
        VPC,
        {"tags": LINKS_TAGS | {"app": "anything", "environment": "dev"}},
        "near miss: nothing to compare with",
        stack="dev",
    ),
    Case(TAGS, "tags not known", "unknown", VPC, {"tags": UNKNOWN}, "preview", "tags"),
    Case(TAGS, "one not known", "unknown", VPC, {"tags": LINKS_TAGS | {"owner": UNKNOWN}}, "preview", "tags.owner"),
    Case(TAGS, "defaults not known", "unknown", VPC, {}, "preview", "tags", provider=_provider(UNKNOWN)),
    # 62. Production deletion protection and protect
    Case(
        GUARDED,
        "off",
        "fail",
        INSTANCE,
        {"deletionProtection": False},
        CKV_GUARD,
        "deletionProtection",
        stack=PRODUCTION,
        options=PROTECTED,
    ),
    Case(
        GUARDED,
        "cluster by default",
        "fail",
        CLUSTER,
        {},
        CKV_GUARD,
        "deletionProtection",
        stack=PRODUCTION,
        options=PROTECTED,
    ),
    Case(
        GUARDED,
        "table",
        "fail",
        TABLE,
        {"name": "links"},
        "AWS Security Hub DynamoDB.6",
        stack=PRODUCTION,
        options=PROTECTED,
    ),
    Case(
        GUARDED,
        "Google's by the program only",
        "fail",
        GCP_DATABASE,
        {"deletionProtection": True, "settings": {"tier": "db-f1-micro"}},
        CLOUD_SQL,
        "settings.deletionProtectionEnabled",
        stack=PRODUCTION,
        options=PROTECTED,
    ),
    Case(
        GUARDED, "by the cloud only", "fail", INSTANCE, {"deletionProtection": True}, PULUMI_PROTECT, stack=PRODUCTION
    ),
    Case(GUARDED, "in a stack of no app", "fail", TABLE, {"name": "shared"}, EVASION, stack="platform"),
    Case(
        GUARDED, "both", "pass", INSTANCE, {"deletionProtection": True}, CKV_GUARD, stack=PRODUCTION, options=PROTECTED
    ),
    Case(
        GUARDED,
        "Google's both",
        "pass",
        GCP_DATABASE,
        {"settings": {"deletionProtectionEnabled": True}},
        CLOUD_SQL,
        stack=PRODUCTION,
        options=PROTECTED,
    ),
    Case(GUARDED, "in build", "pass", INSTANCE, {"deletionProtection": False}, "near miss"),
    Case(GUARDED, "in staging", "pass", TABLE, {"name": "links"}, "near miss", stack="links-staging"),
    Case(
        GUARDED,
        "not known",
        "unknown",
        CLUSTER,
        {"deletionProtection": UNKNOWN},
        "preview",
        "deletionProtection",
        stack=PRODUCTION,
        options=PROTECTED,
    ),
    # 63. Private database, backups
    Case(
        PRIVATE,
        "public",
        "fail",
        INSTANCE,
        {"publiclyAccessible": True, "backupRetentionPeriod": 7},
        CKV_PUBLIC,
        "publiclyAccessible",
    ),
    Case(PRIVATE, "public in a cluster", "fail", CLUSTER_INSTANCE, {"publiclyAccessible": True}, CKV_PUBLIC),
    Case(PRIVATE, "no backups", "fail", INSTANCE, {"backupRetentionPeriod": 0}, CKV_BACKUP, "backupRetentionPeriod"),
    Case(
        PRIVATE, "no backups by default", "fail", INSTANCE, {"engine": "postgres"}, CKV_BACKUP, "backupRetentionPeriod"
    ),
    Case(PRIVATE, "one day of a cluster", "fail", CLUSTER, {"backupRetentionPeriod": 1}, "AWS Security Hub RDS.11"),
    Case(PRIVATE, "table without recovery", "fail", TABLE, {"name": "links"}, CKV_PITR, "pointInTimeRecovery.enabled"),
    Case(
        PRIVATE,
        "Google's public by default",
        "fail",
        GCP_DATABASE,
        {"settings": {"backupConfiguration": {"enabled": True, "pointInTimeRecoveryEnabled": True}}},
        CIS_SQL,
        "settings.ipConfiguration.ipv4Enabled",
    ),
    Case(
        PRIVATE,
        "Google's without recovery",
        "fail",
        GCP_DATABASE,
        {"settings": {**CLOSED, "backupConfiguration": {"enabled": True}}},
        CIS_SQL,
        "settings.backupConfiguration.pointInTimeRecoveryEnabled",
    ),
    Case(PRIVATE, "a week", "pass", INSTANCE, {"publiclyAccessible": False, "backupRetentionPeriod": 7}, CKV_BACKUP),
    Case(
        PRIVATE, "a replica", "pass", INSTANCE, {"replicateSourceDb": "links", "publiclyAccessible": False}, "near miss"
    ),
    Case(PRIVATE, "in a cluster", "pass", CLUSTER_INSTANCE, {"instanceClass": "db.t4g.medium"}, CKV_PUBLIC),
    Case(PRIVATE, "table with recovery", "pass", TABLE, {"pointInTimeRecovery": {"enabled": True}}, CKV_PITR),
    Case(PRIVATE, "Google's closed", "pass", GCP_DATABASE, {"settings": CLOSED}, CIS_SQL),
    Case(
        PRIVATE,
        "Google's MySQL by its binary log",
        "pass",
        GCP_DATABASE,
        {"settings": {**CLOSED, "backupConfiguration": {"enabled": True, "binaryLogEnabled": True}}},
        "near miss",
    ),
    Case(
        PRIVATE, "not known", "unknown", CLUSTER, {"backupRetentionPeriod": UNKNOWN}, "preview", "backupRetentionPeriod"
    ),
    Case(PRIVATE, "settings not known", "unknown", GCP_DATABASE, {"settings": UNKNOWN}, "preview", "settings"),
    # 64. Budget with notifications per app
    *(
        Case(BUDGETED, f"none beside {type_}", "fail", type_, {}, WELL_ARCHITECTED, "tags", "test")
        for type_ in SPENDERS
    ),
    Case(BUDGETED, "tells nobody", "fail", BUDGET, {"costFilters": OF_LINKS}, WELL_ARCHITECTED, "notifications"),
    Case(
        BUDGETED,
        "without a subscriber",
        "fail",
        BUDGET,
        {"notifications": [{**TELLS, "subscriberSnsTopicArns": []}]},
        EVASION,
        "notifications",
    ),
    Case(
        BUDGETED,
        "at ten times",
        "fail",
        BUDGET,
        {"notifications": [{**TELLS, "threshold": 1000}]},
        EVASION,
        "notifications",
    ),
    Case(
        BUDGETED,
        "another app's",
        "fail",
        INSTANCE,
        {},
        EVASION,
        "tags",
        others=(
            thing(
                BUDGET,
                {"costFilters": [{"name": "TagKeyValue", "values": ["user:app$notes"]}], "notifications": [TELLS]},
                "budget",
            ),
        ),
    ),
    Case(
        BUDGETED, "Google's without a threshold", "fail", GCP_BUDGET, {"amount": {}}, GOOGLE_BUDGETS, "thresholdRules"
    ),
    Case(
        BUDGETED,
        "Google's for nobody",
        "fail",
        GCP_BUDGET,
        {"thresholdRules": [{"thresholdPercent": 0.9}], "allUpdatesRule": {"disableDefaultIamRecipients": True}},
        GOOGLE_BUDGETS,
        "allUpdatesRule",
    ),
    Case(
        BUDGETED,
        "for the app",
        "pass",
        INSTANCE,
        {},
        WELL_ARCHITECTED,
        others=(thing(BUDGET, {"costFilters": OF_LINKS, "notifications": [TELLS]}, "budget"),),
    ),
    Case(
        BUDGETED,
        "by a filter expression",
        "pass",
        INSTANCE,
        {},
        "near miss",
        others=(
            thing(
                BUDGET,
                {"filterExpression": {"tags": {"key": "app", "values": ["links"]}}, "notifications": [TELLS]},
                "budget",
            ),
        ),
    ),
    Case(BUDGETED, "nothing that costs", "pass", BUDGET, {"notifications": [TELLS]}, "near miss"),
    Case(BUDGETED, "in a stack of no app", "pass", INSTANCE, {}, "near miss", stack="platform"),
    Case(
        BUDGETED,
        "Google's by default",
        "pass",
        GCP_BUDGET,
        {"thresholdRules": [{"thresholdPercent": 1}]},
        GOOGLE_BUDGETS,
    ),
    Case(BUDGETED, "not known", "unknown", BUDGET, {"notifications": UNKNOWN}, "preview", "notifications"),
    Case(
        BUDGETED,
        "whose budget is not known",
        "unknown",
        INSTANCE,
        {},
        "preview",
        "tags",
        others=(thing(BUDGET, {"costFilters": UNKNOWN, "notifications": [TELLS]}, "budget"),),
    ),
)
