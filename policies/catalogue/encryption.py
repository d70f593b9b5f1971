"""Encryption: at rest, on the way, and of what nobody may read."""

from typing import Final

from policies.checks import encryption, encryption_buckets, encryption_transport
from policies.model import Control, Severity

CONTROLS: Final[tuple[Control, ...]] = (
    Control(
        number=38,
        id="encrypted-at-rest",
        title="At rest",
        severity=Severity.HIGH,
        reads={
            encryption.INSTANCE: ("storageEncrypted", "replicateSourceDb", "kmsKeyId"),
            encryption.CLUSTER: ("storageEncrypted", "replicationSourceIdentifier", "kmsKeyId"),
            encryption.FILE_SYSTEM: ("encrypted",),
            encryption.VOLUME: ("encrypted",),
        },
        why="A snapshot or a disk that leaves the account is readable by whoever has it.",
        fix="switch encryption on; what exists already must be made anew from a snapshot",
        references=("CKV_AWS_16", "CKV_AWS_42", "CKV_AWS_3", "CIS AWS 2.3.1"),
        check=encryption.encrypted_at_rest,
    ),
    Control(
        number=39,
        id="keys-rotated",
        title="Key rotation",
        severity=Severity.MEDIUM,
        reads={
            encryption.KEY: (
                "enableKeyRotation",
                "rotationPeriodInDays",
                "customerMasterKeySpec",
                "customKeyStoreId",
            ),
            encryption.GCP_KEY: ("rotationPeriod", "purpose"),
        },
        why="The longer a key is in use, the more one leak of its material opens.",
        fix="set enableKeyRotation (AWS), or a rotationPeriod of up to 7776000s (Google Cloud)",
        references=("CKV_AWS_7", "CKV_GCP_43", "CIS AWS 3.6", "CIS Google Cloud 1.10"),
        check=encryption.keys_rotated,
    ),
    Control(
        number=40,
        id="tls-only",
        title="TLS only",
        severity=Severity.HIGH,
        reads={
            **dict.fromkeys(encryption_transport.LISTENERS, ("protocol", "defaultActions", "loadBalancerArn")),
            **dict.fromkeys(encryption_transport.BALANCERS, ("internal",)),
            encryption_transport.BUCKET_POLICY: ("policy",),
        },
        why="What is sent in the clear, a session or a credential too, is read by whoever is on the way.",
        fix="serve HTTPS and redirect HTTP to it; deny s3:* to everyone where aws:SecureTransport is false",
        references=("CKV_AWS_2", "CKV_AWS_379", "CIS AWS 2.1.1"),
        stack_check=encryption_transport.tls_only,
    ),
    Control(
        number=41,
        id="bucket-access-blocked",
        title="S3 public access block, all four flags",
        severity=Severity.CRITICAL,
        reads={
            encryption_buckets.BUCKET: ("bucket",),
            encryption_buckets.BUCKET_V2: ("bucket",),
            encryption_buckets.PUBLIC_ACCESS: ("bucket", *encryption_buckets.FLAGS),
        },
        why="One wrong ACL or policy makes what is in a bucket public, unless the bucket refuses such.",
        fix="declare a BucketPublicAccessBlock for the bucket, with all four flags true",
        references=("CKV2_AWS_6", "CKV_AWS_53", "CKV_AWS_54", "CKV_AWS_55", "CKV_AWS_56", "CIS AWS 2.1.4"),
        check=encryption_buckets.access_blocked,
        stack_check=encryption_buckets.every_bucket_blocked,
    ),
)
