"""The provider that everything of a stack is made with."""

import pulumi_aws as aws
from pulumi import ResourceOptions

from stacks.shared_platform import Spec, Which


def own_provider(
    spec: Spec, environment: Which, account: str, opts: ResourceOptions | None = None, name: str = "aws"
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
