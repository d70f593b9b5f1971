"""SNS: topic, topic policy, subscription."""

import json
from collections.abc import Mapping
from typing import Any, Final

from localcloud.documents import policy_form
from localcloud.records.record import (
    REGION,
    TAGS,
    Call,
    Name,
    Record,
    View,
    document,
    flag,
    integer,
    tags_from,
    tags_to,
    text,
)

Json = Any
# The SDK's name, the service's.
ATTRIBUTES: Final[Mapping[str, str]] = {
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "deliveryPolicy": "DeliveryPolicy",
    "displayName": "DisplayName",
    "fifoTopic": "FifoTopic",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "policy": "Policy",
}
SUBSCRIPTION: Final[Mapping[str, str]] = {
    "deliveryPolicy": "DeliveryPolicy",
    "filterPolicy": "FilterPolicy",
    "filterPolicyScope": "FilterPolicyScope",
    "rawMessageDelivery": "RawMessageDelivery",
    "redrivePolicy": "RedrivePolicy",
}
FLAGS: Final = frozenset({"contentBasedDeduplication", "fifoTopic", "rawMessageDelivery"})


def _sent(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read(name: str, value: str | None) -> Json:
    return value == "true" if name in FLAGS else value


def create_topic(call: Call) -> str:
    """Make a topic; its ARN."""
    sent = {key: _sent(call.inputs[name]) for name, key in ATTRIBUTES.items() if call.inputs.get(name)}
    made = call.aws("sns").create_topic(Name=call.inputs["name"], Attributes=sent, Tags=call.tag_list)
    return str(made["TopicArn"])


def update_topic(call: Call) -> None:
    """Change attributes and tags."""
    sns = call.aws("sns")
    for name, key in ATTRIBUTES.items():
        if call.changed(name) and name != "fifoTopic":
            value = call.inputs.get(name)
            sns.set_topic_attributes(
                TopicArn=call.id, AttributeName=key, AttributeValue="" if value is None else _sent(value)
            )
    added, removed = call.tag_change()
    if removed:
        sns.untag_resource(ResourceArn=call.id, TagKeys=removed)
    if added:
        tags = tags_to(added)
        sns.tag_resource(ResourceArn=call.id, Tags=tags)


def read_topic(call: Call) -> View:
    """A topic."""
    sns = call.aws("sns")
    told = sns.get_topic_attributes(TopicArn=call.id)["Attributes"]
    view = {name: _read(name, told.get(key)) for name, key in ATTRIBUTES.items()}
    return view | {
        "name": call.id.rpartition(":")[2],
        "arn": told["TopicArn"],
        "owner": told["Owner"],
        "tagsAll": tags_from(sns.list_tags_for_resource(ResourceArn=call.id).get("Tags")),
    }


def delete_topic(call: Call) -> None:
    """Remove a topic with its subscriptions."""
    call.aws("sns").delete_topic(TopicArn=call.id)


def put_policy(call: Call) -> str:
    """Write a topic's policy; the topic's ARN."""
    arn = str(call.inputs["arn"])
    call.aws("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=call.inputs["policy"])
    return arn


def read_policy(call: Call) -> View:
    """A topic's policy."""
    told = call.aws("sns").get_topic_attributes(TopicArn=call.id)["Attributes"]
    return {"arn": call.id, "policy": told["Policy"], "owner": told["Owner"]}


def delete_policy(call: Call) -> None:
    """Give the topic its default policy again: the owner's account may use it (as SNS makes it)."""
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{name}" for name in ("GetTopicAttributes", "SetTopicAttributes", "Subscribe", "Publish")],
        "Resource": call.id,
        "Condition": {"StringEquals": {"AWS:SourceOwner": call.account}},
    }
    policy = {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}
    call.aws("sns").set_topic_attributes(TopicArn=call.id, AttributeName="Policy", AttributeValue=json.dumps(policy))


def create_subscription(call: Call) -> str:
    """Subscribe an endpoint to a topic; the subscription's ARN."""
    sent = {key: _sent(call.inputs[name]) for name, key in SUBSCRIPTION.items() if call.inputs.get(name)}
    made = call.aws("sns").subscribe(
        TopicArn=call.inputs["topic"],
        Protocol=call.inputs["protocol"],
        Endpoint=call.inputs["endpoint"],
        Attributes=sent,
        ReturnSubscriptionArn=True,
    )
    return str(made["SubscriptionArn"])


def update_subscription(call: Call) -> None:
    """Change a subscription's attributes."""
    for name, key in SUBSCRIPTION.items():
        if call.changed(name):
            value = call.inputs.get(name)
            call.aws("sns").set_subscription_attributes(
                SubscriptionArn=call.id, AttributeName=key, AttributeValue="" if value is None else _sent(value)
            )


def read_subscription(call: Call) -> View:
    """A subscription."""
    told = call.aws("sns").get_subscription_attributes(SubscriptionArn=call.id)["Attributes"]
    view = {name: _read(name, told.get(key)) for name, key in SUBSCRIPTION.items()}
    return view | {
        "topic": told["TopicArn"],
        "protocol": told["Protocol"],
        "endpoint": told["Endpoint"],
        "arn": call.id,
        "ownerId": told.get("Owner"),
        "pendingConfirmation": told.get("PendingConfirmation") == "true",
    }


def delete_subscription(call: Call) -> None:
    """End a subscription."""
    call.aws("sns").unsubscribe(SubscriptionArn=call.id)


def check_topic(inputs: Mapping[str, Json]) -> list[tuple[str, str]]:
    """A FIFO topic's name says so."""
    if str(inputs["name"]).endswith(".fifo") != bool(inputs["fifoTopic"]):
        return [("name", "the name of a FIFO topic, and of no other, must end in .fifo")]
    return []


NO_DELIVERY: Final = "the local cloud reports no deliveries"
RECORDS = (
    Record(
        type="aws:sns/topic:Topic",
        service="sns",
        properties={
            "name": text(replaces=True),
            "namePrefix": text(replaces=True, unread=True),
            "displayName": text(),
            "fifoTopic": flag(default=False, replaces=True),
            "contentBasedDeduplication": flag(default=False),
            "kmsMasterKeyId": text(),
            "deliveryPolicy": document(),
            "policy": document(cloud_decides=True, same_as=policy_form),
            **TAGS,
            **REGION,
        },
        outputs=("arn", "owner"),
        name=Name(limit=256, allowed=r"A-Za-z0-9_\-."),
        create=create_topic,
        read=read_topic,
        update=update_topic,
        delete=delete_topic,
        gone=("NotFound", "NotFoundException"),
        check=check_topic,
        refused=dict.fromkeys(
            (
                f"{kind}{end}"
                for kind in ("application", "firehose", "http", "lambda", "sqs")
                for end in ("FailureFeedbackRoleArn", "SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate")
            ),
            NO_DELIVERY,
        ),
    ),
    Record(
        type="aws:sns/topicPolicy:TopicPolicy",
        service="sns",
        properties={
            "arn": text(required=True, replaces=True),
            "policy": document(required=True, same_as=policy_form),
            **REGION,
        },
        outputs=("owner",),
        unique=("arn",),
        create=put_policy,
        read=read_policy,
        update=put_policy,
        delete=delete_policy,
        gone=("NotFound", "NotFoundException"),
    ),
    Record(
        type="aws:sns/topicSubscription:TopicSubscription",
        service="sns",
        properties={
            "topic": text(required=True, replaces=True),
            "protocol": text(
                required=True,
                replaces=True,
                one_of=("sqs", "lambda", "http", "https", "email", "email-json", "sms", "application", "firehose"),
            ),
            "endpoint": text(required=True, replaces=True),
            "deliveryPolicy": document(),
            "filterPolicy": document(),
            "filterPolicyScope": text(cloud_decides=True, one_of=("MessageAttributes", "MessageBody")),
            "rawMessageDelivery": flag(default=False),
            "redrivePolicy": document(),
            "confirmationTimeoutInMinutes": integer(default=1, no_effect="a subscription is confirmed at once"),
            "endpointAutoConfirms": flag(default=False, no_effect="a subscription is confirmed at once"),
            **REGION,
        },
        outputs=("arn", "ownerId", "pendingConfirmation"),
        create=create_subscription,
        read=read_subscription,
        update=update_subscription,
        delete=delete_subscription,
        gone=("NotFound", "NotFoundException"),
        refused={"subscriptionRoleArn": "the local cloud delivers to no Firehose"},
    ),
)
