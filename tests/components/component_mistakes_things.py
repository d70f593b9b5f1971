"""Mistakes of components about data, containers, CI, audit and ownership, each with what the pack says of it."""

from component_mocks import ACCOUNT, REGION
from component_mutations import (
    BUILD,
    PLATFORM,
    PRODUCTION,
    Stack,
    both,
    left_out,
    made,
    mistake,
    not_made,
    of,
    options,
    put,
    struck,
    written,
)

DATABASE = ("Instance", "links-production-database")
AGENT = ("TaskDefinition", "links-build-agents-coder", "containerDefinitions")
WEB = ("TaskDefinition", "links-production-web", "containerDefinitions")
PROJECT = ("Project", "links-build-ci")
LOCK = ("BucketObjectLockConfiguration", "platform-audit")
PROVIDER = "pulumi:providers:aws"
OWN = f'["{ACCOUNT}"]'


def _approval_last(stack: Stack) -> None:
    for properties in (pipeline := of(stack, "Pipeline", "links-build-ci")).inputs, pipeline.answered:
        properties["stages"][2:4] = reversed(properties["stages"][2:4])


def _by_another_provider(stack: Stack) -> None:
    """One that sets no tags."""
    made(PROVIDER, region=REGION, allowedAccountIds=OWN)(stack)
    of(stack, "Queue", "links-build-jobs").provider = stack[-1].urn


DATA = (
    mistake(
        "the database is on a disk in the clear",
        PRODUCTION,
        put(*DATABASE, "storageEncrypted", False),
        "encrypted-at-rest links-production-database storageEncrypted",
    ),
    mistake(
        "the database has an address of the internet",
        PRODUCTION,
        put(*DATABASE, "publiclyAccessible", True),
        "database-private links-production-database publiclyAccessible",
    ),
    mistake(
        "production's database can be deleted",
        PRODUCTION,
        put(*DATABASE, "deletionProtection", False),
        "deletion-guarded links-production-database deletionProtection",
    ),
    mistake(
        "production's database goes with its stack",
        PRODUCTION,
        options(*DATABASE, protect=False),
        "deletion-guarded links-production-database deletionProtection",
    ),
    mistake(
        "the database keeps no backups",
        PRODUCTION,
        put(*DATABASE, "backupRetentionPeriod", 0),
        "database-private links-production-database backupRetentionPeriod",
    ),
    mistake(
        "a key never changes",
        PRODUCTION,
        put("Key", PRODUCTION, "enableKeyRotation", False),
        "keys-rotated links-production enableKeyRotation",
    ),
    mistake(
        "a secret is under the cloud's key",
        PRODUCTION,
        left_out("Secret", "links-production-signing-key", "kmsKeyId"),
        "customer-managed-key links-production-signing-key kmsKeyId",
    ),
    mistake(
        "a secret stays as somebody once typed it",
        PRODUCTION,
        not_made("SecretVersion", "links-production-signing-key"),
        "secrets-rotated links-production-signing-key name",
    ),
    mistake(
        "artefacts may be made public",
        BUILD,
        put("BucketPublicAccessBlock", BUILD, "blockPublicPolicy", False),
        "bucket-access-blocked links-build blockPublicPolicy",
    ),
    mistake(
        "nothing keeps artefacts private",
        BUILD,
        not_made("BucketPublicAccessBlock", BUILD),
        "bucket-access-blocked links-build bucket",
    ),
    mistake(
        "anybody may read the state",
        PLATFORM,
        both(
            written("BucketPolicy", "platform-state", "policy", "Statement.1.Effect", "Allow"),
            struck("BucketPolicy", "platform-state", "policy", "Statement.1.Condition"),
        ),
        "not-public platform-state policy.Statement[1].Principal",
    ),
    mistake(
        "the state is read without TLS",
        PLATFORM,
        struck("BucketPolicy", "platform-state", "policy", "Statement.0"),
        "tls-only platform-state policy",
    ),
    mistake(
        "the load balancer faces the internet, over HTTP",
        PRODUCTION,
        put("LoadBalancer", "links-production-web", "internal", False),
        "tls-only links-production-web protocol",
    ),
    mistake(
        "a password stands in a variable",
        PRODUCTION,
        written(*WEB, "0.environment.0", {"name": "DATABASE_PASSWORD", "value": "correct-horse-battery"}),
        "no-literal-credentials links-production-web containerDefinitions[0].environment[0].value",
    ),
)

CONTAINERS = (
    mistake(
        "an agent is privileged",
        BUILD,
        written(*AGENT, "0.privileged", True),
        "unprivileged-containers links-build-agents-coder containerDefinitions[0].privileged",
    ),
    mistake(
        "an agent is root",
        BUILD,
        written(*AGENT, "0.user", "0:0"),
        "unprivileged-containers links-build-agents-coder containerDefinitions[0].user",
    ),
    mistake(
        "an agent may change its own programs",
        BUILD,
        written(*AGENT, "0.readonlyRootFilesystem", False),
        "read-only-root links-build-agents-coder containerDefinitions[0].readonlyRootFilesystem",
    ),
    mistake(
        "an agent is given a right of root",
        BUILD,
        written(*AGENT, "0.linuxParameters.capabilities", {"add": ["SYS_ADMIN"]}),
        "unprivileged-containers links-build-agents-coder containerDefinitions[0].linuxParameters.capabilities.add[0]",
    ),
    mistake(
        "an agent is on the host's network",
        BUILD,
        put(*AGENT[:2], "networkMode", "host"),
        "unprivileged-containers links-build-agents-coder networkMode",
    ),
    mistake(
        "an agent has the host's container runtime",
        BUILD,
        put(*AGENT[:2], "volumes", [{"name": "socket", "hostPath": "/var/run/docker.sock"}]),
        "unprivileged-containers links-build-agents-coder volumes[0].hostPath",
    ),
    mistake(
        "a service is named by a tag",
        PRODUCTION,
        written(*WEB, "0.image", f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/links:latest"),
        "image-by-digest links-production-web containerDefinitions[0].image",
    ),
    mistake(
        "a service is somebody else's image",
        PRODUCTION,
        written(*WEB, "0.image", "docker.io/library/nginx@sha256:" + "0a" * 32),
        "image-by-digest links-production-web containerDefinitions[0].image",
    ),
)

CI = (
    mistake(
        "nobody approves",
        BUILD,
        left_out("Pipeline", "links-build-ci", "stages.2"),
        "production-human-gate links-build-ci stages[2].actions[0]",
    ),
    mistake(
        "the approval comes after the deployment",
        BUILD,
        _approval_last,
        "production-human-gate links-build-ci stages[2].actions[0]",
    ),
    mistake(
        "builds are privileged",
        BUILD,
        put(*PROJECT, "environment.privilegedMode", True),
        "unprivileged-containers links-build-ci environment.privilegedMode",
    ),
    mistake(
        "a token stands in a build's variable",
        BUILD,
        put(*PROJECT, "environment.environmentVariables.0", {"name": "GITHUB_TOKEN", "value": "ghp_" + "a1B2" * 9}),
        "no-literal-credentials links-build-ci environment.environmentVariables[0].value",
    ),
    mistake(
        "whoever pushes starts a build",
        BUILD,
        made("aws:codebuild/webhook:Webhook", projectName="links-build-ci"),
        "anchored-webhook-filters added filterGroups",
    ),
    mistake(
        "tags of images can be moved",
        BUILD,
        put("Repository", BUILD, "imageTagMutability", "MUTABLE"),
        "immutable-scanned-images links-build imageTagMutability",
    ),
    mistake(
        "images are not scanned",
        BUILD,
        put("Repository", BUILD, "imageScanningConfiguration.scanOnPush", False),
        "immutable-scanned-images links-build imageScanningConfiguration.scanOnPush",
    ),
)

AUDIT = (
    mistake(
        "the trail is off",
        PLATFORM,
        put("Trail", PLATFORM, "enableLogging", False),
        "trail-complete platform enableLogging",
    ),
    mistake(
        "the trail is of one region",
        PLATFORM,
        put("Trail", PLATFORM, "isMultiRegionTrail", False),
        "trail-complete platform isMultiRegionTrail",
    ),
    mistake(
        "a changed trail cannot be told",
        PLATFORM,
        put("Trail", PLATFORM, "enableLogFileValidation", False),
        "trail-complete platform enableLogFileValidation",
    ),
    mistake(
        "the audit is not locked", PLATFORM, not_made(*LOCK), "audit-bucket-locked platform-audit objectLockEnabled"
    ),
    mistake(
        "an administrator can open the lock",
        PLATFORM,
        put(*LOCK, "rule.defaultRetention.mode", "GOVERNANCE"),
        "audit-bucket-locked platform-audit rule.defaultRetention.mode",
    ),
    mistake(
        "the audit is not versioned",
        PLATFORM,
        put("BucketVersioning", "platform-audit", "versioningConfiguration.status", "Suspended"),
        "audit-bucket-locked platform-audit versioningConfiguration.status",
    ),
    mistake(
        "the audit goes with its bucket",
        PLATFORM,
        put("Bucket", "platform-audit", "forceDestroy", True),
        "audit-bucket-locked platform-audit forceDestroy",
    ),
    mistake(
        "logs are gone in a week",
        PRODUCTION,
        put("LogGroup", "links-production-web", "retentionInDays", 7),
        "log-retention links-production-web retentionInDays",
    ),
)

OWNERSHIP = (
    mistake(
        "the budget tells nobody",
        PRODUCTION,
        put("Budget", PRODUCTION, "notifications", []),
        "budgeted links-production notifications",
    ),
    mistake("there is no budget", BUILD, not_made("Budget", BUILD), "budgeted links-build-database tags"),
    mistake(
        "nobody's tags",
        BUILD,
        _by_another_provider,
        "required-tags links-build-jobs tags.app",
        "required-tags links-build-jobs tags.cost-center",
        "required-tags links-build-jobs tags.environment",
        "required-tags links-build-jobs tags.owner",
    ),
    mistake(
        "the tags of another app",
        BUILD,
        put("Queue", "links-build-jobs", "tags", {"Name": "links-build-jobs", "app": "notes"}),
        "required-tags links-build-jobs tags.app",
    ),
    mistake(
        "a provider of another account",
        BUILD,
        made(PROVIDER, region=REGION, allowedAccountIds='["210987654321"]'),
        "own-accounts-only added allowedAccountIds[0]",
    ),
    mistake(
        "a provider with a key that was written down",
        BUILD,
        made(PROVIDER, region=REGION, allowedAccountIds=OWN, accessKey="AKIA" + "B2C3" * 4, secretKey="x" * 40),
        "own-accounts-only added accessKey",
        "own-accounts-only added secretKey",
    ),
    mistake(
        "whoever opens the database is not undone",
        PRODUCTION,
        options(*DATABASE, ignore_changes=("publiclyAccessible",)),
        "guarded-not-ignored links-production-database publiclyAccessible",
    ),
    mistake(
        "a template makes what nobody sees",
        BUILD,
        made("aws:cloudformation/stack:Stack", name="more", templateBody="{}"),
        "no-opaque-resources added ",
    ),
    mistake(
        "a command runs where it is deployed",
        BUILD,
        made("command:local:Command", create="make install"),
        "no-opaque-resources added ",
    ),
)
