"""What each concern offers, in no cloud's words: `AppFactory` composes these, whatever the target."""

from typing import Protocol

from pulumi import Output


class Network(Protocol):
    """An address space of the environment's own, with no way in or out but what is declared."""

    network_id: Output[str]
    cidr: Output[str]
    subnet_ids: Output[list[str]]


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


class Registry(Protocol):
    """Where artefacts are kept: images by digest, build outputs by name."""

    images: Output[str]
    artefacts: Output[str]


class Service(Protocol):
    """The serving side of the app: an address, and the service that keeps the artefact running."""

    address: Output[str]
    service_id: Output[str]
