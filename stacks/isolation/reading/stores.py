"""What holds data, or what encrypts it: keys, secrets, logs, images, buckets, queues, topics, databases."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from stacks.isolation.reading.reader import Reader, references, tags_of
from stacks.isolation.records import Document, Kind, Resource

_OF_DATABASE = re.compile(r"/aws/rds/instance/([^/]+)/")
_OF_CLUSTER = re.compile(r"/aws/ecs/containerinsights/([^/]+)/")


def read_secrets(reader: Reader) -> Iterator[Resource]:
    """Every secret that is not being deleted, with its policy and its key."""
    for secret in reader.pages("secretsmanager", "list_secrets", "SecretList", IncludePlannedDeletion=True):
        if "DeletedDate" not in secret:
            yield _secret(reader, secret)


def read_images(reader: Reader) -> Iterator[Resource]:
    """Every image repository, and the policy of the whole registry."""
    for repository in reader.pages("ecr", "describe_repositories", "repositories"):
        yield _repository(reader, repository)
    registry = reader.call("ecr", "get_registry_policy", ("RegistryPolicyNotFoundException",))
    yield from _account_policy(f"ecr registry of {reader.region}", (registry or {}).get("policyText"))


def read_queues(reader: Reader) -> Iterator[Resource]:
    """Every queue, with its policy, its key, and the queue it puts messages aside into."""
    for url in reader.pages("sqs", "list_queues", "QueueUrls"):
        yield from _queue(reader, url)


def read_keys(reader: Reader) -> Iterator[Resource]:
    """Every key of the account's own with its policy, its grants and its aliases."""
    for key in reader.pages("kms", "list_keys", "Keys"):
        described = reader.call("kms", "describe_key", KeyId=key["KeyArn"])
        if described is None or described["KeyMetadata"]["KeyManager"] != "CUSTOMER":
            continue
        policy = reader.call("kms", "get_key_policy", KeyId=key["KeyArn"], PolicyName="default")
        tags = reader.pages("kms", "list_resource_tags", "Tags", KeyId=key["KeyArn"])
        yield Resource(
            kind=Kind.KEY,
            id=key["KeyArn"],
            arns=(key["KeyArn"],),
            tags=tags_of(tags, "TagKey", "TagValue"),
            policy=_document("key policy", key["KeyArn"], (policy or {}).get("Policy")),
        )
        for grant in reader.pages("kms", "list_grants", "Grants", KeyId=key["KeyArn"]):
            grantee = grant["GranteePrincipal"]
            yield Resource(
                kind=Kind.GRANT,
                id=f"{key['KeyArn']} grant {grant['GrantId']}",
                part_of=key["KeyArn"],
                # A service's name is no ARN: it works for whoever uses the key.
                refers=references("lets use it", [grantee if grantee.startswith("arn:") else None]),
            )
    for alias in reader.pages("kms", "list_aliases", "Aliases"):
        if "TargetKeyId" in alias and not alias["AliasName"].startswith("alias/aws/"):
            yield Resource(
                kind=Kind.ALIAS,
                id=alias["AliasArn"],
                arns=(alias["AliasArn"],),
                part_of=reader.arn("kms", f"key/{alias['TargetKeyId']}"),
            )


def _secret(reader: Reader, secret: Mapping[str, Any]) -> Resource:
    policy = reader.call("secretsmanager", "get_resource_policy", SecretId=secret["ARN"])
    return Resource(
        kind=Kind.SECRET,
        id=secret["ARN"],
        arns=(secret["ARN"],),
        tags=tags_of(secret.get("Tags")),
        refers=(
            *reader.key("encrypted by", secret.get("KmsKeyId")),
            *references("rotated by", [secret.get("RotationLambdaARN")]),
        ),
        policy=_document("secret policy", secret["ARN"], (policy or {}).get("ResourcePolicy")),
    )


def read_logs(reader: Reader) -> Iterator[Resource]:
    """Every log group with its key and its subscription filters, and the policies that let services write."""
    for group in reader.pages("logs", "describe_log_groups", "logGroups"):
        arn = group["arn"].removesuffix(":*")
        tags = reader.call("logs", "list_tags_for_resource", resourceArn=arn)
        yield Resource(
            kind=Kind.LOG_GROUP,
            id=arn,
            names=(f"{arn}:*",),
            arns=(arn, f"{arn}:*"),
            tags=(tags or {}).get("tags", {}),
            part_of=_made_by_service(reader, group["logGroupName"]),
            refers=tuple(reader.key("encrypted by", group.get("kmsKeyId"))),
        )
        named = {"logGroupName": group["logGroupName"]}
        for each in reader.pages("logs", "describe_subscription_filters", "subscriptionFilters", **named):
            yield Resource(
                kind=Kind.LOG_FILTER,
                id=f"{arn} filter {each['filterName']}",
                part_of=arn,
                refers=(
                    *references("sends to", [each["destinationArn"]]),
                    *references("sends as role", [each.get("roleArn")]),
                ),
            )
    for policy in reader.pages("logs", "describe_resource_policies", "resourcePolicies"):
        yield from _account_policy(f"logs policy {policy['policyName']} of {reader.region}", policy["policyDocument"])


def _made_by_service(reader: Reader, name: str) -> str | None:
    """What a log group is of that a service makes for it by itself, without tags."""
    if found := _OF_DATABASE.match(name):
        return reader.arn("rds", f"db:{found[1]}")
    if found := _OF_CLUSTER.match(name):
        return reader.arn("ecs", f"cluster/{found[1]}")
    return None


def _repository(reader: Reader, repository: Mapping[str, Any]) -> Resource:
    arn, name = repository["repositoryArn"], repository["repositoryName"]
    policy = reader.call("ecr", "get_repository_policy", ("RepositoryPolicyNotFoundException",), repositoryName=name)
    tags = reader.call("ecr", "list_tags_for_resource", resourceArn=arn)
    return Resource(
        kind=Kind.REPOSITORY,
        id=arn,
        names=(repository["repositoryUri"],),
        arns=(arn,),
        tags=tags_of((tags or {}).get("tags")),
        refers=tuple(reader.key("encrypted by", repository.get("encryptionConfiguration", {}).get("kmsKey"))),
        policy=_document("repository policy", arn, (policy or {}).get("policyText")),
    )


def _queue(reader: Reader, url: str) -> Iterator[Resource]:
    answer = reader.call("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
    tags = reader.call("sqs", "list_queue_tags", QueueUrl=url)
    if answer is None:
        return
    held = answer["Attributes"]
    aside = json.loads(held.get("RedrivePolicy") or "{}").get("deadLetterTargetArn")
    yield Resource(
        kind=Kind.QUEUE,
        id=held["QueueArn"],
        names=(url,),
        arns=(held["QueueArn"],),
        tags=(tags or {}).get("Tags", {}),
        refers=(
            *reader.key("encrypted by", held.get("KmsMasterKeyId")),
            *references("puts aside into", [aside]),
        ),
        policy=_document("queue policy", held["QueueArn"], held.get("Policy")),
    )


def read_topics(reader: Reader) -> Iterator[Resource]:
    """Every topic with its policy, its key and its subscriptions."""
    for topic in reader.pages("sns", "list_topics", "Topics"):
        arn = topic["TopicArn"]
        answer = reader.call("sns", "get_topic_attributes", TopicArn=arn)
        tags = reader.call("sns", "list_tags_for_resource", ResourceArn=arn)
        held = (answer or {}).get("Attributes", {})
        yield Resource(
            kind=Kind.TOPIC,
            id=arn,
            arns=(arn,),
            tags=tags_of((tags or {}).get("Tags")),
            refers=tuple(reader.key("encrypted by", held.get("KmsMasterKeyId"))),
            policy=_document("topic policy", arn, held.get("Policy")),
        )
    for each in reader.pages("sns", "list_subscriptions", "Subscriptions"):
        endpoint = each["Endpoint"]
        yield Resource(
            kind=Kind.SUBSCRIPTION,
            id=each["SubscriptionArn"],
            part_of=each["TopicArn"],
            # An address of people's or a web page's is no resource of an app.
            refers=references("sends to", [endpoint if endpoint.startswith("arn:") else None]),
        )


def _account_policy(name: str, content: str | None) -> Iterator[Resource]:
    if content:
        yield Resource(kind=Kind.ACCOUNT_POLICY, id=name, policy=Document(name=name, content=content))


def _document(what: str, of: str, content: str | None) -> Document | None:
    return Document(name=f"{what} of {of}", content=content) if content else None
