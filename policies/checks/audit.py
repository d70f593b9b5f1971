"""Audit: what is recorded, and for how long."""

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from policies.context import Context
from policies.helpers.values import at_least, if_set, is_true, number, required, under
from policies.model import Fail, Finding, Path, Plain, Unknown
from policies.reading import each, has_unknown
from policies.resources import Resource

TRAIL: Final = "aws:cloudtrail/trail:Trail"
LOG_GROUP: Final = "aws:cloudwatch/logGroup:LogGroup"
CLUSTER: Final = "aws:eks/cluster:Cluster"
AUDIT_CONFIGS: Final = (
    "gcp:projects/iAMAuditConfig:IAMAuditConfig",
    "gcp:folder/iamAuditConfig:IamAuditConfig",
    "gcp:organizations/iamAuditConfig:IamAuditConfig",
)
RETENTION_DAYS: Final = 365
# Source: Amazon EKS, "Send control plane logs to CloudWatch Logs".
CONTROL_PLANE: Final = ("api", "audit", "authenticator", "controllerManager", "scheduler")
# Source: Google Cloud, "Configure Data Access audit logs".
LOG_TYPES: Final = ("ADMIN_READ", "DATA_READ", "DATA_WRITE")
# Source: CloudTrail, "Logging management events": the sources that may be excluded.
NOISY: Final = ("kms.amazonaws.com", "rdsdata.amazonaws.com")
Records: TypeAlias = Callable[[Plain], bool]


def trail_complete(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 42: a trail is on, of every region, validated, and leaves out no management event."""
    del context
    properties = resource.properties
    yield from if_set(properties, ("enableLogging",), is_true, "is off: nothing is recorded")
    yield from required(
        properties, ("isMultiRegionTrail",), is_true, "is not on: what is done elsewhere is not recorded"
    )
    yield from required(properties, ("enableLogFileValidation",), is_true, "is not on: a changed record cannot be told")
    yield from if_set(properties, ("includeGlobalServiceEvents",), is_true, "is off: IAM and STS are not recorded")
    for name, records in (("eventSelectors", _records_all), ("advancedEventSelectors", _records_all_advanced)):
        yield from _selected(properties.get(name), (name,), records)


def log_retention(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 44: logs are kept for 365 days at least. Without a period, or with 0, they never expire."""
    del context
    yield from if_set(
        resource.properties,
        ("retentionInDays",),
        lambda days: number(days) == 0 or at_least(RETENTION_DAYS)(days),
        f"is shorter than {RETENTION_DAYS} days",
    )
    yield from if_set(
        resource.properties,
        ("logGroupClass",),
        lambda kind: kind in ("STANDARD", "INFREQUENT_ACCESS"),
        "is a class whose logs are deleted after two days, whatever the retention",
    )


def control_plane_logged(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 46: a control plane logs everything: each log of EKS, each kind of access of Google Cloud."""
    del context
    if resource.type == CLUSTER:
        logs = resource.properties.get("enabledClusterLogTypes")
        yield from _all_of(CONTROL_PLANE, list(each(logs, ())), ("enabledClusterLogTypes",))
        return
    root = "auditLogConfigs"
    kinds = list(under(resource.properties, (root, "logType")))
    yield from _all_of(LOG_TYPES, kinds, (root,))
    yield from if_set(
        resource.properties,
        (root, "exemptedMembers"),
        lambda members: members == [],
        "keeps the accesses of some out of the log",
    )


def _all_of(wanted: tuple[str, ...], found: list[tuple[Path, Plain]], path: Path) -> Iterator[Finding]:
    missing = [one for one in wanted if one not in [value for _, value in found]]
    if missing and any(has_unknown(value) for _, value in found):
        yield Unknown(path)
    elif missing:
        yield Fail(path, f"leaves out {', '.join(missing)}")


def _selected(selectors: Plain, path: Path, records: Records) -> Iterator[Finding]:
    answers = [records(selector) for _, selector in each(selectors, path)]
    if not answers or True in answers:
        return
    if has_unknown(selectors):
        yield Unknown(path)
    else:
        yield Fail(path, "select not all management events")


def _records_all(selector: Plain) -> bool:
    included = [value for _, value in under(selector, ("includeManagementEvents",))]
    kinds = [value for _, value in under(selector, ("readWriteType",))]
    return isinstance(selector, dict) and included in ([], [True]) and kinds in ([], ["All"])


def _records_all_advanced(selector: Plain) -> bool:
    """Whether an advanced selector takes every management event; those of noisy sources (KMS) may be left out."""
    fields = [value for _, block in under(selector, ("fieldSelectors",)) for _, value in each(block, ())]
    management = {"field": "eventCategory", "equals": ["Management"]}
    others = [one for one in fields if one != management]
    return len(others) < len(fields) and all(_leaves_out_sources(one) for one in others)


def _leaves_out_sources(field: Plain) -> bool:
    if not isinstance(field, dict) or field.keys() != {"field", "notEquals"} or field["field"] != "eventSource":
        return False
    return all(value in NOISY for _, value in each(field["notEquals"], ()))
