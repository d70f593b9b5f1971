"""AppFactory: everything one app has in one environment, composed from the components of its target."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions

from components import aws, interfaces
from components.agents import Agents, Place, agents
from components.aws.message_queue import uses_queues
from components.aws.network import FlowLogsArgs
from components.aws.workload import WorkloadArgs
from components.identifiers import About, identifiers
from factory.egress_service import REPOSITORY
from factory.spec import AppSpec, Environment, ServiceSpec, WorkerSpec, source_digest, variable_name

RUNNER_IMAGE = Path(__file__).parent / "aws" / "runner_image"


class AppFactoryArgs(TypedDict):
    """What an app's factory is made from."""

    spec: AppSpec
    """The app, as its app.yaml declares it."""
    environment: Environment
    """Which of the app's environments this is."""
    account: Input[str]
    """Id of the cloud account it stands in."""
    zones: Input[list[str]]
    """Availability zones of the spec's region, two at least."""
    artefact: str
    """Digest of the artefact that the environment serves (`sha256:...`); empty where nothing serves."""
    secrets: dict[str, Output[str]]
    """The value of each secret that the spec names, marked secret."""
    passwords: dict[str, Output[str]]
    """The password of each database that the spec names, marked secret."""
    git: NotRequired[interfaces.GitSource | None]
    """Where CI takes the source from; default: an object among the artefacts."""


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What exists in an environment: the one table of the house."""

    agents: bool
    registry: bool
    ci: bool
    # The service and the workers: whatever runs the app's own code.
    service: bool
    # What a person may still want back after a destroy.
    recoverable: bool


CONTENTS = {
    Environment.BUILD: Contents(agents=True, registry=True, ci=True, service=False, recoverable=False),
    Environment.STAGING: Contents(agents=False, registry=False, ci=False, service=True, recoverable=False),
    Environment.PRODUCTION: Contents(agents=False, registry=False, ci=False, service=True, recoverable=True),
}


class AppFactory(pulumi.ComponentResource):
    """One app's factory in one environment. An `infra.py` may add to it, as children of it."""

    network: interfaces.Network
    """The environment's own network, or the one it adopts."""
    keys: interfaces.Keys
    """Its encryption key."""
    secrets: interfaces.Secrets
    """The app's secrets in it."""
    identity: interfaces.AgentIdentity | None
    """Identities of the agents; None where no agent works."""
    runner: interfaces.AgentRunner | None
    """What starts agent tasks; None where no agent works."""
    egress: interfaces.EgressProxy | None
    """The way out of agents' tasks; None where no agent that works may reach anything."""
    registry: interfaces.Registry | None
    """Where artefacts are kept; None outside build."""
    ci: interfaces.Ci | None
    """What tests the source; None outside build."""
    databases: dict[str, interfaces.Database]
    """Its databases, by name."""
    queues: dict[str, interfaces.Queue]
    """Its queues, by name."""
    service: interfaces.Service | None
    """The serving side; None in build."""
    workers: dict[str, interfaces.Worker]
    """Its background processes, by name; none in build."""
    budget: interfaces.Budget
    """What it may cost."""
    audit: interfaces.AuditTrail
    """What was done on it."""
    outputs: Output[dict[str, Any]]
    """The factory's identifiers, in the shape of `factory.outputs.AppFactoryOutputs`."""

    def __init__(self, name: str, args: AppFactoryArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:index:AppFactory", name, {}, opts)
        child = ResourceOptions(parent=self)
        spec, environment, account = args["spec"], args["environment"], args["account"]
        contents = CONTENTS[environment]

        self.keys = aws.Keys(name, {"account": account, "region": spec.region}, child)
        self.network = self._network(name, args, child)
        self.secrets = aws.Secrets(
            name,
            {
                "app": spec.name,
                "environment": environment,
                "key_id": self.keys.key_id,
                "values": args["secrets"],
                "recoverable": contents.recoverable,
            },
            child,
        )
        self.identity, self.runner, self.egress = (
            agents(name, self, _place(args), child) if contents.agents else Agents()
        )
        self.registry = (
            aws.Registry(name, {"repository": spec.name, "account": account, "key_id": self.keys.key_id}, child)
            if contents.registry
            else None
        )
        self.ci = self._ci(name, args, child) if contents.ci else None
        self.databases = {each: self._database(name, each, args, child) for each in spec.databases}
        self.queues = {each: self._queue(name, each, args, child) for each in spec.queues}
        self.service = self._service(name, args, child) if contents.service else None
        self.workers = (
            {each: self._worker(name, each, args, child) for each in spec.workers} if contents.service else {}
        )
        self.budget = aws.Budget(
            name,
            {
                "account": account,
                "app": spec.name,
                "environment": environment.value,
                "dollars": spec.budget.dollars,
                "alerts": spec.budget.alerts,
            },
            child,
        )
        self.audit = aws.AuditTrail(name, {"key_id": self.keys.key_id, "days": spec.retention.audit}, child)
        self.outputs = identifiers(self, About(spec, environment, account, args["artefact"]))
        self.register_outputs({"outputs": self.outputs})

    def _network(self, name: str, args: AppFactoryArgs, opts: ResourceOptions) -> interfaces.Network:
        spec, environment = args["spec"], args["environment"]
        common: FlowLogsArgs = {
            "account": args["account"],
            "region": spec.region,
            "key_id": self.keys.key_id,
            "log_days": spec.retention.logs,
        }
        cidr, endpoints = str(spec.network_of(environment)), ["sqs"] if spec.queues else []
        if existing := spec.existing_network(environment):
            return aws.AdoptedNetwork(
                name,
                {**common, "vpc": existing.vpc, "subnets": existing.subnets, "cidr": cidr, "endpoints": endpoints},
                opts,
            )
        return aws.Network(name, {**common, "cidr": cidr, "zones": args["zones"], "endpoints": endpoints}, opts)

    def _ci(self, name: str, args: AppFactoryArgs, opts: ResourceOptions) -> aws.Ci:
        spec = args["spec"]
        if self.registry is None:
            raise pulumi.RunError(f"{name}: a pipeline needs a registry for what its stages hand on")
        return aws.Ci(
            name,
            {
                "app": spec.name,
                "account": args["account"],
                "region": spec.region,
                "key_id": self.keys.key_id,
                "bucket": self.registry.artefacts,
                "git": args.get("git"),
                "log_days": spec.retention.logs,
            },
            opts,
        )

    def _database(self, name: str, database: str, args: AppFactoryArgs, opts: ResourceOptions) -> aws.Database:
        spec = args["spec"]
        declared = spec.databases[database]
        return aws.Database(
            f"{name}-{database}",
            {
                "app": spec.name,
                "environment": args["environment"].value,
                "database": database,
                "network_id": self.network.network_id,
                "subnet_ids": self.network.subnet_ids,
                "key_id": self.keys.key_id,
                "password": args["passwords"][database],
                "size": declared.size,
                "storage": declared.storage,
                "backups": declared.backups,
                "guarded": CONTENTS[args["environment"]].recoverable,
            },
            opts,
        )

    def _queue(self, name: str, queue: str, args: AppFactoryArgs, opts: ResourceOptions) -> aws.Queue:
        declared = args["spec"].queues[queue]
        return aws.Queue(
            f"{name}-{queue}",
            {
                "key_id": self.keys.key_id,
                "seconds": declared.seconds,
                "attempts": declared.attempts,
                "retention": declared.retention,
            },
            opts,
        )

    def _service(self, name: str, args: AppFactoryArgs, opts: ResourceOptions) -> aws.Service:
        ((service_name, service),) = args["spec"].services.items()
        return aws.Service(
            f"{name}-{service_name}",
            {
                **self._workload(args, service),
                "cidr": self.network.cidr,
                "port": service.port,
                "health": service.health,
                "domain": service.domain_in(args["environment"]),
            },
            opts,
        )

    def _worker(self, name: str, worker: str, args: AppFactoryArgs, opts: ResourceOptions) -> aws.Worker:
        return aws.Worker(f"{name}-{worker}", {**self._workload(args, args["spec"].workers[worker])}, opts)

    def _workload(self, args: AppFactoryArgs, sized: ServiceSpec | WorkerSpec) -> WorkloadArgs:
        """Whatever runs the app's code reaches all of its databases and queues: they are one app."""
        spec = args["spec"]
        urls = {f"{each}-url": database.url_secret for each, database in self.databases.items()}
        workload: WorkloadArgs = {
            "account": args["account"],
            "region": spec.region,
            "network_id": self.network.network_id,
            "subnet_ids": self.network.subnet_ids,
            "key_id": self.keys.key_id,
            "secrets": Output.all(self.secrets.ids, Output.all(**urls)).apply(
                lambda known: {**known[0], **dict(known[1])}
            ),
            "repository": spec.name,
            "image": _image(args, spec.name, args["artefact"]),
            "replicas": sized.replicas,
            "cpu": sized.cpu,
            "memory": sized.memory,
            "command": sized.command,
            "environment": args["environment"].value,
            "log_days": spec.retention.logs,
            "variables": {variable_name(f"{each}-url"): queue.url for each, queue in self.queues.items()},
            "reaches": {each: database.reach for each, database in self.databases.items()}
            | {"endpoints": self.network.endpoints},
            "gateways": self.network.gateways,
        }
        if self.queues:
            queues = Output.all(self.keys.key_id, *(queue.queue_id for queue in self.queues.values()))
            workload["permissions"] = queues.apply(lambda known: uses_queues(known[1:], known[0], spec.region))
        return workload


def _place(args: AppFactoryArgs) -> Place:
    image = _image(args, REPOSITORY, source_digest(RUNNER_IMAGE))
    return Place(args["spec"], args["environment"], args["account"], args["zones"], image)


def _image(args: AppFactoryArgs, repository: str, digest: str) -> Output[str]:
    region = args["spec"].region
    return Output.from_input(args["account"]).apply(
        lambda account: f"{account}.dkr.ecr.{region}.amazonaws.com/{repository}@{digest}"
    )
