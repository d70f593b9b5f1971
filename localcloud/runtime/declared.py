"""What ECS records declare, as plain data: a service, its deployments, and what a task definition starts."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from factory.egress_service import is_proxy
from localcloud.runtime.interface import CannotStart, Launch
from localcloud.runtime.reach import Reach

Json = Any
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
SECRET = re.compile(
    r"(?P<arn>arn:[^:]+:secretsmanager:(?P<region>[^:]+):(?P<account>\d{12}):secret:[^:]+)"
    r"(?::(?P<key>[^:]*):(?P<stage>[^:]*):(?P<version>[^:]*))?"
)
# The smallest that Fargate offers; a definition without one is for EC2.
DEFAULT_MEMORY_MIB = 512
# Its agents work on this host, and an agents' network that leads nowhere needs no proxy in it.
EGRESS_ELSEWHERE = (
    "not run locally: on this machine the egress lists are kept to by the proxy beside the worker (access.egress)."
)


class Rollout(StrEnum):
    """How far a deployment has come, as ECS says it."""

    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


@dataclass(frozen=True)
class ServiceId:
    """Which service: names are unique in a cluster only."""

    account: str
    region: str
    cluster: str
    name: str

    def __str__(self) -> str:
        return f"{self.account}/{self.region}/{self.cluster}/{self.name}"


@dataclass(frozen=True)
class Deployment:
    """One task definition that a service runs, or is moving to, since when (by the monotonic clock)."""

    id: str
    definition: str
    rollout: Rollout
    since: float


@dataclass(frozen=True)
class HealthCheck:
    """How a target group looks at its targets. Its timing is for a whole region, so it is not taken over here."""

    path: str
    accepted: str


@dataclass(frozen=True)
class TargetGroup:
    """A target group that a service's tasks belong to."""

    arn: str
    check: HealthCheck | None


@dataclass(frozen=True)
class Service:
    """One ACTIVE service. `deployments`: the primary first, then those it replaces, newest first.

    `breaker`: whether the deployment circuit breaker is on. `stop_asked`: tasks that the API was told to stop, and
    why. `subnet`: the addresses of its tasks, for what tells them. `reach`: what its copies may reach, by deployment.
    """

    id: ServiceId
    desired: int
    deployments: tuple[Deployment, ...]
    breaker: bool
    groups: tuple[TargetGroup, ...]
    stop_asked: Mapping[str, str]
    subnet: str
    reach: Mapping[str, Reach] = field(default_factory=dict)

    @property
    def primary(self) -> Deployment | None:
        """The deployment that the record declares."""
        return self.deployments[0] if self.deployments else None

    @property
    def fallback(self) -> Deployment | None:
        """What served before the primary, while it still stands."""
        return next((each for each in self.deployments[1:] if each.rollout is Rollout.COMPLETED), None)


@dataclass(frozen=True)
class LogTarget:
    """The log group a container writes to."""

    group: str
    region: str
    prefix: str


@dataclass(frozen=True)
class SecretReference:
    """A secret's place: the whole value, or one key of a JSON object."""

    arn: str
    account: str
    region: str
    key: str
    stage: str
    version: str


@dataclass(frozen=True)
class Container:
    """What a task definition's one container needs to run. `port`: None for a worker, which listens for nobody."""

    name: str
    digest: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    secrets: Mapping[str, SecretReference]
    port: int | None
    memory_mib: int
    stop_seconds: float
    log: LogTarget | None

    def launch(self, task: str, read: Callable[[SecretReference], str]) -> Launch:
        """One copy of it. `read` fetches a secret's value, which goes nowhere but into the copy's environment."""
        injected = {name: read(reference) for name, reference in self.secrets.items()}
        told = {} if self.port is None else {"PORT": str(self.port)}
        environment = {**self.environment, **injected, **told}
        return Launch(task, self.digest, self.command, environment, self.port, self.memory_mib)


def not_run_here(definition: Mapping[str, Json]) -> str:
    """Why what is declared is not run by the local runtime, for whoever looks at its service; "" for what is."""
    containers = definition.get("containerDefinitions") or []
    return EGRESS_ELSEWHERE if containers and all(is_proxy(each) for each in containers) else ""


def container(definition: Mapping[str, Json]) -> Container:
    """The container of a task definition (as ECS keeps it). Raises CannotStart for what cannot run here, by name."""
    containers = definition["containerDefinitions"]
    if len(containers) != 1:
        raise CannotStart(f"the local runtime runs one container per task, and this one has {len(containers)}")
    (declared,) = containers
    ports = [mapping.get("containerPort") for mapping in declared.get("portMappings") or []]
    if len(ports) > 1 or not all(ports):
        raise CannotStart(f"the local runtime serves one container port, and {len(ports)} are declared")
    if not declared.get("command"):
        raise CannotStart("the container declares no command: an artefact is a tree of files and has no default one")
    if declared.get("entryPoint"):
        raise CannotStart("the local runtime takes no entryPoint; put it into the command")
    stop = declared.get("stopTimeout")
    return Container(
        name=str(declared["name"]),
        digest=_digest(str(declared.get("image") or "")),
        command=tuple(str(part) for part in declared["command"]),
        environment={item["name"]: str(item["value"]) for item in declared.get("environment") or []},
        secrets={item["name"]: _secret(item["valueFrom"]) for item in declared.get("secrets") or []},
        port=int(ports[0]) if ports else None,
        memory_mib=int(definition.get("memory") or declared.get("memory") or DEFAULT_MEMORY_MIB),
        stop_seconds=float(stop) if stop else 30.0,
        log=_log(declared.get("logConfiguration")),
    )


def _digest(image: str) -> str:
    _, _, digest = image.rpartition("@")
    if "@" not in image or not DIGEST.fullmatch(digest):
        raise CannotStart(f"the image is not named by digest (...@sha256:...): {image or 'none is given'}")
    return digest


def _secret(place: str) -> SecretReference:
    found = SECRET.fullmatch(place)
    if found is None:
        raise CannotStart(f"the local runtime injects values of Secrets Manager only, by ARN: {place}")
    return SecretReference(
        arn=found["arn"],
        account=found["account"],
        region=found["region"],
        key=found["key"] or "",
        stage=found["stage"] or "",
        version=found["version"] or "",
    )


def _log(configuration: Mapping[str, Json] | None) -> LogTarget | None:
    options = (configuration or {}).get("options") or {}
    if (configuration or {}).get("logDriver") != "awslogs" or "awslogs-group" not in options:
        return None
    return LogTarget(
        group=str(options["awslogs-group"]),
        region=str(options.get("awslogs-region") or ""),
        prefix=str(options.get("awslogs-stream-prefix") or ""),
    )


def secret_value(reference: SecretReference, answer: Mapping[str, Json]) -> str:
    """The value that a reference names in Secrets Manager's answer. Raises CannotStart without telling the value."""
    text = answer.get("SecretString")
    if text is None:
        raise CannotStart(f"the secret holds bytes, and only text can be injected: {reference.arn}")
    if not reference.key:
        return str(text)
    try:
        return str(json.loads(text)[reference.key])
    except (ValueError, KeyError, TypeError):
        raise CannotStart(f"the secret has no key {reference.key}: {reference.arn}") from None
