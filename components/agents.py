"""The agents' side of an AppFactory: their identities, what starts them, and the way out of those that have one."""

from typing import TYPE_CHECKING, NamedTuple

import pulumi
from pulumi import Input, Output, ResourceOptions

from components import aws, interfaces
from factory.cloud_access import promised
from factory.egress_lists import lists
from factory.egress_service import REPOSITORY
from factory.spec import LOG_DAYS, AppSpec, Environment

if TYPE_CHECKING:
    # The factory imports this.
    from components.app_factory import AppFactory


class Place(NamedTuple):
    """Where agents work, and the image that their tasks and the proxy start from."""

    spec: AppSpec
    environment: Environment
    account: Input[str]
    zones: Input[list[str]]
    image: Input[str]


class Agents(NamedTuple):
    """What agents have in an environment; nothing of it where none works."""

    identity: interfaces.AgentIdentity | None = None
    runner: interfaces.AgentRunner | None = None
    egress: interfaces.EgressProxy | None = None


def agents(name: str, factory: "AppFactory", place: Place, opts: ResourceOptions) -> Agents:
    """Declare all of it; the factory's network, keys and secrets are there."""
    identity = _identity(name, factory, place, opts)
    egress = _egress(name, factory, place, opts)
    return Agents(identity, _runner(name, factory, place, identity, egress, opts), egress)


def _identity(name: str, factory: "AppFactory", place: Place, opts: ResourceOptions) -> aws.AgentIdentity:
    spec = place.spec
    return aws.AgentIdentity(
        name,
        {
            "app": spec.name,
            "environment": place.environment.value,
            "account": place.account,
            "region": spec.region,
            "key_id": factory.keys.key_id,
            "secrets": factory.secrets.ids,
            "functions": {function: agent.secrets for function, agent in spec.agents.items()},
            "queues": promised(spec, place.environment, "queues"),
        },
        opts,
    )


def _egress(name: str, factory: "AppFactory", place: Place, opts: ResourceOptions) -> aws.EgressProxy | None:
    """Only on need: a NAT gateway costs while it stands. An adopted network gets none: nothing of it is changed."""
    spec, environment = place.spec, place.environment
    if not spec.egress:
        return None
    if spec.existing_network(environment):
        pulumi.log.warn(
            f"{name} adopts its network, so no way out of it is declared: the egress lists of"
            f" {', '.join(spec.egress)} hold for agents on the worker's own host only",
            resource=factory,
        )
        return None
    return aws.EgressProxy(
        name,
        {
            "account": place.account,
            "region": spec.region,
            "network_id": factory.network.network_id,
            "cidr": spec.way_out_range,
            "zone": Output.from_input(place.zones)[0],
            "endpoints": factory.network.endpoints,
            "gateways": factory.network.gateways,
            "key_id": factory.keys.key_id,
            "repository": REPOSITORY,
            "image": place.image,
            "environment": environment,
            "lists": lists(spec.name, environment, spec.egress),
            # Its log is the only record of what passed, and of what was refused.
            "log_days": max(spec.retention.logs, next(days for days in LOG_DAYS if days >= spec.retention.audit)),
        },
        opts,
    )


def _runner(
    name: str,
    factory: "AppFactory",
    place: Place,
    identity: aws.AgentIdentity,
    egress: aws.EgressProxy | None,
    opts: ResourceOptions,
) -> aws.AgentRunner:
    spec = place.spec
    return aws.AgentRunner(
        name,
        {
            "account": place.account,
            "region": spec.region,
            "key_id": factory.keys.key_id,
            "repository": REPOSITORY,
            "image": place.image,
            "identities": identity.identities,
            "functions": {f: {"cpu": agent.cpu, "memory": agent.memory} for f, agent in spec.agents.items()},
            "proxies": egress.proxies if egress else {},
            "log_days": spec.retention.logs,
        },
        opts,
    )
