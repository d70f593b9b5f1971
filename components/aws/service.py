"""Service: an internal load balancer before an ECS service that keeps one artefact, named by digest, running."""

import pulumi
from pulumi import Input, Output, Resource, ResourceOptions
from pulumi_aws import ec2, lb

from components.aws.alarms import alarms
from components.aws.firewalls import firewalls
from components.aws.listeners import listen
from components.aws.workload import WorkloadArgs, kept_running, openings
from components.naming import physical_name

# ELB allows names of 32 characters.
BALANCER_NAME_LIMIT = 32


class ServiceArgs(WorkloadArgs):
    """What a service is made from."""

    cidr: Input[str]
    """IPv4 range of the VPC: the only one that reaches the service."""
    port: int
    """Port the service listens on."""
    health: str
    """Path that answers 200 while the service can serve."""
    domain: str | None
    """Name at which it serves over TLS; None: it serves HTTP."""


class Service(pulumi.ComponentResource):
    """The serving side of an app in one environment, reachable from inside its network only."""

    address: Output[str]
    """DNS name of the load balancer."""
    service_id: Output[str]
    """ARN of the ECS service."""
    alarms: Output[str]
    """ARN of the topic that its alarms tell."""

    def __init__(self, name: str, args: ServiceArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:aws:Service", name, {}, opts)
        child = ResourceOptions(parent=self)
        front, back = firewalls(name, args, child)
        rules = openings(name, args, back, child)
        balancer, targets, listeners = _entrance(name, args, front, child)
        self.alarms, names = alarms(name, args["account"], balancer, targets, child)
        service = kept_running(
            name,
            args,
            back,
            child,
            # ECS refuses a target group that no listener forwards to; a copy looks for its database at once.
            after=[*listeners, *rules],
            entrance={"port": args["port"], "targets": targets.arn, "alarms": names},
        )
        self.address = balancer.dns_name
        self.service_id = service.id
        self.register_outputs({"address": self.address, "service_id": self.service_id, "alarms": self.alarms})


def _entrance(
    name: str, args: ServiceArgs, firewall: ec2.SecurityGroup, opts: ResourceOptions
) -> tuple[lb.LoadBalancer, lb.TargetGroup, list[Resource]]:
    """An internal load balancer whose listeners forward to the service's targets."""
    balancer = lb.LoadBalancer(
        name,
        name=physical_name(name, limit=BALANCER_NAME_LIMIT),
        internal=True,
        load_balancer_type="application",
        subnets=args["subnet_ids"],
        security_groups=[firewall.id],
        drop_invalid_header_fields=True,
        tags={"Name": name},
        opts=opts,
    )
    targets = lb.TargetGroup(
        name,
        # Another port is another target group, and the listener uses the old one until the new one is there.
        name=physical_name(name, str(args["port"]), limit=BALANCER_NAME_LIMIT),
        port=args["port"],
        protocol="HTTP",
        target_type="ip",
        vpc_id=args["network_id"],
        health_check={"path": args["health"], "protocol": "HTTP", "matcher": "200"},
        tags={"Name": name},
        opts=opts,
    )
    listeners = listen(name, args, balancer, targets, opts)
    return balancer, targets, listeners
