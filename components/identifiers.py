"""What an AppFactory tells other rooms of itself: identifiers, never a secret's value."""

from typing import TYPE_CHECKING, Any, NamedTuple

from pulumi import Input, Output

from factory.spec import AppSpec, Environment

if TYPE_CHECKING:
    # The factory imports this.
    from components.app_factory import AppFactory


class About(NamedTuple):
    """What a factory was made from, as far as it is told."""

    spec: AppSpec
    environment: Environment
    account: Input[str]
    artefact: str


def identifiers(factory: "AppFactory", about: About) -> Output[dict[str, Any]]:
    """The factory's identifiers, in the shape of `factory.outputs.AppFactoryOutputs`."""
    spec = about.spec
    parts: dict[str, Any] = {
        "app": spec.name,
        "environment": about.environment.value,
        "region": spec.region,
        "account": about.account,
        "spec": spec.digest(),
        "network": {
            "id": factory.network.network_id,
            "cidr": factory.network.cidr,
            "subnets": factory.network.subnet_ids,
        },
        "key": factory.keys.key_id,
        "secrets": factory.secrets.ids,
        "agents": {},
        "databases": {
            each: {
                "id": database.database_id,
                "secret": database.url_secret,
                "firewall": database.reach["firewall"],
            }
            for each, database in factory.databases.items()
        },
        "queues": {
            each: {"id": queue.queue_id, "url": queue.url, "put_aside": queue.put_aside}
            for each, queue in factory.queues.items()
        },
        "workers": {each: worker.service_id for each, worker in factory.workers.items()},
        "budget": factory.budget.topic,
        "audit": factory.audit.records_id,
    }
    if factory.identity and factory.runner:
        firewalls = factory.egress.firewalls if factory.egress else {}
        parts["agents"] = Output.all(factory.identity.identities, factory.runner.tasks, firewalls).apply(
            lambda known: {
                f: {"role": role, "task": known[1][f]} | ({"firewall": known[2][f]} if f in known[2] else {})
                for f, role in known[0].items()
            }
        )
    if factory.registry:
        parts["registry"] = {"images": factory.registry.images, "artefacts": factory.registry.artefacts}
    if factory.ci:
        parts["ci"] = {"pipeline": factory.ci.pipeline, "source": factory.ci.source}
    if factory.service:
        parts["service"] = {
            "address": factory.service.address,
            "service": factory.service.service_id,
            "alarms": factory.service.alarms,
            "domain": next(iter(spec.services.values())).domain_in(about.environment),
            "artefact": about.artefact,
        }
    return Output.from_input(parts)
