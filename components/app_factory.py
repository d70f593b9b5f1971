"""AppFactory: everything one app has in one environment, composed from the components of its target."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions

from components import aws, interfaces
from factory.spec import AppSpec, Environment, source_digest

RUNNER_REPOSITORY = "agent-runner"
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


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What exists in an environment: the one table of the house."""

    agents: bool
    registry: bool
    service: bool
    # What a person may still want back after a destroy.
    recoverable: bool


CONTENTS = {
    Environment.BUILD: Contents(agents=True, registry=True, service=False, recoverable=False),
    Environment.STAGING: Contents(agents=False, registry=False, service=True, recoverable=False),
    Environment.PRODUCTION: Contents(agents=False, registry=False, service=True, recoverable=True),
}


class AppFactory(pulumi.ComponentResource):
    """One app's factory in one environment. An `infra.py` may add to it, as children of it."""

    network: interfaces.Network
    """The environment's own network."""
    keys: interfaces.Keys
    """Its encryption key."""
    secrets: interfaces.Secrets
    """The app's secrets in it."""
    identity: interfaces.AgentIdentity | None
    """Identities of the agents; None where no agent works."""
    runner: interfaces.AgentRunner | None
    """What starts agent tasks; None where no agent works."""
    registry: interfaces.Registry | None
    """Where artefacts are kept; None outside build."""
    service: interfaces.Service | None
    """The serving side; None in build."""
    outputs: Output[dict[str, Any]]
    """The factory's identifiers, in the shape of `factory.outputs.AppFactoryOutputs`."""

    def __init__(self, name: str, args: AppFactoryArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:index:AppFactory", name, {}, opts)
        child = ResourceOptions(parent=self)
        spec, environment, account = args["spec"], args["environment"], args["account"]
        contents = CONTENTS[environment]

        self.network = aws.Network(name, {"cidr": str(spec.network_of(environment)), "zones": args["zones"]}, child)
        self.keys = aws.Keys(name, {"account": account, "region": spec.region}, child)
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
        self.identity = self._identity(name, args, child) if contents.agents else None
        self.runner = self._runner(name, args, child) if contents.agents else None
        self.registry = (
            aws.Registry(name, {"app": spec.name, "account": account, "key_id": self.keys.key_id}, child)
            if contents.registry
            else None
        )
        self.service = self._service(name, args, child) if contents.service else None
        self.outputs = self._outputs(args)
        self.register_outputs({"outputs": self.outputs})

    def _identity(self, name: str, args: AppFactoryArgs, opts: ResourceOptions) -> aws.AgentIdentity:
        spec = args["spec"]
        return aws.AgentIdentity(
            name,
            {
                "account": args["account"],
                "region": spec.region,
                "key_id": self.keys.key_id,
                "secrets": self.secrets.ids,
                "functions": {function: agent.secrets for function, agent in spec.agents.items()},
            },
            opts,
        )

    def _runner(self, name: str, args: AppFactoryArgs, opts: ResourceOptions) -> aws.AgentRunner:
        spec = args["spec"]
        if self.identity is None:
            raise pulumi.RunError(f"{name}: a runner is not started without its identities")
        return aws.AgentRunner(
            name,
            {
                "account": args["account"],
                "region": spec.region,
                "key_id": self.keys.key_id,
                "repository": RUNNER_REPOSITORY,
                "image": _image(args, RUNNER_REPOSITORY, source_digest(RUNNER_IMAGE)),
                "identities": self.identity.identities,
                "functions": {f: {"cpu": agent.cpu, "memory": agent.memory} for f, agent in spec.agents.items()},
            },
            opts,
        )

    def _service(self, name: str, args: AppFactoryArgs, opts: ResourceOptions) -> aws.Service:
        spec = args["spec"]
        ((service_name, service),) = spec.services.items()
        return aws.Service(
            f"{name}-{service_name}",
            {
                "account": args["account"],
                "region": spec.region,
                "network_id": self.network.network_id,
                "cidr": self.network.cidr,
                "subnet_ids": self.network.subnet_ids,
                "key_id": self.keys.key_id,
                "secrets": self.secrets.ids,
                "repository": spec.name,
                "image": _image(args, spec.name, args["artefact"]),
                "port": service.port,
                "health": service.health,
                "replicas": service.replicas,
                "cpu": service.cpu,
                "memory": service.memory,
                "command": service.command,
                "environment": args["environment"].value,
            },
            opts,
        )

    def _outputs(self, args: AppFactoryArgs) -> Output[dict[str, Any]]:
        spec = args["spec"]
        parts: dict[str, Any] = {
            "app": spec.name,
            "environment": args["environment"].value,
            "region": spec.region,
            "account": args["account"],
            "spec": spec.digest(),
            "network": {
                "id": self.network.network_id,
                "cidr": self.network.cidr,
                "subnets": self.network.subnet_ids,
            },
            "key": self.keys.key_id,
            "secrets": self.secrets.ids,
            "agents": {},
        }
        if self.identity and self.runner:
            parts["agents"] = Output.all(self.identity.identities, self.runner.tasks).apply(
                lambda known: {f: {"role": role, "task": known[1][f]} for f, role in known[0].items()}
            )
        if self.registry:
            parts["registry"] = {"images": self.registry.images, "artefacts": self.registry.artefacts}
        if self.service:
            parts["service"] = {
                "address": self.service.address,
                "service": self.service.service_id,
                "artefact": args["artefact"],
            }
        return Output.from_input(parts)


def _image(args: AppFactoryArgs, repository: str, digest: str) -> Output[str]:
    region = args["spec"].region
    return Output.from_input(args["account"]).apply(
        lambda account: f"{account}.dkr.ecr.{region}.amazonaws.com/{repository}@{digest}"
    )
