"""Buckets: they are the account's, whatever their region, and each setting is a call of its own."""

from collections.abc import Iterator

from stacks.isolation.reading.reader import Reader, references, tags_of
from stacks.isolation.records import Document, Kind, Reference, Resource, Unread

# What S3 answers where a bucket has none of it.
ABSENT = (
    "NoSuchBucketPolicy",
    "NoSuchTagSet",
    "ServerSideEncryptionConfigurationNotFoundError",
    "ReplicationConfigurationNotFoundError",
)
_NOTIFIED = (
    ("QueueConfigurations", "QueueArn"),
    ("TopicConfigurations", "TopicArn"),
    ("LambdaFunctionConfigurations", "LambdaFunctionArn"),
)


def read_buckets(reader: Reader) -> Iterator[Resource]:
    """Every bucket of the account, with its policy, its key, and where it sends what."""
    for bucket in reader.pages("s3", "list_buckets", "Buckets"):
        name = bucket["Name"]
        policy = reader.call("s3", "get_bucket_policy", ABSENT, Bucket=name)
        tags = reader.call("s3", "get_bucket_tagging", ABSENT, Bucket=name)
        arn = f"arn:aws:s3:::{name}"
        _check_list(reader, name)
        yield Resource(
            kind=Kind.BUCKET,
            id=arn,
            names=(name,),
            arns=(arn, f"{arn}/*"),
            tags=tags_of((tags or {}).get("TagSet")),
            refers=tuple(_uses(reader, name)),
            policy=Document(name=f"bucket policy of {name}", content=policy["Policy"]) if policy else None,
        )


def _uses(reader: Reader, name: str) -> Iterator[Reference]:
    encrypted = reader.call("s3", "get_bucket_encryption", ABSENT, Bucket=name) or {}
    for rule in encrypted.get("ServerSideEncryptionConfiguration", {}).get("Rules", ()):
        yield from reader.key("encrypted by", rule.get("ApplyServerSideEncryptionByDefault", {}).get("KMSMasterKeyID"))
    copied = (reader.call("s3", "get_bucket_replication", ABSENT, Bucket=name) or {}).get("ReplicationConfiguration")
    if copied:
        yield from references("copies as role", [copied["Role"]])
        yield from references("copies to", [rule["Destination"]["Bucket"] for rule in copied["Rules"]])
    notified = reader.call("s3", "get_bucket_notification_configuration", Bucket=name) or {}
    for key, arn in _NOTIFIED:
        yield from references("tells", [each[arn] for each in notified.get(key, ())])
    logged = reader.call("s3", "get_bucket_logging", Bucket=name) or {}
    yield from references("logs to", [logged.get("LoggingEnabled", {}).get("TargetBucket")])


def _check_list(reader: Reader, name: str) -> None:
    """An access control list names people by ids that no policy has: one that lets anybody else in is not judged."""
    answer = reader.call("s3", "get_bucket_acl", Bucket=name)
    if answer is None:
        return
    owner = answer["Owner"]["ID"]
    others = [grant["Grantee"] for grant in answer["Grants"] if grant["Grantee"].get("ID") != owner]
    if others:
        reader.unread.append(
            Unread(what=f"access control list of {name}", why="it lets others in than its owner: use a bucket policy")
        )
