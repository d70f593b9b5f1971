"""Worker: an ECS service that nothing reaches, and that keeps a background process of an artefact running."""

import pulumi
from pulumi import Output, ResourceOptions
from pulumi_aws import ec2

from components.aws.workload import WorkloadArgs, kept_running, openings


class WorkerArgs(WorkloadArgs):
    """What a worker is made from."""


class Worker(pulumi.ComponentResource):
    """A background process of an app in one environment. It is well while it runs."""

    service_id: Output[str]
    """ARN of the ECS service."""

    def __init__(self, name: str, args: WorkerArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:aws:Worker", name, {}, opts)
        child = ResourceOptions(parent=self)
        firewall = ec2.SecurityGroup(
            name,
            name=name,
            description="Nothing reaches this worker",
            vpc_id=args["network_id"],
            tags={"Name": name},
            opts=child,
        )
        service = kept_running(name, args, firewall, child, after=openings(name, args, firewall, child))
        self.service_id = service.id
        self.register_outputs({"service_id": self.service_id})
