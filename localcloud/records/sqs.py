"""SQS: queue and queue policy."""

from collections.abc import Mapping
from typing import Any, Final

from localcloud.documents import policy_form
from localcloud.records.record import REGION, TAGS, Call, Name, Prop, Record, View, document, flag, integer, text

Json = Any
# The SDK's name, the service's, and what turns the service's text into the SDK's value.
ATTRIBUTES: Final[Mapping[str, tuple[str, type]]] = {
    "contentBasedDeduplication": ("ContentBasedDeduplication", bool),
    "deduplicationScope": ("DeduplicationScope", str),
    "delaySeconds": ("DelaySeconds", int),
    "fifoQueue": ("FifoQueue", bool),
    "fifoThroughputLimit": ("FifoThroughputLimit", str),
    "kmsDataKeyReusePeriodSeconds": ("KmsDataKeyReusePeriodSeconds", int),
    "kmsMasterKeyId": ("KmsMasterKeyId", str),
    "maxMessageSize": ("MaximumMessageSize", int),
    "messageRetentionSeconds": ("MessageRetentionPeriod", int),
    "policy": ("Policy", str),
    "receiveWaitTimeSeconds": ("ReceiveMessageWaitTimeSeconds", int),
    "redrivePolicy": ("RedrivePolicy", str),
    "visibilityTimeoutSeconds": ("VisibilityTimeout", int),
}
# Absent means off to SQS, and "false" is refused for a queue that is not FIFO.
ONLY_WHEN_ON: Final = frozenset({"fifoQueue", "contentBasedDeduplication"})


def create_queue(call: Call) -> str:
    """Make a queue; its URL."""
    sent = {ATTRIBUTES[name][0]: _sent(value) for name, value in call.inputs.items() if _is_sent(name, value)}
    made = call.aws("sqs").create_queue(QueueName=call.inputs["name"], Attributes=sent, tags=call.tags)
    return str(made["QueueUrl"])


def _is_sent(name: str, value: Json) -> bool:
    return name in ATTRIBUTES and value is not None and (name not in ONLY_WHEN_ON or value)


def _sent(value: Json) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def update_queue(call: Call) -> None:
    """Change attributes and tags."""
    sqs = call.aws("sqs")
    changed = {
        key: _sent("" if call.inputs.get(name) is None else call.inputs[name])
        for name, (key, _) in ATTRIBUTES.items()
        if call.changed(name) and name != "fifoQueue"
    }
    if changed:
        sqs.set_queue_attributes(QueueUrl=call.id, Attributes=changed)
    added, removed = call.tag_change()
    if removed:
        sqs.untag_queue(QueueUrl=call.id, TagKeys=removed)
    if added:
        sqs.tag_queue(QueueUrl=call.id, Tags=added)


def read_queue(call: Call) -> View:
    """A queue."""
    sqs = call.aws("sqs")
    told = sqs.get_queue_attributes(QueueUrl=call.id, AttributeNames=["All"])["Attributes"]
    view = {name: _read(kind, told.get(key)) for name, (key, kind) in ATTRIBUTES.items()}
    return view | {
        "name": call.id.rpartition("/")[2],
        "arn": told["QueueArn"],
        "url": call.id,
        "tagsAll": sqs.list_queue_tags(QueueUrl=call.id).get("Tags", {}),
    }


def _read(kind: type, value: str | None) -> Json:
    if kind is bool:
        return value == "true"
    return kind(value) if value not in (None, "") else None


def delete_queue(call: Call) -> None:
    """Remove a queue with its messages."""
    call.aws("sqs").delete_queue(QueueUrl=call.id)


def put_policy(call: Call) -> str:
    """Write a queue's policy; the queue's URL."""
    url = str(call.inputs["queueUrl"])
    call.aws("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": call.inputs["policy"]})
    return url


def read_policy(call: Call) -> View | None:
    """A queue's policy."""
    told = call.aws("sqs").get_queue_attributes(QueueUrl=call.id, AttributeNames=["Policy"]).get("Attributes", {})
    return {"queueUrl": call.id, "policy": told["Policy"]} if told.get("Policy") else None


def delete_policy(call: Call) -> None:
    """Take the policy off its queue."""
    call.aws("sqs").set_queue_attributes(QueueUrl=call.id, Attributes={"Policy": ""})


def check_queue(inputs: Mapping[str, Json]) -> list[tuple[str, str]]:
    """A FIFO queue's name says so."""
    name = str(inputs["name"])
    if name.endswith(".fifo") != bool(inputs["fifoQueue"]):
        return [("name", "the name of a FIFO queue, and of no other, must end in .fifo")]
    return []


GONE: Final = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
QUEUE: Final[Mapping[str, Prop]] = {
    "name": text(replaces=True),
    "namePrefix": text(replaces=True, unread=True),
    "fifoQueue": flag(default=False, replaces=True),
    "contentBasedDeduplication": flag(default=False),
    "deduplicationScope": text(cloud_decides=True, one_of=("messageGroup", "queue")),
    "fifoThroughputLimit": text(cloud_decides=True, one_of=("perQueue", "perMessageGroupId")),
    "delaySeconds": integer(default=0),
    "kmsMasterKeyId": text(),
    "kmsDataKeyReusePeriodSeconds": integer(cloud_decides=True),
    "maxMessageSize": integer(cloud_decides=True),
    "messageRetentionSeconds": integer(default=345_600),
    "policy": document(if_declared=True, same_as=policy_form),
    "receiveWaitTimeSeconds": integer(default=0),
    "redrivePolicy": document(),
    "visibilityTimeoutSeconds": integer(default=30),
    **TAGS,
    **REGION,
}
RECORDS = (
    Record(
        type="aws:sqs/queue:Queue",
        service="sqs",
        properties=QUEUE,
        outputs=("arn", "url"),
        name=Name(limit=80, allowed=r"A-Za-z0-9_\-."),
        create=create_queue,
        read=read_queue,
        update=update_queue,
        delete=delete_queue,
        gone=GONE,
        check=check_queue,
        refused={
            "redriveAllowPolicy": "moto keeps none; give the other queue's redrivePolicy",
            "sqsManagedSseEnabled": "moto knows no keys of SQS's own; give kmsMasterKeyId",
        },
    ),
    Record(
        type="aws:sqs/queuePolicy:QueuePolicy",
        service="sqs",
        properties={
            "queueUrl": text(required=True, replaces=True),
            "policy": document(required=True, same_as=policy_form),
            **REGION,
        },
        outputs=(),
        unique=("queueUrl",),
        create=put_policy,
        read=read_policy,
        update=put_policy,
        delete=delete_policy,
        gone=GONE,
    ),
)
