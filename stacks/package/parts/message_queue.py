"""`millwright:index:Queue`: a queue, with one beside it for what nobody could handle."""

from typing import NotRequired, TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions

from components import aws
from factory.spec import QueueSpec
from stacks.package.inputs import as_input_errors
from stacks.package.place import PlaceArgs, checked, placed, provided


class QueueArgs(TypedDict):
    """What a program says of a queue."""

    place: PlaceArgs
    """Where it stands."""
    key: Input[str]
    """ARN of the key that encrypts its messages: `keyId` of a `Keys`."""
    seconds: NotRequired[int]
    """How long a message that was taken stays hidden from others; default as in app.yaml."""
    attempts: NotRequired[int]
    """How often a message is given out before it is put aside; default as in app.yaml."""
    retention: NotRequired[int]
    """Days for which a message is kept; default as in app.yaml."""


class Queue(pulumi.ComponentResource):
    """An encrypted queue, and one beside it for messages that were given out too often."""

    url: Output[str]
    """URL of the queue, as its clients name it."""
    queue_id: Output[str]
    """ARN of the queue."""
    put_aside: Output[str]
    """ARN of the queue of messages that nobody could handle."""

    def __init__(self, name: str, args: QueueArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:index:Queue", name, {}, opts)
        with as_input_errors():
            place = placed(name, args["place"])
            said = checked(QueueSpec, name, {key: args.get(key) for key in ("seconds", "attempts", "retention")})
        child, _ = provided(place, name, ResourceOptions(parent=self))
        made = aws.Queue(
            name,
            {
                "key_id": args["key"],
                "seconds": said.seconds,
                "attempts": said.attempts,
                "retention": said.retention,
            },
            child,
        )
        self.url, self.queue_id, self.put_aside = made.url, made.queue_id, made.put_aside
        self.register_outputs({"url": self.url, "queue_id": self.queue_id, "put_aside": self.put_aside})
