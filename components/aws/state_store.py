"""StateStore: the bucket in which the states of all stacks can be kept, with every earlier one."""

from typing import TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions

from components.aws.closed_bucket import closed_bucket
from components.aws.shared_names import state_bucket


class StateStoreArgs(TypedDict):
    """What a state store is made from."""

    account: Input[str]
    """Id of the account."""
    region: str
    """Region of the bucket."""
    key_id: Input[str]
    """ARN of the key that encrypts the states."""


class StateStore(pulumi.ComponentResource):
    """A versioned bucket: a state that was overwritten or deleted is still there."""

    store_id: Output[str]
    """Name of the bucket."""
    url: Output[str]
    """The Pulumi backend's URL."""

    def __init__(self, name: str, args: StateStoreArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:aws:StateStore", name, {}, opts)
        region = args["region"]
        bucket, _ = closed_bucket(
            f"{name}-state",
            {
                "bucket": Output.from_input(args["account"]).apply(state_bucket),
                "key_id": args["key_id"],
                "lockable": False,
                "statements": [],
            },
            ResourceOptions(parent=self),
        )
        self.store_id = bucket.bucket
        self.url = bucket.bucket.apply(lambda known: f"s3://{known}?region={region}&awssdk=v2")
        self.register_outputs({"store_id": self.store_id, "url": self.url})
