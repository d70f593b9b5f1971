"""Worker: an ECS service that nothing reaches, and that keeps a background process of an artefact running."""

import pulumi
from pulumi import Output, ResourceOptions
from pulumi_aws import ec2, ecs

from components.aws.workload import WorkloadArgs, openings, task_of


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
        rules = openings(name, args, firewall, child)
        cluster = ecs.Cluster(
            name,
            name=name,
            settings=[{"name": "containerInsights", "value": "enabled"}],
            tags={"Name": name},
            opts=child,
        )
        service = ecs.Service(
            name,
            name=name,
            cluster=cluster.arn,
            task_definition=task_of(name, args, child).arn,
            desired_count=args["replicas"],
            launch_type="FARGATE",
            network_configuration={
                "subnets": args["subnet_ids"],
                "security_groups": [firewall.id],
                "assign_public_ip": False,
            },
            deployment_circuit_breaker={"enable": True, "rollback": True},
            tags={"Name": name},
            opts=ResourceOptions(parent=self, depends_on=rules),
        )
        self.service_id = service.id
        self.register_outputs({"service_id": self.service_id})
