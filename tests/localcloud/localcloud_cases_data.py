"""The contract cases of queues, topics, parameters and tables."""

import json
from typing import Any

from localcloud_door import Made
from localcloud_world import Aws, Case, World, policy

ALL_MAY_SEND = policy({"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"})
NONE_MAY_SEND = policy({"Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"})
ALL_MAY_PUBLISH = policy({"Effect": "Allow", "Principal": "*", "Action": "sns:Publish", "Resource": "*"})
NONE_MAY_PUBLISH = policy({"Effect": "Deny", "Principal": "*", "Action": "sns:Publish", "Resource": "*"})


def queue(world: World, name: str = "world-queue") -> Made:
    return world.one("aws:sqs/queue:Queue", name)


def topic(world: World) -> str:
    return world.one("aws:sns/topic:Topic", "world-topic").id


def queue_told(call: Aws, made: Made) -> dict[str, Any]:
    told = call("sqs").get_queue_attributes(QueueUrl=made.id, AttributeNames=["All"])["Attributes"]
    return {
        "visibilityTimeoutSeconds": int(told["VisibilityTimeout"]),
        "messageRetentionSeconds": int(told["MessageRetentionPeriod"]),
        "redrivePolicy": told["RedrivePolicy"],
    }


def queue_policy_told(call: Aws, made: Made) -> dict[str, Any]:
    told = call("sqs").get_queue_attributes(QueueUrl=made.id, AttributeNames=["Policy"])["Attributes"]
    return {"policy": told["Policy"]}


def topic_told(call: Aws, made: Made) -> dict[str, Any]:
    told = call("sns").get_topic_attributes(TopicArn=made.id)["Attributes"]
    return {"displayName": told["DisplayName"]}


def topic_policy_told(call: Aws, made: Made) -> dict[str, Any]:
    return {"policy": call("sns").get_topic_attributes(TopicArn=made.id)["Attributes"]["Policy"]}


def subscription_told(call: Aws, made: Made) -> dict[str, Any]:
    told = call("sns").get_subscription_attributes(SubscriptionArn=made.id)["Attributes"]
    return {
        "topic": told["TopicArn"],
        "protocol": told["Protocol"],
        "endpoint": told["Endpoint"],
        "rawMessageDelivery": told["RawMessageDelivery"] == "true",
        "filterPolicy": told["FilterPolicy"],
    }


def parameter_told(call: Aws, made: Made) -> dict[str, Any]:
    told = call("ssm").get_parameter(Name=made.id, WithDecryption=True)["Parameter"]
    return {"type": told["Type"], "value": told["Value"]}


def table_told(call: Aws, made: Made) -> dict[str, Any]:
    told = call("dynamodb").describe_table(TableName=made.id)["Table"]
    ttl = call("dynamodb").describe_time_to_live(TableName=made.id)["TimeToLiveDescription"]
    (index,) = told["GlobalSecondaryIndexes"]
    return {
        "hashKey": told["KeySchema"][0]["AttributeName"],
        "rangeKey": told["KeySchema"][1]["AttributeName"],
        "billingMode": told["BillingModeSummary"]["BillingMode"],
        "streamEnabled": told["StreamSpecification"]["StreamEnabled"],
        "ttl": {"attributeName": ttl["AttributeName"], "enabled": True},
        "globalSecondaryIndexes": [
            {"name": index["IndexName"], "hashKey": "owner", "projectionType": index["Projection"]["ProjectionType"]}
        ],
    }


def put_parameter(call: Aws, made: Made, _: World) -> None:
    call("ssm").put_parameter(Name=made.id, Value="edited", Type="SecureString", Overwrite=True)


CASES = (
    Case(
        type="aws:sqs/queue:Queue",
        declare=lambda w: {
            "visibilityTimeoutSeconds": 60,
            "messageRetentionSeconds": 3600,
            "redrivePolicy": json.dumps({"deadLetterTargetArn": queue(w).outputs["arn"], "maxReceiveCount": 3}),
        },
        told=queue_told,
        change=lambda _: {"visibilityTimeoutSeconds": 90, "tags": {"a": "b"}},
        edit=lambda aws, made, _: aws("sqs").set_queue_attributes(
            QueueUrl=made.id, Attributes={"VisibilityTimeout": "5"}
        ),
        drifts="visibilityTimeoutSeconds",
    ),
    Case(
        type="aws:sqs/queuePolicy:QueuePolicy",
        declare=lambda w: {"queueUrl": queue(w, "world-guarded").id, "policy": ALL_MAY_SEND},
        told=queue_policy_told,
        change=lambda _: {"policy": NONE_MAY_SEND},
        edit=lambda aws, made, _: aws("sqs").set_queue_attributes(
            QueueUrl=made.id, Attributes={"Policy": NONE_MAY_SEND}
        ),
        drifts="policy",
    ),
    Case(
        type="aws:sns/topic:Topic",
        declare=lambda _: {"displayName": "alarms"},
        told=topic_told,
        change=lambda _: {"displayName": "news", "tags": {"a": "b"}},
        edit=lambda aws, made, _: aws("sns").set_topic_attributes(
            TopicArn=made.id, AttributeName="DisplayName", AttributeValue="edited"
        ),
        drifts="displayName",
    ),
    Case(
        type="aws:sns/topicPolicy:TopicPolicy",
        declare=lambda w: {"arn": topic(w), "policy": ALL_MAY_PUBLISH},
        told=topic_policy_told,
        change=lambda _: {"policy": NONE_MAY_PUBLISH},
        edit=lambda aws, made, _: aws("sns").set_topic_attributes(
            TopicArn=made.id, AttributeName="Policy", AttributeValue=NONE_MAY_PUBLISH
        ),
        drifts="policy",
        outlives_deletion=True,
    ),
    Case(
        type="aws:sns/topicSubscription:TopicSubscription",
        declare=lambda w: {
            "topic": topic(w),
            "protocol": "sqs",
            "endpoint": queue(w).outputs["arn"],
            "rawMessageDelivery": True,
            "filterPolicy": json.dumps({"kind": ["order"]}),
        },
        told=subscription_told,
        change=lambda _: {"rawMessageDelivery": False},
        edit=lambda aws, made, _: aws("sns").set_subscription_attributes(
            SubscriptionArn=made.id, AttributeName="RawMessageDelivery", AttributeValue="false"
        ),
        drifts="rawMessageDelivery",
    ),
    Case(
        type="aws:ssm/parameter:Parameter",
        declare=lambda _: {"type": "SecureString", "value": "a-secret", "description": "a word"},
        told=parameter_told,
        change=lambda _: {"value": "another", "tags": {"a": "b"}},
        edit=put_parameter,
        drifts="value",
    ),
    Case(
        type="aws:dynamodb/table:Table",
        declare=lambda _: {
            "hashKey": "id",
            "rangeKey": "at",
            "attributes": [
                {"name": "id", "type": "S"},
                {"name": "at", "type": "N"},
                {"name": "owner", "type": "S"},
            ],
            "billingMode": "PAY_PER_REQUEST",
            "globalSecondaryIndexes": [{"name": "by-owner", "hashKey": "owner", "projectionType": "ALL"}],
            "ttl": {"attributeName": "until", "enabled": True},
            "streamEnabled": True,
            "streamViewType": "NEW_IMAGE",
        },
        told=table_told,
        change=lambda _: {"pointInTimeRecovery": {"enabled": True}, "tags": {"a": "b"}},
        edit=lambda aws, made, _: aws("dynamodb").update_time_to_live(
            TableName=made.id, TimeToLiveSpecification={"Enabled": False, "AttributeName": "until"}
        ),
        drifts="ttl",
    ),
)
