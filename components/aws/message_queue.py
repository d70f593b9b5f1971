"""Queue: an encrypted SQS queue, and one beside it for messages that were given out too often."""

import json
from typing import Any, TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import sqs

from components.aws.documents import statement

DAY = 86_400
# The longest that SQS keeps a message: somebody has to look at what was put aside.
PUT_ASIDE_DAYS = 14
# Seconds for which a receiver waits for a message: the longest, so that an empty queue costs fewest requests.
WAIT_SECONDS = 20


class QueueArgs(TypedDict):
    """What a queue is made from."""

    key_id: Input[str]
    """ARN of the key that encrypts its messages."""
    seconds: int
    """How long a message that was taken stays hidden from others."""
    attempts: int
    """How often a message is given out before it is put aside."""
    retention: int
    """Days for which a message is kept."""


class Queue(pulumi.ComponentResource):
    """One queue of the app."""

    url: Output[str]
    """URL of the queue, as its clients name it."""
    queue_id: Output[str]
    """ARN of the queue."""
    put_aside: Output[str]
    """ARN of the queue of messages that nobody could handle."""

    def __init__(self, name: str, args: QueueArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:aws:Queue", name, {}, opts)
        child = ResourceOptions(parent=self)
        aside = sqs.Queue(
            f"{name}-put-aside",
            name=f"{name}-put-aside",
            kms_master_key_id=args["key_id"],
            message_retention_seconds=PUT_ASIDE_DAYS * DAY,
            tags={"Name": f"{name}-put-aside"},
            opts=child,
        )
        queue = sqs.Queue(
            name,
            name=name,
            kms_master_key_id=args["key_id"],
            message_retention_seconds=args["retention"] * DAY,
            visibility_timeout_seconds=args["seconds"],
            receive_wait_time_seconds=WAIT_SECONDS,
            redrive_policy=aside.arn.apply(
                lambda arn: json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": args["attempts"]})
            ),
            tags={"Name": name},
            opts=child,
        )
        self.url = queue.url
        self.queue_id = queue.arn
        self.put_aside = aside.arn
        self.register_outputs({"url": self.url, "queue_id": self.queue_id, "put_aside": self.put_aside})


def uses_queues(queues: list[str], key_id: str, region: str) -> list[dict[str, Any]]:
    """IAM statements of who sends to, and takes from, these queues, and nothing else of them."""
    return [
        statement(
            [
                "sqs:ChangeMessageVisibility",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:ReceiveMessage",
                "sqs:SendMessage",
            ],
            queues,
        ),
        statement(
            ["kms:Decrypt", "kms:GenerateDataKey"],
            [key_id],
            Condition={"StringEquals": {"kms:ViaService": f"sqs.{region}.amazonaws.com"}},
        ),
    ]
