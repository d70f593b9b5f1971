"""What app.yaml is made of, below its top level."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from factory.allowed import refuse
from factory.gates import MOST_APPROVALS, Role
from factory.spec.egress import EgressHost
from factory.spec.names import Cidr, Cpu, Environment, PartName, SubnetId, VpcCidr, VpcId
from factory.spec.tools import Tool

# MiB of memory that Fargate offers for so many CPU units.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
FARGATE_MEMORY: dict[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
    4096: tuple(range(8192, 30720 + 1, 1024)),
}

# ACM takes 64 characters, and staging's name is longer by its own.
# https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html
DOMAIN_LENGTH = 64 - len("staging.")

# The longest that one task of an agent may take, whatever app.yaml says.
TASK_MINUTES = 240

Word = Annotated[str, Field(min_length=1)]
# `1.0` and `"1"` are none.
Whole = Annotated[int, Field(strict=True)]


def _each_once(values: list[Any]) -> list[Any]:
    if twice := [value for index, value in enumerate(values) if value in values[:index]]:
        refuse("nothing stands there twice", allowed="each once", fix=f"write {twice[0]} once only")
    return values


# What a list may hold once only.
EachOnce = AfterValidator(_each_once)


class Part(BaseModel):
    """Base of every part: no other keys than its own; names of several words are written in camelCase."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)


class NetworkSpec(Part):
    """The app's own address range."""

    cidr: Cidr = Field(description="Private IPv4 range of the app; every environment gets a quarter of it.")


class Sized(Part):
    """What runs in a container: its size and its command."""

    cpu: Cpu = Field(default=256, description="CPU units per copy; 1024 is one core.")
    memory: Whole = Field(default=512, ge=512, le=30720, multiple_of=512, description="Memory per copy, in MiB.")
    replicas: Whole = Field(default=1, ge=1, le=20, description="How many copies run in staging and production.")
    command: list[Word] = Field(
        default=[],
        max_length=32,
        description="What starts it, in the app's tree; it may write to /data and /tmp. Empty: the image's own.",
    )


class ServiceSpec(Sized):
    """One HTTP service of the app."""

    port: int = Field(strict=True, ge=1024, le=65535, description="Port the service listens on, inside its network.")
    health: str = Field(
        default="/health",
        pattern=r"^/[\w./-]*$",
        description="Path that answers 200 while the service can serve.",
        json_schema_extra={"allowed": "a path such as /health"},
    )
    domain: str | None = Field(
        default=None,
        max_length=DOMAIN_LENGTH,
        pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$",
        json_schema_extra={"allowed": "a name such as links.example.com"},
        description="Name at which production serves over TLS, such as links.example.com; staging serves at "
        "staging.<domain>. Its owner puts the certificate's record into DNS. Without one: HTTP, inside the network.",
    )

    def domain_in(self, environment: Environment) -> str | None:
        """The name at which it serves in an environment: each has its own, or one would answer for the other."""
        if self.domain is None or environment is Environment.PRODUCTION:
            return self.domain
        return f"{environment}.{self.domain}"


class WorkerSpec(Sized):
    """One background process of the app: it serves nothing, and is well while it runs."""


class Size(StrEnum):
    """How much a database gets."""

    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


class DatabaseSpec(Part):
    """One PostgreSQL database, which the app's services and workers reach; they find it in `<NAME>_URL`."""

    size: Size = Field(default=Size.SMALL, description="Memory and cores of its server.")
    storage: Whole = Field(default=20, ge=20, le=1024, description="Size of its disk, in GiB.")
    backups: Whole = Field(default=7, ge=1, le=35, description="Days for which automated backups are kept.")


class QueueSpec(Part):
    """One queue, which the app's services and workers use; they find it in `<NAME>_URL`."""

    seconds: Whole = Field(
        default=60, ge=1, le=43_200, description="How long a message that was taken stays hidden from others."
    )
    attempts: Whole = Field(
        default=5, ge=1, le=100, description="How often a message is given out before it is put aside."
    )
    retention: Whole = Field(
        default=4, ge=1, le=14, description="Days for which a message is kept; one put aside stays for 14."
    )


class SecretSpec(Part):
    """One secret: its name and purpose; never its value."""

    description: str = Field(default="", max_length=200, description="What the secret is for.")
    rotation: Whole | None = Field(
        default=None,
        ge=1,
        le=365,
        description="Days after which its value is to be another one. Nothing changes it by itself: "
        "`millwright secrets list` tells what is overdue. Default: no limit.",
    )


class TaskBudget(Part):
    """The most that one task of an agent may use; whichever is reached first ends it."""

    turns: Whole = Field(default=40, ge=1, le=500, description="Most calls of the model in one task.")
    minutes: Whole = Field(default=15, ge=1, le=TASK_MINUTES, description="Most minutes that one task may take.")
    dollars: float = Field(
        default=2.0, strict=True, gt=0, le=100, description="Most that one task may spend on the model, in US dollars."
    )


class AgentSpec(Part):
    """What one agent function may use."""

    cpu: Cpu = Field(default=512, description="CPU units per task; 1024 is one core.")
    memory: Whole = Field(default=1024, ge=512, le=30720, multiple_of=512, description="Memory per task, in MiB.")
    secrets: Annotated[list[PartName], EachOnce] = Field(
        default=[], description="Names of the app's secrets that its tasks may read."
    )
    model: str | None = Field(
        default=None, pattern=r"^[\w.:/-]{1,100}$", description="The model it asks; default: the factory's setting."
    )
    budget: TaskBudget = Field(default=TaskBudget(), description="The most that one task may use.")
    tools: Annotated[list[Tool], EachOnce] | None = Field(
        default=None,
        description="The only tools that it is offered, of those that its function has; default: all of these. "
        "`submit`, which ends a task, is always there.",
    )
    egress: Annotated[list[EgressHost], EachOnce] = Field(
        default=[],
        max_length=50,
        description="Hosts that its commands may reach over TLS, through a proxy that records each connection; `*.` "
        "stands for one part. Empty: they have no network at all. With a list, build gets a way out for the proxy "
        "alone (a NAT gateway, which costs while it stands), unless it adopts its network.",
    )


class GateSpec(Part):
    """Who decides at one gate, and how many of them."""

    role: Role | None = Field(
        default=None,
        description="Role that a person must hold to decide there; only a stricter one than by default.",
    )
    approvals: Whole = Field(
        default=1, ge=1, le=MOST_APPROVALS, description="How many different people must approve; one refusal ends it."
    )


class ExistingNetwork(Part):
    """A VPC that stands already. It is looked up and checked; nothing of it is made, changed or removed."""

    vpc: VpcId = Field(description="Id of the VPC.")
    subnets: Annotated[list[SubnetId], EachOnce] = Field(
        min_length=2, max_length=6, description="Ids of its private subnets to use, in two zones at least."
    )
    cidr: VpcCidr = Field(description="Its IPv4 range, which overlaps no other network that the factory declares.")


class EnvironmentNetwork(Part):
    """The network of one environment, where it is not its quarter of the app's own."""

    existing: ExistingNetwork = Field(description="The network that it stands in.")


class EnvironmentSpec(Part):
    """One environment of the app; that it is listed declares its stack."""

    target: Literal["aws"] = Field(default="aws", description="Where this environment lives.")
    network: EnvironmentNetwork | None = Field(
        default=None, description="A network that stands already, instead of one of its own."
    )


class BudgetSpec(Part):
    """What the cloud may cost."""

    dollars: int = Field(
        strict=True,
        ge=1,
        le=1_000_000,
        description="Most that one environment of the app is to cost in a month, in US dollars.",
    )
    alerts: Annotated[list[Annotated[int, Field(strict=True, ge=1, le=1000)]], EachOnce] = Field(
        default=[50, 80, 100],
        min_length=1,
        max_length=5,
        description="Percentages of it at which its topic is told; spending does not stop by itself.",
    )


# The periods that CloudWatch Logs can keep a log for, from a year on: less is too short for an audit.
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
LOG_DAYS = (365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)


class RetentionSpec(Part):
    """How long is kept what tells who did what."""

    logs: Whole = Field(default=365, description="Days for which logs are kept, one of CloudWatch's periods.")
    audit: Whole = Field(
        default=365, ge=365, le=LOG_DAYS[-1], description="Days for which the app's audit records are kept at least."
    )


def variable_name(name: str) -> str:
    """The environment variable that carries something named in app.yaml: `signing-key` becomes `SIGNING_KEY`."""
    return name.replace("-", "_").upper()
