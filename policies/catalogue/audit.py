"""Audit: trails, logs and how long they are kept."""

from typing import Final

from policies.checks import audit, audit_stacks
from policies.model import Control, Enforcement, Levels, Severity

CONTROLS: Final[tuple[Control, ...]] = (
    Control(
        number=42,
        id="trail-complete",
        title="Trail on, multi-region, validated",
        severity=Severity.CRITICAL,
        reads={
            audit.TRAIL: (
                "enableLogging",
                "isMultiRegionTrail",
                "enableLogFileValidation",
                "includeGlobalServiceEvents",
                "eventSelectors",
                "advancedEventSelectors",
            )
        },
        why="What a trail leaves out can be done without anybody seeing it.",
        fix="leave enableLogging on, set isMultiRegionTrail and enableLogFileValidation, select all management events",
        references=("CKV_AWS_251", "CKV_AWS_67", "CKV_AWS_36", "CIS AWS 3.1", "CIS AWS 3.2"),
        check=audit.trail_complete,
    ),
    Control(
        number=43,
        id="audit-bucket-locked",
        title="Audit bucket locked and versioned, no forceDestroy",
        severity=Severity.CRITICAL,
        reads={
            **dict.fromkeys(audit_stacks.BUCKETS, ("bucket", "objectLockEnabled", "forceDestroy")),
            **dict.fromkeys(audit_stacks.LOCKS, ("bucket", "rule")),
            **dict.fromkeys(audit_stacks.VERSIONINGS, ("bucket", "versioningConfiguration")),
            audit_stacks.TRAIL: ("s3BucketName",),
            audit_stacks.GCP_BUCKET: ("name", "retentionPolicy", "forceDestroy"),
        },
        why="Who can change or delete the record of what was done can do anything.",
        fix="lock it for 365 days in COMPLIANCE mode (Google Cloud: a locked retention policy), with versioning",
        references=("CKV_AWS_143", "CKV_AWS_21", "CKV_GCP_78", "CIS Google Cloud 2.3"),
        stack_check=audit_stacks.audit_bucket_locked,
    ),
    Control(
        number=44,
        id="log-retention",
        title="Retention of 365 days at least",
        severity=Severity.MEDIUM,
        reads={audit.LOG_GROUP: ("retentionInDays", "logGroupClass")},
        why="A break-in is often found months later, when logs that were kept for weeks are gone.",
        fix="set retentionInDays to 365 or more",
        references=("CKV_AWS_338", "NIST SP 800-53 AU-11"),
        check=audit.log_retention,
        # What agents do is recorded in the platform's locked bucket as well; an app's logs there are of test data.
        enforcement=Levels(build=Enforcement.ADVISORY, staging=Enforcement.ADVISORY),
    ),
    Control(
        number=45,
        id="networks-logged",
        title="Flow logs",
        severity=Severity.HIGH,
        reads={
            **dict.fromkeys(audit_stacks.VPCS, ("cidrBlock",)),
            audit_stacks.FLOW_LOG: ("vpcId", "trafficType"),
            audit_stacks.SUBNETWORK: ("logConfig", "purpose"),
        },
        why="Without flow logs nobody can tell what was sent where after a break-in.",
        fix="declare a FlowLog of ALL traffic for the network (Google Cloud: a logConfig for the subnetwork)",
        references=("CKV2_AWS_11", "CKV_GCP_26", "CIS AWS 3.7", "CIS Google Cloud 3.8"),
        stack_check=audit_stacks.networks_logged,
    ),
    Control(
        number=46,
        id="control-plane-logged",
        title="Full control-plane logging",
        severity=Severity.MEDIUM,
        reads={
            audit.CLUSTER: ("enabledClusterLogTypes",),
            **dict.fromkeys(audit.AUDIT_CONFIGS, ("auditLogConfigs",)),
        },
        why="Who asked the control plane for what stands in its logs only.",
        fix="enable all five logs of EKS; in Google Cloud ADMIN_READ, DATA_READ and DATA_WRITE, nobody exempted",
        references=("CKV_AWS_37", "CIS EKS 2.1.1", "CIS Google Cloud 2.1"),
        check=audit.control_plane_logged,
    ),
)
