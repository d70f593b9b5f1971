"""What an app's factory is, and the platform, as identifiers: typed outputs that programs export and others read."""

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
    """What runs one agent function: its identity and its task definition.

    `firewall`: where its tasks must stand to reach the hosts of its list; None: it has no list.
    """

    role: str
    task: str
    firewall: str | None = None


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
    audit: str | None = None


class AuditOutputs(_Outputs):
    """The account's trail, and the store that it writes to."""

    store: str
    trail: str


class StateOutputs(_Outputs):
    """Where states can be kept: the store, and the Pulumi backend's URL."""

    store: str
    url: str


class PlatformOutputs(_Outputs):
    """What all apps share: identifiers only."""

    region: str
    account: str
    spec: str
    key: str
    audit: AuditOutputs
    state: StateOutputs
    registry: str
    workflows: str | None = None


StackOutputs = AppFactoryOutputs | PlatformOutputs


def outputs_from(exported: dict[str, Any]) -> StackOutputs | None:
    """The stack output `factory` or `platform` as typed outputs; None when the stack has neither (it is empty)."""
    # Strict here: what the program exports is checked before it is kept.
    if value := exported.get("platform"):
        return PlatformOutputs.model_validate(value, extra="forbid")
    value = exported.get("factory")
    return None if value is None else AppFactoryOutputs.model_validate(value, extra="forbid")
