"""Cases of the controls of audit."""

from policies import UNKNOWN, Resource
from policies.model import Plain, Properties

from .case import EVASION, Case, thing, urn

TRAIL = "aws:cloudtrail/trail:Trail"
COMPLETE = "trail-complete"
CKV_TRAIL = "Checkov CKV_AWS_251 (enabled), CKV_AWS_67 (multi-region), CKV_AWS_36 (validated)"
CIS_TRAIL = "CIS AWS Foundations 3.1: read and write management events"
WHOLE: dict[str, Plain] = {"s3BucketName": "records", "isMultiRegionTrail": True, "enableLogFileValidation": True}
MANAGEMENT: Plain = {"field": "eventCategory", "equals": ["Management"]}

LOCKED = "audit-bucket-locked"
BUCKET = "aws:s3/bucket:Bucket"
BUCKET_V2 = "aws:s3/bucketV2:BucketV2"
LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
LOCK_V2 = "aws:s3/bucketObjectLockConfigurationV2:BucketObjectLockConfigurationV2"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
VERSIONING_V2 = "aws:s3/bucketVersioningV2:BucketVersioningV2"
GCP_BUCKET = "gcp:storage/bucket:Bucket"
CKV_LOCK = "Checkov CKV_AWS_143 (S3BucketObjectLock), CKV_AWS_21 (versioning)"
S3_MODES = "Amazon S3 User Guide, Object Lock: GOVERNANCE can be bypassed"
GCP_LOCK = "CIS Google Cloud 2.3; Checkov CKV_GCP_78"
YEAR = 31_536_000

GROUP = "aws:cloudwatch/logGroup:LogGroup"
RETENTION = "log-retention"
CKV_RETENTION = "Checkov CKV_AWS_338 (CloudWatchLogGroupRetentionYear)"
CLASSES = "CloudWatch Logs, log classes: Delivery keeps for two days"

FLOWS = "networks-logged"
VPC = "aws:ec2/vpc:Vpc"
DEFAULT_VPC = "aws:ec2/defaultVpc:DefaultVpc"
FLOW_LOG = "aws:ec2/flowLog:FlowLog"
SUBNETWORK = "gcp:compute/subnetwork:Subnetwork"
CKV_FLOWS = "Checkov CKV2_AWS_11 (VPCHasFlowLog)"
CKV_GCP_FLOWS = "Checkov CKV_GCP_26 (GoogleSubnetworkLoggingEnabled)"

PLANE = "control-plane-logged"
CLUSTER = "aws:eks/cluster:Cluster"
PROJECT_AUDIT = "gcp:projects/iAMAuditConfig:IAMAuditConfig"
FOLDER_AUDIT = "gcp:folder/iamAuditConfig:IamAuditConfig"
ORGANIZATION_AUDIT = "gcp:organizations/iamAuditConfig:IamAuditConfig"
CKV_EKS = "Checkov CKV_AWS_37 (EKSControlPlaneLogging)"
CIS_GCP = "CIS Google Cloud 2.1"
EVERY_LOG: list[Plain] = ["api", "audit", "authenticator", "controllerManager", "scheduler"]


def _lock(type_: str = LOCK, bucket: Plain = "acme-audit", mode: Plain = "COMPLIANCE", **period: Plain) -> Resource:
    rule: Plain = {"defaultRetention": {"mode": mode, **(period or {"days": 365})}}
    return thing(type_, {"bucket": bucket, "rule": rule}, "lock")


def _versions(type_: str = VERSIONING, bucket: Plain = "acme-audit", status: Plain = "Enabled") -> Resource:
    return thing(type_, {"bucket": bucket, "versioningConfiguration": {"status": status}}, "versions")


def _flow_log(kind: Plain, network: Plain = "vpc-1") -> Resource:
    return thing(FLOW_LOG, {"vpcId": network, "trafficType": kind}, "flows")


def _kinds(*kinds: Plain) -> Properties:
    return {"service": "allServices", "auditLogConfigs": [{"logType": kind} for kind in kinds]}


CASES: tuple[Case, ...] = (
    # 42. Trail on, multi-region, validated
    Case(COMPLETE, "off", "fail", TRAIL, {**WHOLE, "enableLogging": False}, CKV_TRAIL, "enableLogging"),
    Case(
        COMPLETE,
        "one region",
        "fail",
        TRAIL,
        {"s3BucketName": "records", "enableLogFileValidation": True},
        CKV_TRAIL,
        "isMultiRegionTrail",
    ),
    Case(
        COMPLETE,
        "not validated",
        "fail",
        TRAIL,
        {**WHOLE, "enableLogFileValidation": False},
        CKV_TRAIL,
        "enableLogFileValidation",
    ),
    Case(COMPLETE, "without IAM", "fail", TRAIL, {**WHOLE, "includeGlobalServiceEvents": False}, "Prowler cloudtrail"),
    Case(
        COMPLETE,
        "data events only",
        "fail",
        TRAIL,
        {**WHOLE, "eventSelectors": [{"includeManagementEvents": False, "readWriteType": "All"}]},
        CIS_TRAIL,
        "eventSelectors",
    ),
    Case(
        COMPLETE,
        "what is read only",
        "fail",
        TRAIL,
        {**WHOLE, "eventSelectors": [{"readWriteType": "ReadOnly"}]},
        CIS_TRAIL,
        "eventSelectors",
    ),
    Case(
        COMPLETE,
        "one source left in",
        "fail",
        TRAIL,
        {
            **WHOLE,
            "advancedEventSelectors": [
                {"fieldSelectors": [MANAGEMENT, {"field": "eventSource", "notEquals": ["iam.amazonaws.com"]}]}
            ],
        },
        EVASION,
        "advancedEventSelectors",
    ),
    Case(COMPLETE, "whole", "pass", TRAIL, WHOLE, CKV_TRAIL),
    Case(
        COMPLETE,
        "data events as well",
        "pass",
        TRAIL,
        {
            **WHOLE,
            "enableLogging": True,
            "eventSelectors": [
                {
                    "includeManagementEvents": True,
                    "readWriteType": "All",
                    "dataResources": [{"type": "AWS::S3::Object"}],
                }
            ],
        },
        CIS_TRAIL,
    ),
    Case(
        COMPLETE,
        "without the noise of KMS",
        "pass",
        TRAIL,
        {
            **WHOLE,
            "advancedEventSelectors": [
                {"fieldSelectors": [MANAGEMENT, {"field": "eventSource", "notEquals": ["kms.amazonaws.com"]}]}
            ],
        },
        "CloudTrail, Logging management events",
    ),
    Case(
        COMPLETE,
        "not known",
        "unknown",
        TRAIL,
        {**WHOLE, "isMultiRegionTrail": UNKNOWN},
        "preview",
        "isMultiRegionTrail",
    ),
    Case(
        COMPLETE,
        "selectors not known",
        "unknown",
        TRAIL,
        {**WHOLE, "eventSelectors": UNKNOWN},
        "preview",
        "eventSelectors",
    ),
    # 43. Audit bucket locked and versioned, no forceDestroy
    Case(LOCKED, "nothing", "fail", BUCKET, {"bucket": "acme-audit"}, CKV_LOCK, "objectLockEnabled"),
    Case(
        LOCKED,
        "without versioning",
        "fail",
        BUCKET_V2,
        {"bucket": "acme-audit"},
        CKV_LOCK,
        "bucket",
        others=(_lock(),),
    ),
    Case(
        LOCKED,
        "a lock that can be lifted",
        "fail",
        BUCKET,
        {"bucket": "acme-audit"},
        S3_MODES,
        "rule.defaultRetention.mode",
        "lock",
        others=(_lock(mode="GOVERNANCE"), _versions()),
    ),
    Case(
        LOCKED,
        "locked for a month",
        "fail",
        BUCKET,
        {"bucket": "acme-audit"},
        EVASION,
        "rule.defaultRetention.days",
        "lock",
        others=(_lock(LOCK_V2, days=30), _versions()),
    ),
    Case(
        LOCKED,
        "versioning suspended",
        "fail",
        BUCKET,
        {"bucket": "acme-audit"},
        CKV_LOCK,
        "versioningConfiguration.status",
        "versions",
        others=(_lock(), _versions(VERSIONING_V2, status="Suspended")),
    ),
    Case(
        LOCKED,
        "deleted with what is in it",
        "fail",
        BUCKET,
        {"bucket": "acme-audit", "forceDestroy": True},
        "Pulumi aws.s3.Bucket: forceDestroy",
        "forceDestroy",
        others=(_lock(), _versions()),
    ),
    Case(
        LOCKED,
        "a trail's, called otherwise",
        "fail",
        BUCKET,
        {"bucket": "records"},
        EVASION,
        "objectLockEnabled",
        others=(thing(TRAIL, {"s3BucketName": "records"}, "everything"),),
    ),
    Case(
        LOCKED,
        "Google's without a policy",
        "fail",
        GCP_BUCKET,
        {"name": "acme-audit"},
        GCP_LOCK,
        "retentionPolicy.isLocked",
    ),
    Case(
        LOCKED,
        "Google's, not locked",
        "fail",
        GCP_BUCKET,
        {"name": "acme-audit", "retentionPolicy": {"retentionPeriod": YEAR}},
        GCP_LOCK,
        "retentionPolicy.isLocked",
    ),
    Case(
        LOCKED,
        "locked for a year",
        "pass",
        BUCKET,
        {"bucket": "acme-audit", "objectLockEnabled": True, "forceDestroy": False},
        CKV_LOCK,
        others=(_lock(years=1), _versions()),
    ),
    Case(LOCKED, "of no audit", "pass", BUCKET, {"bucket": "acme-auditorium", "forceDestroy": True}, "near miss"),
    Case(
        LOCKED,
        "a trail's, locked",
        "pass",
        BUCKET,
        {"bucket": "records"},
        CKV_LOCK,
        others=(
            thing(TRAIL, {"s3BucketName": "records"}, "everything"),
            _lock(bucket="records"),
            _versions(bucket="records"),
        ),
    ),
    Case(
        LOCKED,
        "Google's, locked",
        "pass",
        GCP_BUCKET,
        {"name": "acme-audit", "retentionPolicy": {"isLocked": True, "retentionPeriod": YEAR}},
        GCP_LOCK,
    ),
    Case(LOCKED, "name not known", "unknown", BUCKET, {"bucket": UNKNOWN}, "preview", "bucket"),
    Case(
        LOCKED,
        "whose lock is not known",
        "unknown",
        BUCKET,
        {"bucket": "acme-audit"},
        "preview",
        "bucket",
        "lock",
        others=(_lock(bucket=UNKNOWN), _versions()),
    ),
    # 44. Retention of 365 days at least
    Case(RETENTION, "a month", "fail", GROUP, {"retentionInDays": 30}, CKV_RETENTION, "retentionInDays"),
    Case(RETENTION, "a day", "fail", GROUP, {"retentionInDays": 1}, CKV_RETENTION, "retentionInDays"),
    Case(RETENTION, "six months", "fail", GROUP, {"retentionInDays": 180.0}, CKV_RETENTION, "retentionInDays"),
    Case(
        RETENTION,
        "a class for delivery",
        "fail",
        GROUP,
        {"retentionInDays": 365, "logGroupClass": "DELIVERY"},
        CLASSES,
        "logGroupClass",
    ),
    Case(RETENTION, "a year", "pass", GROUP, {"retentionInDays": 365}, CKV_RETENTION),
    Case(
        RETENTION,
        "two years, seldom read",
        "pass",
        GROUP,
        {"retentionInDays": 731, "logGroupClass": "INFREQUENT_ACCESS"},
        CLASSES,
    ),
    Case(RETENTION, "for ever", "pass", GROUP, {"retentionInDays": 0}, "near miss"),
    Case(RETENTION, "for ever by default", "pass", GROUP, {"name": "/links/web"}, "near miss"),
    Case(RETENTION, "not known", "unknown", GROUP, {"retentionInDays": UNKNOWN}, "preview", "retentionInDays"),
    # 45. Flow logs
    Case(FLOWS, "none", "fail", VPC, {"cidrBlock": "10.0.0.0/16"}, CKV_FLOWS, "cidrBlock"),
    Case(FLOWS, "none of the default network", "fail", DEFAULT_VPC, {}, CKV_FLOWS, "cidrBlock"),
    Case(
        FLOWS,
        "another network's",
        "fail",
        VPC,
        {"cidrBlock": "10.0.0.0/16"},
        CKV_FLOWS,
        answered={"id": "vpc-1"},
        others=(_flow_log("ALL", "vpc-2"),),
    ),
    Case(
        FLOWS,
        "only what was refused",
        "fail",
        VPC,
        {"cidrBlock": "10.0.0.0/16"},
        EVASION,
        answered={"id": "vpc-1"},
        others=(_flow_log("REJECT"),),
    ),
    Case(
        FLOWS,
        "a subnet's",
        "fail",
        VPC,
        {"cidrBlock": "10.0.0.0/16"},
        EVASION,
        answered={"id": "vpc-1"},
        others=(thing(FLOW_LOG, {"subnetId": "subnet-1", "trafficType": "ALL"}, "flows"),),
    ),
    Case(FLOWS, "Google's without", "fail", SUBNETWORK, {"ipCidrRange": "10.0.0.0/24"}, CKV_GCP_FLOWS, "logConfig"),
    Case(
        FLOWS,
        "Google's of no packet",
        "fail",
        SUBNETWORK,
        {"logConfig": {"flowSampling": 0}},
        EVASION,
        "logConfig.flowSampling",
    ),
    Case(
        FLOWS,
        "all traffic",
        "pass",
        VPC,
        {"cidrBlock": "10.0.0.0/16"},
        CKV_FLOWS,
        answered={"id": "vpc-1"},
        others=(_flow_log("ALL"),),
    ),
    Case(
        FLOWS,
        "all traffic of what is known by its ARN",
        "pass",
        VPC,
        {"cidrBlock": "10.0.0.0/16"},
        "update",
        answered={"arn": "arn:aws:ec2:eu-central-1:123456789012:vpc/vpc-1"},
        others=(_flow_log("ALL"),),
    ),
    Case(
        FLOWS,
        "in a preview by where the value comes from",
        "pass",
        VPC,
        {"cidrBlock": "10.0.0.0/16"},
        "preview",
        others=(
            thing(
                FLOW_LOG,
                {"vpcId": UNKNOWN, "trafficType": "ALL"},
                "flows",
                property_dependencies={"vpcId": (urn(VPC, "test"),)},
            ),
        ),
    ),
    Case(FLOWS, "Google's with", "pass", SUBNETWORK, {"logConfig": {"flowSampling": 0.5}}, CKV_GCP_FLOWS),
    Case(FLOWS, "a proxy's", "pass", SUBNETWORK, {"purpose": "REGIONAL_MANAGED_PROXY"}, CKV_GCP_FLOWS),
    Case(
        FLOWS,
        "traffic not known",
        "unknown",
        VPC,
        {"cidrBlock": "10.0.0.0/16"},
        "preview",
        answered={"id": "vpc-1"},
        others=(_flow_log(UNKNOWN),),
    ),
    Case(FLOWS, "purpose not known", "unknown", SUBNETWORK, {"purpose": UNKNOWN}, "preview", "purpose"),
    # 46. Full control-plane logging
    Case(PLANE, "none", "fail", CLUSTER, {"name": "links"}, CKV_EKS, "enabledClusterLogTypes"),
    Case(PLANE, "without audit", "fail", CLUSTER, {"enabledClusterLogTypes": ["api", "scheduler"]}, CKV_EKS),
    Case(
        PLANE,
        "four of five",
        "fail",
        CLUSTER,
        {"enabledClusterLogTypes": EVERY_LOG[:4]},
        CKV_EKS,
        "enabledClusterLogTypes",
    ),
    Case(PLANE, "writes only", "fail", PROJECT_AUDIT, _kinds("DATA_WRITE"), CIS_GCP, "auditLogConfigs"),
    Case(PLANE, "a folder's without reads", "fail", FOLDER_AUDIT, _kinds("ADMIN_READ", "DATA_WRITE"), CIS_GCP),
    Case(
        PLANE,
        "some exempted",
        "fail",
        ORGANIZATION_AUDIT,
        {
            "service": "allServices",
            "auditLogConfigs": [
                {"logType": "ADMIN_READ"},
                {
                    "logType": "DATA_READ",
                    "exemptedMembers": ["group:everybody"],
                },
                {"logType": "DATA_WRITE"},
            ],
        },
        CIS_GCP,
        "auditLogConfigs[1].exemptedMembers",
    ),
    Case(PLANE, "all five", "pass", CLUSTER, {"enabledClusterLogTypes": EVERY_LOG}, CKV_EKS),
    Case(PLANE, "all five in another order", "pass", CLUSTER, {"enabledClusterLogTypes": EVERY_LOG[::-1]}, "near miss"),
    Case(PLANE, "all three", "pass", PROJECT_AUDIT, _kinds("ADMIN_READ", "DATA_READ", "DATA_WRITE"), CIS_GCP),
    Case(
        PLANE, "not known", "unknown", CLUSTER, {"enabledClusterLogTypes": UNKNOWN}, "preview", "enabledClusterLogTypes"
    ),
    Case(
        PLANE,
        "one kind not known",
        "unknown",
        PROJECT_AUDIT,
        _kinds("ADMIN_READ", UNKNOWN),
        "preview",
        "auditLogConfigs",
    ),
)
