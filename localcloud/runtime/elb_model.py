"""What moto's load balancers leave out: a DNS name that leads somewhere, and the health that was seen."""

from collections.abc import Callable
from typing import Any

from moto.elbv2.models import ELBv2Backend, FakeHealthStatus, FakeLoadBalancer, FakeTargetGroup

from localcloud.isolation import DEFAULT_ACCOUNT

Json = Any
# curl and browsers take every name below it for this machine, without asking anybody (RFC 6761, 6.3).
DOMAIN = "elb.localhost"

_create, _health_for = ELBv2Backend.create_load_balancer, FakeTargetGroup.health_for


def host_name(account: str, region: str, balancer: str) -> str:
    """The host by which a balancer is reached; the name says account and region so that no two balancers share it."""
    place = region if account == DEFAULT_ACCOUNT else f"{account}.{region}"
    return f"{balancer}.{place}.{DOMAIN}".lower()


def teach(port: int) -> None:
    """Give moto's load balancers in this process DNS names with the ingress's port, and targets a seen health."""
    balancers: Any = ELBv2Backend
    balancers.create_load_balancer = _naming(port)
    groups: Any = FakeTargetGroup
    groups.health_for = _seen_health


def _naming(port: int) -> Callable[..., FakeLoadBalancer]:
    def create(self: ELBv2Backend, *arguments: Json, **named: Json) -> FakeLoadBalancer:
        balancer = _create(self, *arguments, **named)
        balancer.dns_name = f"{host_name(self.account_id, self.region_name, balancer.name)}:{port}"
        return balancer

    return create


def _seen_health(self: FakeTargetGroup, target: dict[str, Json], ec2_backend: Json) -> FakeHealthStatus:
    there = self.targets.get(target["Id"]) or {}
    if "State" not in there:
        return _health_for(self, target, ec2_backend)
    return FakeHealthStatus(
        there["Id"], there["Port"], there["Port"], there["State"], there.get("Reason"), there.get("Description")
    )
