"""ImageScanning: what the account's registry does with every image, whatever the repository says."""

import pulumi
from pulumi import Output, ResourceOptions
from pulumi_aws import ecr


class ImageScanning(pulumi.ComponentResource):
    """Basic scanning of every image at its push, in the region of the stack: AWS charges nothing for it."""

    registry_id: Output[str]
    """Id of the registry."""

    def __init__(self, name: str, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:aws:ImageScanning", name, {}, opts)
        scanning = ecr.RegistryScanningConfiguration(
            name,
            scan_type="BASIC",
            rules=[
                {
                    "scan_frequency": "SCAN_ON_PUSH",
                    "repository_filters": [{"filter": "*", "filter_type": "WILDCARD"}],
                }
            ],
            opts=ResourceOptions(parent=self),
        )
        self.registry_id = scanning.registry_id
        self.register_outputs({"registry_id": self.registry_id})
