"""Audit: where records are kept, and which networks are recorded."""

from collections.abc import Iterator
from typing import Final

from policies.context import Context
from policies.helpers.audits import called_audit
from policies.helpers.references import naming
from policies.helpers.values import at_least, if_set, is_false, is_true, number, owned_by, required, under
from policies.model import UNKNOWN, Fail, Finding, Plain, Unknown
from policies.resources import Resource, Stack

TRAIL: Final = "aws:cloudtrail/trail:Trail"
BUCKETS: Final = ("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2")
LOCKS: Final = (
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
    "aws:s3/bucketObjectLockConfigurationV2:BucketObjectLockConfigurationV2",
)
VERSIONINGS: Final = ("aws:s3/bucketVersioning:BucketVersioning", "aws:s3/bucketVersioningV2:BucketVersioningV2")
GCP_BUCKET: Final = "gcp:storage/bucket:Bucket"
VPCS: Final = ("aws:ec2/vpc:Vpc", "aws:ec2/defaultVpc:DefaultVpc")
FLOW_LOG: Final = "aws:ec2/flowLog:FlowLog"
SUBNETWORK: Final = "gcp:compute/subnetwork:Subnetwork"
NAMES: Final = ("id", "bucket")
RETENTION_DAYS: Final = 365
# Source: Compute Engine, "VPC Flow Logs": proxy-only subnets have none.
PROXY_PURPOSES: Final = ("REGIONAL_MANAGED_PROXY", "GLOBAL_MANAGED_PROXY", "INTERNAL_HTTPS_LOAD_BALANCER")


def audit_bucket_locked(stack: Stack, context: Context) -> Iterator[Finding]:
    """Control 43: what holds audit records is locked for a year, versioned, and never deleted with its contents.

    That is a bucket that a trail of the stack writes to, or that is called so.
    """
    del context
    for bucket in stack.of(*BUCKETS):
        yield from _if_audit(bucket, _holds_audit(stack, bucket), _amazon(stack, bucket), "bucket")
    for bucket in stack.of(GCP_BUCKET):
        yield from _if_audit(bucket, called_audit(bucket, "name"), _google(bucket), "name")


def networks_logged(stack: Stack, context: Context) -> Iterator[Finding]:
    """Control 45: every network has a flow log of all its traffic."""
    del context
    for network in stack.of(*VPCS):
        kinds = [_kind(log, network) for log in stack.of(FLOW_LOG)]
        if "ALL" in kinds:
            continue
        if UNKNOWN in kinds:
            yield Unknown(("cidrBlock",), network.urn)
        else:
            yield Fail(("cidrBlock",), "is of a network without a flow log of all its traffic", urn=network.urn)
    for subnetwork in stack.of(SUBNETWORK):
        yield from owned_by(subnetwork, _subnetwork(subnetwork))


def _kind(log: Resource, network: Resource) -> Plain:
    """Which traffic of the network a flow log records; None: none of it."""
    value = log.value("vpcId")
    sources = log.property_dependencies.get("vpcId", ())
    arn = network.value("arn")
    # In an update a network has an ARN, which ends in its id, and an id of its own not always.
    by_arn = isinstance(arn, str) and isinstance(value, str) and arn.endswith(f"/{value}")
    if network.urn in sources or by_arn or (isinstance(value, str) and value == network.value("id")):
        return log.properties.get("trafficType")
    return UNKNOWN if value is UNKNOWN and not sources else None


def _subnetwork(subnetwork: Resource) -> Iterator[Finding]:
    purpose = subnetwork.properties.get("purpose")
    if purpose in PROXY_PURPOSES:
        return
    configured = any(value is UNKNOWN or isinstance(value, dict) for value in _blocks(subnetwork, "logConfig"))
    sampled = if_set(
        subnetwork.properties,
        ("logConfig", "flowSampling"),
        lambda share: (number(share) or 0) > 0,
        "records nothing",
    )
    missing = Fail(("logConfig",), "is missing: nothing that passes the subnetwork is recorded")
    for finding in sampled if configured else iter((missing,)):
        yield Unknown(("purpose",)) if purpose is UNKNOWN else finding


def _blocks(resource: Resource, name: str) -> list[Plain]:
    value = resource.properties.get(name)
    return value if isinstance(value, list) else [value]


def _if_audit(bucket: Resource, audit: bool | None, findings: Iterator[Finding], name: str) -> Iterator[Finding]:
    if audit is True:
        yield from findings
    elif audit is None and any(findings):
        yield Unknown((name,), bucket.urn)


def _holds_audit(stack: Stack, bucket: Resource) -> bool | None:
    named = called_audit(bucket, "bucket")
    if named:
        return True
    trails = [one for _, one in naming(stack, bucket, (TRAIL,), "s3BucketName", identifiers=NAMES)]
    if any(not one.unknown for one in trails):
        return True
    return None if trails else named


def _amazon(stack: Stack, bucket: Resource) -> Iterator[Finding]:
    yield from owned_by(bucket, if_set(bucket.properties, ("forceDestroy",), is_false, "deletes audit records"))
    yield from _parts(stack, bucket, LOCKS, "objectLockEnabled", "is of an audit bucket without object lock")
    yield from _parts(stack, bucket, VERSIONINGS, "bucket", "is of an audit bucket without versioning")


def _parts(stack: Stack, bucket: Resource, types: tuple[str, ...], path: str, missing: str) -> Iterator[Finding]:
    """What the resources of `types` that belong to the bucket say; `missing` when there are none."""
    belonging = list(naming(stack, bucket, types, "bucket", identifiers=NAMES))
    for part, named in belonging:
        if named.unknown:
            yield Unknown(named.path, part.urn)
        else:
            yield from owned_by(part, _lock(part) if types is LOCKS else _versioning(part))
    if not belonging:
        yield Fail((path,), missing, urn=bucket.urn)


def _lock(lock: Resource) -> Iterator[Finding]:
    rule = ("rule", "defaultRetention")
    message = "can be lifted by whoever has the permission to"
    yield from required(lock.properties, (*rule, "mode"), lambda mode: mode == "COMPLIANCE", message)
    years = list(under(lock.properties, (*rule, "years")))
    if years:
        yield from if_set(lock.properties, (*rule, "years"), at_least(1), "is no year")
    else:
        short = f"is shorter than {RETENTION_DAYS} days"
        yield from required(lock.properties, (*rule, "days"), at_least(RETENTION_DAYS), short)


def _versioning(versioning: Resource) -> Iterator[Finding]:
    names = ("versioningConfiguration", "status")
    yield from required(versioning.properties, names, lambda status: status == "Enabled", "is not Enabled")


def _google(bucket: Resource) -> Iterator[Finding]:
    def findings() -> Iterator[Finding]:
        period = RETENTION_DAYS * 86_400
        yield from if_set(bucket.properties, ("forceDestroy",), is_false, "deletes audit records")
        yield from required(bucket.properties, ("retentionPolicy", "isLocked"), is_true, "can be lifted again")
        yield from required(
            bucket.properties,
            ("retentionPolicy", "retentionPeriod"),
            at_least(period),
            f"is shorter than {RETENTION_DAYS} days ({period} seconds)",
        )

    return owned_by(bucket, findings())
