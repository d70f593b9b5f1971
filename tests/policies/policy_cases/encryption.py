"""Cases of the controls of encryption."""

import json

from policies import UNKNOWN
from policies.model import Plain, Properties

from .case import EVASION, Case, thing, urn

INSTANCE = "aws:rds/instance:Instance"
CLUSTER = "aws:rds/cluster:Cluster"
FILE_SYSTEM = "aws:efs/fileSystem:FileSystem"
VOLUME = "aws:ebs/volume:Volume"
KEY = "aws:kms/key:Key"
GCP_KEY = "gcp:kms/cryptoKey:CryptoKey"
KEY_ARN = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SOURCE_ARN = "arn:aws:rds:eu-west-1:123456789012:db:links"

AT_REST = "encrypted-at-rest"
CKV_RDS = "Checkov CKV_AWS_16 (RDSEncryption)"
CKV_EBS = "Checkov CKV_AWS_3 (EBSEncryption)"
CKV_EFS = "Checkov CKV_AWS_42 (EFSEncryptionEnabled)"
REPLICA = "Terraform AWS provider, aws_db_instance: storage_encrypted is ignored for cross-region replicas"

ROTATED = "keys-rotated"
CKV_KMS = "Checkov CKV_AWS_7 (KMSRotation): symmetric keys rotate, others are exempt"
CKV_GCP_KMS = "Checkov CKV_GCP_43 (GoogleKMSRotationPeriod)"

TLS = "tls-only"
LISTENER = "aws:lb/listener:Listener"
OLD_LISTENER = "aws:alb/listener:Listener"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
OLD_BALANCER = "aws:alb/loadBalancer:LoadBalancer"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
CKV_LISTENER = "Checkov CKV_AWS_2 (ALBListenerHTTPS)"
CKV_TLS = "Checkov CKV_AWS_379; AWS Config s3-bucket-ssl-requests-only"
FORWARD: Plain = [{"type": "forward", "targetGroupArn": "arn:aws:elasticloadbalancing:eu-central-1:123456789012:t/g"}]
TO_TLS: Plain = [{"type": "redirect", "redirect": {"port": "443", "protocol": "HTTPS", "statusCode": "HTTP_301"}}]
PUBLIC = thing(BALANCER, {"internal": False}, "front", answered={"arn": "arn:aws:elb:front"})
OLD_PUBLIC = thing(OLD_BALANCER, {"internal": False}, "front", answered={"arn": "arn:aws:elb:front"})
INTERNAL = thing(BALANCER, {"internal": True}, "front", answered={"arn": "arn:aws:elb:front"})
DENIES: dict[str, Plain] = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": ["arn:aws:s3:::links", "arn:aws:s3:::links/*"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}

BLOCKED = "bucket-access-blocked"
BUCKET = "aws:s3/bucket:Bucket"
BUCKET_V2 = "aws:s3/bucketV2:BucketV2"
BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
CKV_BLOCK = "Checkov CKV2_AWS_6 (S3BucketHasPublicAccessBlock), CKV_AWS_53 to 56"
ALL_FOUR: dict[str, Plain] = {
    "blockPublicAcls": True,
    "blockPublicPolicy": True,
    "ignorePublicAcls": True,
    "restrictPublicBuckets": True,
}


def _listener(protocol: Plain, actions: Plain = FORWARD) -> Properties:
    return {"loadBalancerArn": "arn:aws:elb:front", "port": 80, "protocol": protocol, "defaultActions": actions}


def _policy(**changes: Plain) -> Properties:
    statement = {name: value for name, value in {**DENIES, **changes}.items() if value is not None}
    return {"bucket": "links", "policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})}


CASES: tuple[Case, ...] = (
    # 38. At rest
    Case(AT_REST, "database by default", "fail", INSTANCE, {"engine": "postgres"}, CKV_RDS, "storageEncrypted"),
    Case(AT_REST, "database, off", "fail", INSTANCE, {"storageEncrypted": False}, CKV_RDS, "storageEncrypted"),
    Case(
        AT_REST, "a key but the flag off", "fail", INSTANCE, {"storageEncrypted": False, "kmsKeyId": KEY_ARN}, EVASION
    ),
    Case(
        AT_REST, "cluster", "fail", CLUSTER, {"engine": "aurora-postgresql"}, "Checkov CKV_AWS_96", "storageEncrypted"
    ),
    Case(AT_REST, "file system", "fail", FILE_SYSTEM, {"creationToken": "links"}, CKV_EFS, "encrypted"),
    Case(AT_REST, "volume", "fail", VOLUME, {"size": 8, "encrypted": False}, CKV_EBS, "encrypted"),
    Case(AT_REST, "a replica without a key", "fail", INSTANCE, {"replicateSourceDb": SOURCE_ARN}, REPLICA),
    Case(AT_REST, "database, on", "pass", INSTANCE, {"storageEncrypted": True}, CKV_RDS),
    Case(
        AT_REST, "cluster, on", "pass", CLUSTER, {"storageEncrypted": True, "kmsKeyId": KEY_ARN}, "Checkov CKV_AWS_96"
    ),
    Case(
        AT_REST,
        "a replica from elsewhere with a key",
        "pass",
        INSTANCE,
        {"replicateSourceDb": SOURCE_ARN, "kmsKeyId": KEY_ARN},
        REPLICA,
    ),
    Case(AT_REST, "file system, on", "pass", FILE_SYSTEM, {"encrypted": True}, CKV_EFS),
    Case(AT_REST, "volume, on", "pass", VOLUME, {"encrypted": True}, CKV_EBS),
    Case(AT_REST, "not known", "unknown", VOLUME, {"encrypted": UNKNOWN}, "preview", "encrypted"),
    # 39. Key rotation
    Case(ROTATED, "by default", "fail", KEY, {"description": "links"}, CKV_KMS, "enableKeyRotation"),
    Case(ROTATED, "off", "fail", KEY, {"enableKeyRotation": False}, CKV_KMS, "enableKeyRotation"),
    Case(
        ROTATED,
        "symmetric, written out",
        "fail",
        KEY,
        {"customerMasterKeySpec": "SYMMETRIC_DEFAULT", "enableKeyRotation": False},
        CKV_KMS,
    ),
    Case(
        ROTATED,
        "every seven years",
        "fail",
        KEY,
        {"enableKeyRotation": True, "rotationPeriodInDays": 2560},
        EVASION,
        "rotationPeriodInDays",
    ),
    Case(ROTATED, "Google's without a period", "fail", GCP_KEY, {"name": "links"}, CKV_GCP_KMS, "rotationPeriod"),
    Case(ROTATED, "Google's, 91 days", "fail", GCP_KEY, {"rotationPeriod": "7862400s"}, CKV_GCP_KMS, "rotationPeriod"),
    Case(ROTATED, "on", "pass", KEY, {"enableKeyRotation": True}, CKV_KMS),
    Case(ROTATED, "every 90 days", "pass", KEY, {"enableKeyRotation": True, "rotationPeriodInDays": 90}, CKV_KMS),
    Case(ROTATED, "a key that signs", "pass", KEY, {"customerMasterKeySpec": "ECC_NIST_P256"}, CKV_KMS),
    Case(ROTATED, "a key for HMAC", "pass", KEY, {"customerMasterKeySpec": "HMAC_256"}, "near miss"),
    Case(ROTATED, "a key in a store of one's own", "pass", KEY, {"customKeyStoreId": "cks-1"}, "KMS, rotating keys"),
    Case(ROTATED, "Google's, 90 days", "pass", GCP_KEY, {"rotationPeriod": "7776000s"}, CKV_GCP_KMS),
    Case(ROTATED, "Google's that signs", "pass", GCP_KEY, {"purpose": "ASYMMETRIC_SIGN"}, "near miss"),
    Case(ROTATED, "not known", "unknown", KEY, {"enableKeyRotation": UNKNOWN}, "preview", "enableKeyRotation"),
    Case(
        ROTATED,
        "kind not known",
        "unknown",
        KEY,
        {"customerMasterKeySpec": UNKNOWN},
        "preview",
        "customerMasterKeySpec",
    ),
    Case(ROTATED, "purpose not known", "unknown", GCP_KEY, {"purpose": UNKNOWN}, "preview", "purpose"),
    # 40. TLS only
    Case(TLS, "HTTP", "fail", LISTENER, _listener("HTTP"), CKV_LISTENER, "protocol", others=(PUBLIC,)),
    Case(TLS, "HTTP, by the old name", "fail", OLD_LISTENER, _listener("HTTP"), EVASION, others=(OLD_PUBLIC,)),
    Case(TLS, "HTTP at somebody else's balancer", "fail", LISTENER, _listener("HTTP"), EVASION, "protocol"),
    Case(
        TLS,
        "redirect to HTTP",
        "fail",
        LISTENER,
        _listener("HTTP", [{"type": "redirect", "redirect": {"protocol": "HTTP", "statusCode": "HTTP_301"}}]),
        CKV_LISTENER,
        others=(PUBLIC,),
    ),
    Case(
        TLS,
        "a fixed response in the clear",
        "fail",
        LISTENER,
        _listener("HTTP", [{"type": "fixed-response", "fixedResponse": {"contentType": "text/plain"}}]),
        CKV_LISTENER,
        others=(PUBLIC,),
    ),
    Case(
        TLS,
        "policy that only allows",
        "fail",
        BUCKET_POLICY,
        _policy(Effect="Allow", Condition=None),
        CKV_TLS,
        "policy",
    ),
    Case(
        TLS,
        "denies with TLS",
        "fail",
        BUCKET_POLICY,
        _policy(Condition={"Bool": {"aws:SecureTransport": "true"}}),
        CKV_TLS,
    ),
    Case(TLS, "denies one action", "fail", BUCKET_POLICY, _policy(Action="s3:PutObject"), EVASION),
    Case(
        TLS,
        "denies one caller",
        "fail",
        BUCKET_POLICY,
        _policy(Principal={"AWS": "arn:aws:iam::123456789012:root"}),
        EVASION,
    ),
    Case(
        TLS,
        "denies under another condition too",
        "fail",
        BUCKET_POLICY,
        _policy(
            Condition={"Bool": {"aws:SecureTransport": "false"}, "StringEquals": {"aws:SourceVpc": "vpc-0a1b2c3d"}}
        ),
        EVASION,
    ),
    Case(
        TLS,
        "denies the bucket, not its objects",
        "fail",
        BUCKET_POLICY,
        _policy(Resource="arn:aws:s3:::links"),
        EVASION,
    ),
    Case(TLS, "HTTPS", "pass", LISTENER, _listener("HTTPS"), CKV_LISTENER, others=(PUBLIC,)),
    Case(TLS, "HTTP leads to HTTPS", "pass", LISTENER, _listener("HTTP", TO_TLS), CKV_LISTENER, others=(PUBLIC,)),
    Case(TLS, "HTTP inside the network", "pass", LISTENER, _listener("HTTP"), "near miss", others=(INTERNAL,)),
    Case(TLS, "TCP passed on", "pass", LISTENER, _listener("TCP"), CKV_LISTENER, others=(PUBLIC,)),
    Case(TLS, "policy that denies", "pass", BUCKET_POLICY, _policy(), CKV_TLS),
    Case(
        TLS,
        "denies as a boolean, the principal under AWS",
        "pass",
        BUCKET_POLICY,
        _policy(Principal={"AWS": "*"}, Condition={"Bool": {"aws:SecureTransport": False}}),
        "near miss",
    ),
    Case(TLS, "protocol not known", "unknown", LISTENER, _listener(UNKNOWN), "preview", "protocol", others=(PUBLIC,)),
    Case(
        TLS,
        "balancer's place not known",
        "unknown",
        LISTENER,
        _listener("HTTP"),
        "preview",
        "loadBalancerArn",
        others=(thing(BALANCER, {"internal": UNKNOWN}, "front", answered={"arn": "arn:aws:elb:front"}),),
    ),
    Case(
        TLS, "policy not known", "unknown", BUCKET_POLICY, {"bucket": "links", "policy": UNKNOWN}, "preview", "policy"
    ),
    # 41. S3 public access block, all four flags
    Case(BLOCKED, "no block", "fail", BUCKET, {"bucket": "links"}, CKV_BLOCK, "bucket"),
    Case(BLOCKED, "no block, second version", "fail", BUCKET_V2, {"bucket": "links"}, CKV_BLOCK, "bucket"),
    Case(
        BLOCKED,
        "another bucket's block",
        "fail",
        BUCKET,
        {"bucket": "links"},
        CKV_BLOCK,
        "bucket",
        "test",
        others=(thing(BLOCK, {"bucket": "notes", **ALL_FOUR}, "block"),),
    ),
    *(
        Case(BLOCKED, f"without {flag}", "fail", BLOCK, {"bucket": "links", **ALL_FOUR, flag: False}, CKV_BLOCK, flag)
        for flag in ALL_FOUR
    ),
    Case(BLOCKED, "nothing said", "fail", BLOCK, {"bucket": "links"}, CKV_BLOCK, "blockPublicAcls"),
    Case(
        BLOCKED,
        "a text that says true",
        "fail",
        BLOCK,
        {"bucket": "links", **ALL_FOUR, "blockPublicAcls": "yes"},
        EVASION,
    ),
    Case(
        BLOCKED,
        "by its name",
        "pass",
        BUCKET,
        {"bucket": "links"},
        CKV_BLOCK,
        others=(thing(BLOCK, {"bucket": "links", **ALL_FOUR}, "block"),),
    ),
    Case(
        BLOCKED,
        "by its id",
        "pass",
        BUCKET_V2,
        {},
        CKV_BLOCK,
        answered={"id": "links-0a1b2c"},
        others=(thing(BLOCK, {"bucket": "links-0a1b2c", **ALL_FOUR}, "block"),),
    ),
    Case(
        BLOCKED,
        "in a preview by where the value comes from",
        "pass",
        BUCKET,
        {},
        "preview",
        others=(
            thing(
                BLOCK,
                {"bucket": UNKNOWN, **ALL_FOUR},
                "block",
                property_dependencies={"bucket": (urn(BUCKET, "test"),)},
            ),
        ),
    ),
    Case(BLOCKED, "of a bucket declared elsewhere", "pass", BLOCK, {"bucket": "links", **ALL_FOUR}, "near miss"),
    Case(
        BLOCKED,
        "flag not known",
        "unknown",
        BLOCK,
        {**ALL_FOUR, "blockPublicAcls": UNKNOWN},
        "preview",
        "blockPublicAcls",
    ),
    Case(
        BLOCKED,
        "whose block is not known",
        "unknown",
        BUCKET,
        {"bucket": "links"},
        "preview",
        "bucket",
        others=(thing(BLOCK, {"bucket": UNKNOWN, **ALL_FOUR}, "block"),),
    ),
)
