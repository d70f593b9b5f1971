"""AppSpec: one app's whole file."""

import hashlib
import ipaddress
import json
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, field_validator

from factory.allowed import refuse
from factory.gates import DEFAULT_ROLES, Deciders, Gate, Role
from factory.spec.access import HOW_GRANTED, AccessRule
from factory.spec.names import AppName, Environment, Function, PartName
from factory.spec.outside import ApiSpec, HostSpec
from factory.spec.parts import (
    AgentSpec,
    BudgetSpec,
    DatabaseSpec,
    EnvironmentSpec,
    ExistingNetwork,
    GateSpec,
    NetworkSpec,
    Part,
    QueueSpec,
    RetentionSpec,
    SecretSpec,
    ServiceSpec,
    WorkerSpec,
)
from factory.spec.tools import FUNCTION_TOOLS, Tool

# Two of the smallest subnets that a cloud gives.
WAY_OUT_PREFIX = 27


def _named_here(gate: Gate) -> Gate:
    if gate not in DEFAULT_ROLES:
        allowed, fix = ", ".join(DEFAULT_ROLES), "name who agrees in the access rule: approval: security"
        refuse("`access` is no gate of the whole app: each access rule has its own", allowed=allowed, fix=fix)
    return gate


# A gate whose decider an app names once for all.
NamedGate = Annotated[
    Gate,
    AfterValidator(_named_here),
    WithJsonSchema({"type": "string", "enum": [gate.value for gate in DEFAULT_ROLES]}),
]


class AppSpec(Part):
    """One app, as `apps/<app>/app.yaml` declares it."""

    api_version: Literal["millwright/v2"] = Field(description="Version of this file's format.")
    name: AppName = Field(description="The app's name; its folder has the same one.")
    description: str = Field(default="", max_length=200, description="What the app is, in one line.")
    owner: PartName = Field(description="The team that answers for the app; becomes the tag `owner`.")
    cost_center: PartName | None = Field(
        default=None, description="Who pays for the app; becomes the tag `cost-center`. Default: the owner."
    )
    target: Literal["aws"] = Field(default="aws", description="Where the app's environments live.")
    region: str = Field(
        pattern=r"^[a-z]{2}(-[a-z]+)+-\d$",
        description="Cloud region, such as eu-central-1.",
        json_schema_extra={"allowed": "a region such as eu-central-1"},
    )
    network: NetworkSpec = Field(description="The app's own network.")
    services: dict[PartName, ServiceSpec] = Field(min_length=1, max_length=1, description="The HTTP service, by name.")
    workers: dict[PartName, WorkerSpec] = Field(
        default={}, max_length=5, description="Background processes, by name, from the same artefact."
    )
    databases: dict[PartName, DatabaseSpec] = Field(
        default={}, max_length=5, description="PostgreSQL databases, by name."
    )
    queues: dict[PartName, QueueSpec] = Field(default={}, max_length=10, description="Queues, by name.")
    secrets: dict[PartName, SecretSpec] = Field(default={}, description="The app's secrets, by name.")
    hosts: dict[PartName, HostSpec] = Field(
        default={}, max_length=20, description="Machines outside of the factory that are reached by SSH, by name."
    )
    apis: dict[PartName, ApiSpec] = Field(
        default={}, max_length=20, description="HTTP APIs of others that the app's agents may call, by name."
    )
    agents: dict[Function, AgentSpec] = Field(min_length=1, description="The agents that work on the app, by function.")
    environments: dict[Environment, EnvironmentSpec] = Field(
        min_length=1, description="The environments that exist for the app."
    )
    gates: dict[NamedGate, GateSpec] = Field(
        default={}, description="Gates at which another role decides than by default, or more people."
    )
    access: list[AccessRule] = Field(
        default=[],
        max_length=100,
        description=f"What agents may ever be let into; nothing else is. {HOW_GRANTED}",
    )
    budget: BudgetSpec = Field(
        default=BudgetSpec(dollars=200), description="What each environment may cost in a month."
    )
    retention: RetentionSpec = Field(default=RetentionSpec(), description="How long logs and audit records are kept.")

    @field_validator("gates")
    @classmethod
    def _without_defaults(cls, gates: dict[Gate, GateSpec]) -> dict[Gate, GateSpec]:
        # A default that is written out is no other meaning.
        return {gate: named for gate, named in gates.items() if named != GateSpec()}

    def digest(self) -> str:
        """SHA-256 of what the spec means: comments, key order and defaults that are written out do not count.

        Without the defaults, because a field that a newer version adds must not undo what people decided.
        """
        meaning = json.dumps(self.model_dump(mode="json", by_alias=True, exclude_defaults=True), sort_keys=True)
        return "sha256:" + hashlib.sha256(meaning.encode()).hexdigest()

    def stack(self, environment: Environment) -> str:
        """The name of the stack of one environment."""
        return f"{self.name}-{environment}"

    def role_at(self, gate: Gate) -> Role:
        """The role that decides at a gate of this app."""
        return self.deciders_at(gate).role

    def deciders_at(self, gate: Gate) -> Deciders:
        """Whose approval, and how many, a gate of this app takes."""
        named = self.gates.get(gate, GateSpec())
        return Deciders(named.role or DEFAULT_ROLES[gate], named.approvals)

    def tools_of(self, function: Function) -> tuple[Tool, ...]:
        """The tools that a function's agent is offered: all that the function has, or those of them that are named."""
        named = agent.tools if (agent := self.agents.get(function)) else None
        return tuple(tool for tool in FUNCTION_TOOLS[function] if named is None or tool in named)

    def network_of(self, environment: Environment) -> ipaddress.IPv4Network:
        """The address range of one environment: its quarter of the app's range, or that of the network it adopts."""
        if existing := self.existing_network(environment):
            return ipaddress.IPv4Network(existing.cidr)
        quarters = list(ipaddress.IPv4Network(self.network.cidr).subnets(prefixlen_diff=2))
        return quarters[list(Environment).index(environment)]

    def existing_network(self, environment: Environment) -> ExistingNetwork | None:
        """The network that an environment adopts; None where it gets one of its own."""
        declared = self.environments.get(environment)
        return declared.network.existing if declared and declared.network else None

    @property
    def way_out_range(self) -> ipaddress.IPv4Network:
        """Two subnets for a way out: the end of the quarter that no environment has, so that no other range changes."""
        last = int(ipaddress.IPv4Network(self.network.cidr).broadcast_address)
        return ipaddress.IPv4Network((last & ~0x1F, WAY_OUT_PREFIX))

    @property
    def egress(self) -> dict[Function, list[str]]:
        """The hosts that the tasks of each function may reach, of those functions that have a list."""
        return {function: agent.egress for function, agent in self.agents.items() if agent.egress}

    @property
    def payer(self) -> str:
        """Who pays for the app."""
        return self.cost_center or self.owner
