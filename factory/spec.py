"""`apps/<app>/app.yaml` as `AppSpec`: the one file that says what an app is and what its factory holds."""

import hashlib
import ipaddress
import json
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from factory.document import Document, Location, load_document
from factory.errors import InputError, Problem
from factory.gates import ALLOWED_ROLES, DEFAULT_ROLES, Gate, Role
from factory.located import nearest, problem_at, validate
from factory.paths import FactoryRoot

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
# Names become parts of cloud names (IAM 64, load balancer 32 characters): `<app>-production-<hash>` must fit.
APP_NAME_LENGTH = 16
PART_NAME_LENGTH = 24
# Every environment's network is a quarter of the app's range, so that two of them never overlap.
NETWORK_PREFIX = (16, 20)
# RFC 1918; Python's `is_private` also holds loopback, link-local and reserved ranges, which no VPC may have.
PRIVATE_NETWORKS = tuple(ipaddress.IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
# First parts that services keep for themselves: ELB `internal-`, EC2 `sg-`, S3 `sthree-` and `amzn-`.
KEPT_PREFIXES = frozenset({"internal", "sg", "sthree", "amzn"})
# The image repository of the agents' runner stands beside the apps' repositories.
KEPT_NAMES = frozenset({"agent-runner"})


class Environment(StrEnum):
    """Where an app's factory stands: agents work in build; staging and production serve releases."""

    BUILD = "build"
    STAGING = "staging"
    PRODUCTION = "production"


class Function(StrEnum):
    """What an agent is there for."""

    PLANNER = "planner"
    CODER = "coder"
    TESTER = "tester"
    SECURITY_REVIEWER = "security-reviewer"
    CODE_REVIEWER = "code-reviewer"


def _a_name(length: int) -> AfterValidator:
    def check(value: str) -> str:
        if not _NAME.fullmatch(value) or len(value) > length:
            raise ValueError(f"a name is 1 to {length} lower-case letters, digits and single hyphens, a letter first")
        return value

    return AfterValidator(check)


def _no_other_meaning(value: str) -> str:
    first, *others = value.split("-")
    if len(value) == 1:
        raise ValueError("two characters at least: the app's image repository has this name")
    if first in KEPT_PREFIXES or value in KEPT_NAMES:
        raise ValueError(
            "not a name kept for other things: `agent-runner`, or one that begins with amzn, internal, sg or sthree"
        )
    if not set(others).isdisjoint(Environment):
        # `a` with the service `build-x` in staging, and `a-staging` with `x` in build, would share names.
        raise ValueError("only its first part may be the name of an environment")
    return value


def _a_network(value: str) -> str:
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError as error:
        raise ValueError(f"not an IPv4 network: {error}") from None
    shortest, longest = NETWORK_PREFIX
    private = any(network.subnet_of(known) for known in PRIVATE_NETWORKS)
    if not private or not shortest <= network.prefixlen <= longest:
        raise ValueError(f"must be a private range of /{shortest} to /{longest}, such as 10.20.0.0/16")
    return value


AppName = Annotated[str, _a_name(APP_NAME_LENGTH), AfterValidator(_no_other_meaning)]
PartName = Annotated[str, _a_name(PART_NAME_LENGTH)]
Cidr = Annotated[str, AfterValidator(_a_network)]
Cpu = Literal[256, 512, 1024, 2048, 4096]
# MiB of memory that Fargate offers for so many CPU units.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
FARGATE_MEMORY: dict[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
    4096: tuple(range(8192, 30720 + 1, 1024)),
}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class NetworkSpec(_Part):
    """The app's own address range."""

    cidr: Cidr = Field(description="Private IPv4 range of the app; every environment gets a quarter of it.")


class ServiceSpec(_Part):
    """One HTTP service of the app."""

    port: int = Field(strict=True, ge=1024, le=65535, description="Port the service listens on, inside its network.")
    health: str = Field(
        default="/health",
        pattern=r"^/[\w./-]*$",
        description="Path that answers 200 while the service can serve.",
    )
    replicas: int = Field(
        default=1, strict=True, ge=1, le=20, description="How many copies serve in staging and production."
    )
    cpu: Cpu = Field(default=256, description="CPU units per copy; 1024 is one core.")
    memory: int = Field(
        default=512, strict=True, ge=512, le=30720, multiple_of=512, description="Memory per copy, in MiB."
    )
    command: list[Annotated[str, Field(min_length=1)]] = Field(
        default=[],
        max_length=32,
        description="What starts it, in the app's tree; it may write to /data and /tmp. Empty: the image's own.",
    )


class SecretSpec(_Part):
    """One secret: its name and purpose; never its value."""

    description: str = Field(default="", max_length=200, description="What the secret is for.")


class AgentSpec(_Part):
    """What one agent function may use."""

    cpu: Cpu = Field(default=512, description="CPU units per task; 1024 is one core.")
    memory: int = Field(
        default=1024, strict=True, ge=512, le=30720, multiple_of=512, description="Memory per task, in MiB."
    )
    secrets: list[PartName] = Field(default=[], description="Names of the app's secrets that its tasks may read.")
    turns: int = Field(default=40, strict=True, ge=1, le=500, description="Most calls of the model in one task.")
    minutes: int = Field(default=15, strict=True, ge=1, le=240, description="Most minutes that one task may take.")
    dollars: float = Field(
        default=2.0, gt=0, le=100, description="Most that one task may spend on the model, in US dollars."
    )


class GateSpec(_Part):
    """Who decides at one gate."""

    role: Role = Field(description="Role that a person must hold to decide there; only a stricter one than by default.")


class EnvironmentSpec(_Part):
    """One environment of the app; that it is listed declares its stack."""


class AppSpec(_Part):
    """One app, as `apps/<app>/app.yaml` declares it."""

    api_version: Literal["millwright/v1"] = Field(alias="apiVersion", description="Version of this file's format.")
    name: AppName = Field(description="The app's name; its folder has the same one.")
    description: str = Field(default="", max_length=200, description="What the app is, in one line.")
    owner: PartName = Field(description="The team that answers for the app; becomes the tag `owner`.")
    target: Literal["aws"] = Field(default="aws", description="Where the app's environments live.")
    region: str = Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$", description="Cloud region, such as eu-central-1.")
    network: NetworkSpec = Field(description="The app's own network.")
    services: dict[PartName, ServiceSpec] = Field(min_length=1, max_length=1, description="The HTTP service, by name.")
    secrets: dict[PartName, SecretSpec] = Field(default={}, description="The app's secrets, by name.")
    agents: dict[Function, AgentSpec] = Field(min_length=1, description="The agents that work on the app, by function.")
    environments: dict[Environment, EnvironmentSpec] = Field(
        min_length=1, description="The environments that exist for the app."
    )
    gates: dict[Gate, GateSpec] = Field(default={}, description="Gates at which another role decides than by default.")

    def digest(self) -> str:
        """SHA-256 of what the spec means: comments and key order do not count."""
        meaning = json.dumps(self.model_dump(mode="json", by_alias=True), sort_keys=True)
        return "sha256:" + hashlib.sha256(meaning.encode()).hexdigest()

    def stack(self, environment: Environment) -> str:
        """The name of the stack of one environment."""
        return f"{self.name}-{environment}"

    def role_at(self, gate: Gate) -> Role:
        """The role that decides at a gate of this app."""
        named = self.gates.get(gate)
        return named.role if named else DEFAULT_ROLES[gate]

    def network_of(self, environment: Environment) -> ipaddress.IPv4Network:
        """The address range of one environment: its quarter of the app's range."""
        quarters = list(ipaddress.IPv4Network(self.network.cidr).subnets(prefixlen_diff=2))
        return quarters[list(Environment).index(environment)]


def load_app(root: FactoryRoot, app: str) -> AppSpec:
    """The spec of one app.

    Raises InputError: no such app (with the nearest name), or every mistake of its file at once.
    """
    path = root.apps / app / "app.yaml"
    known = app_names(root)
    # Not merely whether the file exists: `../x` would lead out of the apps' folder.
    if app not in known:
        guess = nearest(app, known)
        raise InputError(
            f"no app named {app!r}: {path} does not exist; known: {', '.join(known) or 'none'}",
            hint=f"did you mean {guess!r}?" if guess else "write its app.yaml first",
        )
    document = load_document(path)
    spec = validate(AppSpec, document)
    if problems := tuple(_cross_field_problems(spec, document)):
        raise InputError(f"{path} has mistakes", problems=problems)
    return spec


def app_names(root: FactoryRoot) -> list[str]:
    """The apps of this factory: every folder of `apps/` with an app.yaml, sorted."""
    return sorted(path.parent.name for path in root.apps.glob("*/app.yaml"))


def source_digest(folder: Path) -> str:
    """SHA-256 over the paths, modes (executable or not) and contents of a source tree; caches do not count."""
    total = hashlib.sha256()
    for path in (p for p in source_files(folder) if p.is_file()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        executable = bool(path.stat().st_mode & 0o100)
        total.update(f"{path.relative_to(folder).as_posix()}\0{executable:d}\0{content}\n".encode())
    return "sha256:" + total.hexdigest()


def source_files(folder: Path) -> list[Path]:
    """The files of a source tree, in the order in which its digest counts them."""
    found = (p for p in folder.rglob("*") if p.is_symlink() or not p.is_dir())
    return sorted(p for p in found if not _is_cache(p.relative_to(folder)))


def _is_cache(path: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" or part.endswith(".egg-info") for part in path.parts)


def _cross_field_problems(spec: AppSpec, document: Document) -> list[Problem]:
    problems = []
    folder = document.path.parent.name
    if spec.name != folder:
        problems.append(problem_at(document, ("name",), "differs from the app's folder", allowed=folder))
    sized = {("services", name): part for name, part in spec.services.items()} | {
        ("agents", function.value): part for function, part in spec.agents.items()
    }
    problems += [p for at, part in sized.items() if (p := _size_problem(document, at, part.cpu, part.memory))]
    for gate, named in spec.gates.items():
        if named.role not in ALLOWED_ROLES[gate]:
            allowed = ", ".join(sorted(ALLOWED_ROLES[gate]))
            at = ("gates", gate.value, "role")
            problems.append(problem_at(document, at, f"does not decide at the gate {gate}", allowed=allowed))
    for function, agent in spec.agents.items():
        for index, name in enumerate(agent.secrets):
            if name not in spec.secrets:
                guess = nearest(name, spec.secrets)
                problems.append(
                    problem_at(
                        document,
                        ("agents", function.value, "secrets", index),
                        "no such secret in this app",
                        allowed=", ".join(spec.secrets) or "none: the app declares no secrets",
                        fix=f"did you mean {guess!r}?" if guess else None,
                    )
                )
    return problems


def _size_problem(document: Document, at: Location, cpu: int, memory: int) -> Problem | None:
    offered = FARGATE_MEMORY[cpu]
    if memory in offered:
        return None
    message = f"{memory} MiB do not go with {cpu} CPU units"
    return problem_at(document, (*at, "memory"), message, allowed=", ".join(str(size) for size in offered))
