"""`apps/<app>/app.yaml` as `AppSpec`: the one file that says what an app is and what its factory holds."""

import hashlib
import ipaddress
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from factory.errors import InputError, Problem
from factory.located import Document, load_document, nearest, problem_at, validate
from factory.paths import FactoryRoot

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
# Names become parts of cloud names (IAM 64, load balancer 32 characters): `<app>-production-<hash>` must fit.
APP_NAME_LENGTH = 16
PART_NAME_LENGTH = 24
# Every environment's network is a quarter of the app's range, so that two of them never overlap.
NETWORK_PREFIX = (16, 20)


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


def _a_network(value: str) -> str:
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError as error:
        raise ValueError(f"not an IPv4 network: {error}") from None
    shortest, longest = NETWORK_PREFIX
    if not network.is_private or not shortest <= network.prefixlen <= longest:
        raise ValueError(f"must be a private range of /{shortest} to /{longest}, such as 10.20.0.0/16")
    return value


AppName = Annotated[str, _a_name(APP_NAME_LENGTH)]
PartName = Annotated[str, _a_name(PART_NAME_LENGTH)]
Cidr = Annotated[str, AfterValidator(_a_network)]
Cpu = Literal[256, 512, 1024, 2048, 4096]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class NetworkSpec(_Part):
    """The app's own address range."""

    cidr: Cidr = Field(description="Private IPv4 range of the app; every environment gets a quarter of it.")


class ServiceSpec(_Part):
    """One HTTP service of the app."""

    port: int = Field(ge=1024, le=65535, description="Port the service listens on, inside its network.")
    health: str = Field(
        default="/health",
        pattern=r"^/[\w./-]*$",
        description="Path that answers 200 while the service can serve.",
    )
    replicas: int = Field(default=1, ge=1, le=20, description="How many copies serve in staging and production.")
    cpu: Cpu = Field(default=256, description="CPU units per copy; 1024 is one core.")
    memory: int = Field(default=512, ge=512, le=30720, multiple_of=512, description="Memory per copy, in MiB.")


class SecretSpec(_Part):
    """One secret: its name and purpose; never its value."""

    description: str = Field(default="", max_length=200, description="What the secret is for.")


class AgentSpec(_Part):
    """What one agent function may use."""

    cpu: Cpu = Field(default=512, description="CPU units per task; 1024 is one core.")
    memory: int = Field(default=1024, ge=512, le=30720, multiple_of=512, description="Memory per task, in MiB.")
    secrets: list[PartName] = Field(default=[], description="Names of the app's secrets that its tasks may read.")


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

    def digest(self) -> str:
        """SHA-256 of what the spec means: comments and key order do not count."""
        return "sha256:" + hashlib.sha256(self.model_dump_json(by_alias=True).encode()).hexdigest()

    def stack(self, environment: Environment) -> str:
        """The name of the stack of one environment."""
        return f"{self.name}-{environment}"

    def network_of(self, environment: Environment) -> ipaddress.IPv4Network:
        """The address range of one environment: its quarter of the app's range."""
        quarters = list(ipaddress.IPv4Network(self.network.cidr).subnets(prefixlen_diff=2))
        return quarters[list(Environment).index(environment)]


def load_app(root: FactoryRoot, app: str) -> AppSpec:
    """The spec of one app.

    Raises InputError: no such app (with the nearest name), or every mistake of its file at once.
    """
    path = root.apps / app / "app.yaml"
    if not path.is_file():
        known = app_names(root)
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
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and not _is_cache(p.relative_to(folder))):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        executable = bool(path.stat().st_mode & 0o100)
        total.update(f"{path.relative_to(folder).as_posix()}\0{executable:d}\0{content}\n".encode())
    return "sha256:" + total.hexdigest()


def _is_cache(path: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" or part.endswith(".egg-info") for part in path.parts)


def _cross_field_problems(spec: AppSpec, document: Document) -> list[Problem]:
    problems = []
    folder = document.path.parent.name
    if spec.name != folder:
        problems.append(problem_at(document, ("name",), "differs from the app's folder", allowed=folder))
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
