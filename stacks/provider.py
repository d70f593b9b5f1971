"""The provider that everything of a stack is made with."""

from typing import Protocol

import pulumi_aws as aws
from pulumi import ResourceOptions

from stacks.shared_platform import Which


class Owned(Protocol):
    """What is tagged: by whom it is owned and paid for, and where it stands."""

    @property
    def name(self) -> str:
        """The app, or what all apps share."""

    @property
    def region(self) -> str:
        """Region of the cloud."""

    @property
    def owner(self) -> str:
        """Who answers for it."""

    @property
    def payer(self) -> str:
        """Who pays for it."""


def own_provider(
    spec: Owned, environment: Which, account: str, opts: ResourceOptions | None = None, name: str = "aws"
) -> aws.Provider:
    """A provider for the spec's region, that refuses every account but one, and puts the house's tags on everything."""
    return aws.Provider(
        name,
        region=spec.region,
        # Also with the local cloud: should a real provider answer, it must refuse.
        allowed_account_ids=[account],
        default_tags={
            "tags": {
                "app": spec.name,
                "environment": environment.value,
                "owner": spec.owner,
                "cost-center": spec.payer,
                "managed-by": "millwright",
            }
        },
        opts=opts,
    )
