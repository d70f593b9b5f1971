"""Secrets: the app's secrets in this environment, encrypted by its own key; values come from stack configuration."""

from typing import TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import secretsmanager

# Days in which a deleted secret can be restored: AWS allows 7 to 30, or 0 for at once.
RECOVERY_DAYS = 7


class SecretsArgs(TypedDict):
    """What an environment's secrets are made from."""

    app: str
    """The app; the first part of each secret's name."""
    environment: str
    """The environment; the second part."""
    key_id: Input[str]
    """ARN of the key that encrypts them."""
    values: dict[str, Output[str]]
    """The value of each secret by name, marked secret: it stays encrypted in the state."""
    recoverable: bool
    """Whether a deleted secret can be restored for a week; what is rebuilt at will needs its names free."""


class Secrets(pulumi.ComponentResource):
    """One Secrets Manager secret per name, with its current value."""

    ids: Output[dict[str, str]]
    """ARN of each secret, by name."""

    def __init__(self, name: str, args: SecretsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:aws:Secrets", name, {}, opts)
        child = ResourceOptions(parent=self)
        arns: dict[str, Output[str]] = {}
        for secret_name, value in args["values"].items():
            logical = f"{name}-{secret_name}"
            secret = secretsmanager.Secret(
                logical,
                name=f"{args['app']}/{args['environment']}/{secret_name}",
                kms_key_id=args["key_id"],
                recovery_window_in_days=RECOVERY_DAYS if args["recoverable"] else 0,
                tags={"Name": logical},
                opts=child,
            )
            secretsmanager.SecretVersion(logical, secret_id=secret.id, secret_string=value, opts=child)
            arns[secret_name] = secret.arn
        self.ids = Output.all(**arns).apply(dict)
        self.register_outputs({"ids": self.ids})
