"""Keys: the environment's own encryption key, rotated every year, usable by its account and its logs only."""

import json
from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import kms

# Days between the deletion of a key and its end: AWS allows 7 to 30; until then everything it encrypts can be saved.
DELETION_DAYS = 30


class KeysArgs(TypedDict):
    """What a key is made from."""

    account: Input[str]
    """Id of the account that owns the key."""
    region: str
    """Region of the key, and of the log groups that may use it."""
    statements: NotRequired[Input[Sequence[dict[str, Any]]]]
    """Further statements of its policy: which other services use it for what; default: none does."""


class Keys(pulumi.ComponentResource):
    """One customer-managed key with yearly rotation, under a stable alias."""

    key_id: Output[str]
    """ARN of the key."""

    def __init__(self, name: str, args: KeysArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:aws:Keys", name, {}, opts)
        child = ResourceOptions(parent=self)
        region = args["region"]
        key = kms.Key(
            name,
            description=f"Encrypts what {name} keeps",
            enable_key_rotation=True,
            deletion_window_in_days=DELETION_DAYS,
            policy=Output.all(args["account"], args.get("statements", [])).apply(
                lambda known: _policy(known[0], region, known[1])
            ),
            tags={"Name": name},
            opts=child,
        )
        kms.Alias(name, name=f"alias/{name}", target_key_id=key.key_id, opts=child)
        self.key_id = key.arn
        self.register_outputs({"key_id": self.key_id})


def _policy(account: str, region: str, more: Sequence[dict[str, Any]]) -> str:
    """The account's own IAM decides who uses the key; CloudWatch Logs may, for this account's log groups only."""
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "Account",
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                    "Action": "kms:*",
                    "Resource": "*",
                },
                {
                    "Sid": "Logs",
                    "Effect": "Allow",
                    "Principal": {"Service": f"logs.{region}.amazonaws.com"},
                    "Action": [
                        "kms:Encrypt*",
                        "kms:Decrypt*",
                        "kms:ReEncrypt*",
                        "kms:GenerateDataKey*",
                        "kms:Describe*",
                    ],
                    "Resource": "*",
                    "Condition": {
                        "ArnLike": {
                            "kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{region}:{account}:log-group:*"
                        }
                    },
                },
                *more,
            ],
        }
    )
