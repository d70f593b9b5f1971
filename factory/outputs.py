"""What an app's factory is, as identifiers: the typed outputs that the program exports and other rooms read."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class _Outputs(BaseModel):
    # Rows outlive versions: what a newer one added is not an error to an older one.
    model_config = ConfigDict(frozen=True, extra="ignore")


class NetworkOutputs(_Outputs):
    """The environment's own network."""

    id: str
    cidr: str
    subnets: list[str]


class AgentOutputs(_Outputs):
    """What runs one agent function: its identity and its task definition."""

    role: str
    task: str


class RegistryOutputs(_Outputs):
    """Where artefacts of the app are kept: images by digest, build outputs by name."""

    images: str
    artefacts: str


class CiOutputs(_Outputs):
    """What tests the factory's source, and where it takes that from."""

    pipeline: str
    source: str


class ServiceOutputs(_Outputs):
    """The serving side of the app."""

    address: str
    service: str
    artefact: str
    alarms: str | None = None
    domain: str | None = None


class DatabaseOutputs(_Outputs):
    """One database: its instance, the secret with its address and password, the firewall before it."""

    id: str
    secret: str
    firewall: str


class QueueOutputs(_Outputs):
    """One queue, and the one of messages that nobody could handle."""

    id: str
    url: str
    put_aside: str


class AppFactoryOutputs(_Outputs):
    """What an app's factory in one environment is: identifiers only, never a secret's value."""

    app: str
    environment: str
    region: str
    account: str
    spec: str
    network: NetworkOutputs
    key: str
    secrets: dict[str, str]
    agents: dict[str, AgentOutputs]
    registry: RegistryOutputs | None = None
    ci: CiOutputs | None = None
    service: ServiceOutputs | None = None
    databases: dict[str, DatabaseOutputs] = {}
    queues: dict[str, QueueOutputs] = {}
    workers: dict[str, str] = {}
    budget: str | None = None


def outputs_from(exported: dict[str, Any]) -> AppFactoryOutputs | None:
    """The stack output `factory` as typed outputs; None when the stack has none (it is empty)."""
    value = exported.get("factory")
    # Strict here: what the program exports is checked before it is kept.
    return None if value is None else AppFactoryOutputs.model_validate(value, extra="forbid")
