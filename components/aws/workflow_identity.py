"""WorkflowIdentity: the account believes GitHub when it says which workflow asks; which may do what, roles say."""

import pulumi
from pulumi import Output, ResourceOptions
from pulumi_aws import iam

# https://docs.github.com/en/actions/concepts/security/openid-connect
ISSUER = "https://token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"


class WorkflowIdentity(pulumi.ComponentResource):
    """GitHub as an OpenID Connect provider. Alone it lets nobody in: a role must trust it, for one repository."""

    provider_id: Output[str]
    """ARN of the provider."""

    def __init__(self, name: str, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:aws:WorkflowIdentity", name, {}, opts)
        provider = iam.OpenIdConnectProvider(
            name, url=ISSUER, client_id_lists=[AUDIENCE], tags={"Name": name}, opts=ResourceOptions(parent=self)
        )
        self.provider_id = provider.arn
        self.register_outputs({"provider_id": self.provider_id})
