"""What each concern offers, in no cloud's words: `AppFactory` composes these, whatever the target."""

from collections.abc import Sequence
from typing import NotRequired, Protocol, TypedDict

from pulumi import Input, Output, Resource


class Reach(TypedDict):
    """One way over the network: to what is behind a firewall, at one port."""

    firewall: Input[str]
    """Id of the firewall before it."""
    port: int
    """Its port."""
    opens: bool
    """Whether that firewall has to be told; False where it lets the whole network in."""
    after: NotRequired[Sequence[Resource]]
    """What must be there before anybody goes there."""


class Network(Protocol):
    """An address space of the environment's own, with no way in or out but what is declared."""

    network_id: Output[str]
    cidr: Output[str]
    subnet_ids: Output[list[str]]

    # The cloud's own services, reached without leaving the network.
    endpoints: Reach
    gateways: list[Output[str]]


class Keys(Protocol):
    """The environment's own encryption key."""

    key_id: Output[str]


class Secrets(Protocol):
    """The app's secrets in this environment: identifiers by name, never values."""

    ids: Output[dict[str, str]]


class AgentIdentity(Protocol):
    """One identity per agent function: what its tasks may do, and nothing else."""

    identities: Output[dict[str, str]]


class AgentRunner(Protocol):
    """What starts agent tasks: one task template per function."""

    tasks: Output[dict[str, str]]


class EgressProxy(Protocol):
    """The one way out of the network: it takes the tasks of an agent function to the hosts of that function's list."""

    # Where a function's tasks find it, and the firewall that they have to stand behind; by function.
    proxies: dict[str, Output[str]]
    firewalls: dict[str, Output[str]]


class Registry(Protocol):
    """Where artefacts are kept: images by digest, build outputs by name."""

    images: Output[str]
    artefacts: Output[str]


class GitSource(TypedDict):
    """The factory's repository at a git host."""

    connection: str
    """Id of the connection to the host; made once by a person, who agrees to it there."""
    repository: str
    """Its name there: `owner/name`."""


class Ci(Protocol):
    """What tests the factory's source outside the factory, waits for a person, and asks for production."""

    pipeline: Output[str]
    source: Output[str]


class Service(Protocol):
    """The serving side of the app: an address, the service that keeps the artefact running, the topic of its alarms."""

    address: Output[str]
    service_id: Output[str]
    alarms: Output[str]


class Worker(Protocol):
    """A background process of the app, kept running from the same artefact."""

    service_id: Output[str]


class Database(Protocol):
    """A PostgreSQL database: how it is reached, and the secret whose value is its whole address with its password."""

    database_id: Output[str]
    url_secret: Output[str]
    reach: Reach


class Queue(Protocol):
    """A queue, and the one for messages that nobody could handle."""

    url: Output[str]
    queue_id: Output[str]
    put_aside: Output[str]


class AuditTrail(Protocol):
    """Where the factory keeps what was done on the app in this environment; nothing of the environment writes there."""

    records_id: Output[str]


class Budget(Protocol):
    """What the environment may cost in a month, and the topic that is told when it does."""

    topic: Output[str]


class AuditStore(Protocol):
    """The record of everything that was done in the account, and where it is kept: nothing in it changes for a year."""

    store_id: Output[str]
    trail_id: Output[str]


class StateStore(Protocol):
    """Where the states of all stacks can be kept; `url` is the backend's, for the settings."""

    store_id: Output[str]
    url: Output[str]


class ImageScanning(Protocol):
    """Every image of the account is scanned when it is pushed, whatever its repository says."""

    registry_id: Output[str]


class WorkflowIdentity(Protocol):
    """Whom the account believes when a workflow of a code host says who it is."""

    provider_id: Output[str]
