"""What was read of a cloud and of the stacks, as plain data: the proof is made from this alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What a resource is, in the words that people read."""

    NETWORK = "network"
    SUBNET = "subnet"
    ROUTE_TABLE = "route table"
    ROUTE = "route"
    FIREWALL = "security group"
    FIREWALL_RULE = "security group rule"
    PREFIX_LIST = "prefix list"
    PEERING = "peering"
    TRANSIT = "transit gateway"
    ATTACHMENT = "transit gateway attachment"
    GATEWAY = "gateway"
    ADDRESS = "public address"
    NAMESPACE = "namespace"
    NAME = "name in a namespace"
    ZONE = "zone of a namespace"
    ENDPOINT = "endpoint"
    ENDPOINT_SERVICE = "endpoint service"
    INTERFACE = "network interface"
    INSTANCE = "instance"
    FLOW_LOG = "flow log"
    ROLE = "role"
    PROFILE = "instance profile"
    MANAGED_POLICY = "managed policy"
    USER = "user"
    GROUP = "group"
    KEY = "key"
    ALIAS = "key alias"
    GRANT = "key grant"
    SECRET = "secret"  # noqa: S105 -- a kind of thing
    LOG_GROUP = "log group"
    LOG_FILTER = "log subscription filter"
    REPOSITORY = "image repository"
    BUCKET = "bucket"
    QUEUE = "queue"
    TOPIC = "topic"
    SUBSCRIPTION = "topic subscription"
    DATABASE = "database"
    DATABASE_NETWORK = "database network"
    SNAPSHOT = "database snapshot"
    CLUSTER = "cluster"
    SERVICE = "service"
    TASK_DEFINITION = "task definition"
    TASK = "task"
    BALANCER = "load balancer"
    TARGET_GROUP = "target group"
    LISTENER = "listener"
    CERTIFICATE = "certificate"
    BUILD_PROJECT = "build project"
    PIPELINE = "pipeline"
    ALARM = "alarm"
    TRAIL = "audit trail"
    ACCOUNT_POLICY = "policy of the whole account"
    OTHER = "resource that this proof does not read"


@dataclass(frozen=True, kw_only=True)
class Owner:
    """One environment of one app, and so one stack."""

    app: str
    environment: str

    def __str__(self) -> str:
        return f"{self.app}-{self.environment}"


@dataclass(frozen=True)
class Reference:
    """That a resource uses another one: `how` ("task role"), and the other's id or one of its names."""

    how: str
    target: str


@dataclass(frozen=True, kw_only=True)
class Document:
    """A policy document as the cloud gave it: JSON, or what JSON stands for."""

    name: str
    content: str | Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One thing that the cloud holds.

    `id` is its ARN where it has one that policies use, else what its service calls it. `arns` is what a policy names
    to act on it or on what is in it; they may hold wildcards. What is `part_of` another resource has that one's owner
    and need have no tags. `ranges` are the addresses that a network has, or that a rule lets in or out. `by_aws`: it
    is there without anybody having made it. `outward`: of a rule, that it is about what leaves. `egress_proxy`: of a
    task definition, that it starts the egress proxy and nothing else.
    """

    kind: Kind
    id: str
    names: tuple[str, ...] = ()
    arns: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    part_of: str | None = None
    refers: tuple[Reference, ...] = ()
    ranges: tuple[str, ...] = ()
    policy: Document | None = None
    by_aws: bool = False
    outward: bool = False
    egress_proxy: bool = False


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What a role's own documents are: those in it and attached to it, and its boundary."""

    role: str
    documents: tuple[Document, ...]
    boundary: Document | None = None


@dataclass(frozen=True, kw_only=True)
class Unread:
    """What could not be read, and why: the proof does not reach it."""

    what: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """Everything that was read of one account in some regions."""

    account: str
    regions: tuple[str, ...]
    resources: tuple[Resource, ...]
    identities: tuple[Identity, ...] = ()
    unread: tuple[Unread, ...] = ()

    def named(self) -> Iterator[tuple[str, Resource]]:
        """Each id and name with its resource."""
        for resource in self.resources:
            yield resource.id, resource
            yield from ((name, resource) for name in resource.names)


@dataclass(frozen=True, kw_only=True)
class Stack:
    """What a stack's state knows: the ids and ARNs of its resources, with their types.

    `pending`: its last update was cut off, so it may not know everything.
    """

    owner: Owner
    known: Mapping[str, str]
    pending: bool = False
