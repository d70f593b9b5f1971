"""Platform: what all apps share in one account, composed from the components of its target."""

from typing import Any, TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions

from components import aws, interfaces
from components.aws.audit_store import trail_uses_key


class PlatformArgs(TypedDict):
    """What the platform is made from."""

    account: Input[str]
    """Id of the cloud account it stands in."""
    region: str
    """Its region; the audit trail covers every other one too."""
    spec: str
    """Digest of what declares it."""
    github: bool
    """Whether workflows of GitHub can be told apart, so that roles may trust one."""


class Platform(pulumi.ComponentResource):
    """What all apps share: keeping records and states is nothing that an app does for itself, or could undo."""

    keys: interfaces.Keys
    """Its encryption key."""
    audit: interfaces.AuditStore
    """The record of everything that was done in the account."""
    state: interfaces.StateStore
    """Where the states of all stacks can be kept."""
    scanning: interfaces.ImageScanning
    """What happens with every image."""
    workflows: interfaces.WorkflowIdentity | None
    """Whom roles of CI can trust; None where that is not asked for."""
    outputs: Output[dict[str, Any]]
    """The platform's identifiers, in the shape of `factory.outputs.PlatformOutputs`."""

    def __init__(self, name: str, args: PlatformArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:index:Platform", name, {}, opts)
        child = ResourceOptions(parent=self)
        account, region = args["account"], args["region"]
        self.keys = aws.Keys(
            name,
            {
                "account": account,
                "region": region,
                "statements": Output.from_input(account).apply(lambda known: trail_uses_key(known, region)),
            },
            child,
        )
        self.audit = aws.AuditStore(
            name,
            {"account": account, "region": region, "key_id": self.keys.key_id},
            child,
        )
        self.state = aws.StateStore(name, {"account": account, "region": region, "key_id": self.keys.key_id}, child)
        self.scanning = aws.ImageScanning(name, child)
        self.workflows = aws.WorkflowIdentity(name, child) if args["github"] else None
        self.outputs = self._outputs(args)
        self.register_outputs({"outputs": self.outputs})

    def _outputs(self, args: PlatformArgs) -> Output[dict[str, Any]]:
        parts: dict[str, Any] = {
            "region": args["region"],
            "account": args["account"],
            "spec": args["spec"],
            "key": self.keys.key_id,
            "audit": {"store": self.audit.store_id, "trail": self.audit.trail_id},
            "state": {"store": self.state.store_id, "url": self.state.url},
            "registry": self.scanning.registry_id,
        }
        if self.workflows:
            parts["workflows"] = self.workflows.provider_id
        return Output.from_input(parts)
