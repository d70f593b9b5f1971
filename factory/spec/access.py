"""Access rules: how far an agent may ever be let into what the app has. They grant nothing by themselves."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import Field

from factory.gates import ACCESS_ROLES, ALLOWED_ROLES, Gate, Role
from factory.spec.names import Environment, Function
from factory.spec.parts import TASK_MINUTES, EachOnce, Part, Whole, Word

# Said wherever somebody meets a rule.
HOW_GRANTED: Final = (
    "A rule is an upper bound: each grant is asked for, recorded, and ended. Services are not opened yet."
)
# The longest leases, in minutes. No task outlives TASK_MINUTES, and an access ends with its task. An hour is the most
# that AWS gives to a role taken from another role, which is how an agent would come to one of production's:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html (role chaining)
LEASE_MINUTES: Final[Mapping[Environment, int]] = {
    Environment.BUILD: TASK_MINUTES,
    Environment.STAGING: TASK_MINUTES,
    Environment.PRODUCTION: 60,
}
REPOSITORY: Final = "repository"
MODEL: Final = "model"
# Of these an app has one each; what else there is has a name: `databases.database`.
NAMELESS: Final = (REPOSITORY, MODEL)
# What a rule can name, as app.yaml calls it, and where such a thing stands (`components.CONTENTS`). What is outside of
# the factory (hosts, apis) says itself in which environments it may be reached.
STANDS_IN: Final[Mapping[str, tuple[Environment, ...]]] = {
    REPOSITORY: (Environment.BUILD,),
    MODEL: (Environment.BUILD,),
    "databases": tuple(Environment),
    "queues": tuple(Environment),
    "secrets": tuple(Environment),
    "services": (Environment.STAGING, Environment.PRODUCTION),
    "hosts": tuple(Environment),
    "apis": tuple(Environment),
}


class Scope(StrEnum):
    """How much may be done; each holds the one before."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"

    @property
    def level(self) -> int:
        """Counted from the narrowest: who may do one may do those below."""
        return list(Scope).index(self)


class AccessRule(Part):
    """One function may be let into one resource: where, how far, for how long, and by whom."""

    function: Function = Field(description="Whose tasks; one of the app's agents.")
    resource: Word = Field(
        max_length=64,
        json_schema_extra={"allowed": "`repository`, `model`, or a name such as databases.database"},
        description="What: `repository`, `model`, or what app.yaml declares, as in `databases.database`, "
        "`queues.jobs`, `secrets.signing-key`, `services.web`, `hosts.legacy`, `apis.payments`.",
    )
    environments: Annotated[list[Environment], EachOnce] = Field(
        min_length=1,
        description="Where. Repository and model stand in build; a service in staging and production.",
    )
    scope: Scope = Field(description="How far: `read`; `write`, and read; `admin`, and all. No agent has production's.")
    lease: Whole = Field(
        default=15,
        ge=1,
        le=TASK_MINUTES,
        description=f"Most minutes for which it is held; {LEASE_MINUTES[Environment.PRODUCTION]} in production. "
        "It ends with the task in any case.",
    )
    approval: Role | None = Field(
        default=None,
        description="Role of a person who must agree each time: maintainer, operator or security. Default: nobody is "
        "asked; in production, operator or security must be named.",
    )


# Without these a function does no work at all: they are permitted in build without a line in app.yaml, and a rule there
# about the same function and resource takes their place.
NEEDED: Final[Mapping[Function, Mapping[str, Scope]]] = {
    Function.PLANNER: {MODEL: Scope.READ},
    Function.CODER: {MODEL: Scope.READ, REPOSITORY: Scope.WRITE},
    Function.TESTER: {MODEL: Scope.READ},
    Function.SECURITY_REVIEWER: {MODEL: Scope.READ, REPOSITORY: Scope.READ},
    Function.CODE_REVIEWER: {MODEL: Scope.READ, REPOSITORY: Scope.READ},
}


def approvers(environment: Environment) -> frozenset[Role]:
    """The roles that may let an agent into something of an environment."""
    return ACCESS_ROLES & ALLOWED_ROLES[Gate.PRODUCTION] if environment is Environment.PRODUCTION else ACCESS_ROLES


def may_be_held(rule: AccessRule, environment: Environment) -> bool:
    """Whether the rule asks for no more than any rule may in this environment."""
    in_production = environment is Environment.PRODUCTION
    return (
        rule.lease <= LEASE_MINUTES[environment]
        and not (in_production and rule.scope is Scope.ADMIN)
        and (rule.approval in approvers(environment) or (rule.approval is None and not in_production))
    )


def stands_in(data: Mapping[str, Any], resource: str) -> tuple[Environment, ...]:
    """The environments in which a resource of an app.yaml with this data stands; none for what no rule can name."""
    kind, _, name = resource.partition(".")
    stands = STANDS_IN.get(kind, ())
    part = named.get(name) if isinstance(named := data.get(kind), Mapping) else None
    # A model of it, or what a file holds that may have mistakes.
    own = part.get("environments") if isinstance(part, Mapping) else getattr(part, "environments", None)
    return tuple(each for each in stands if each in own) if isinstance(own, list) else stands


def named_resources(data: Mapping[str, Any]) -> list[str]:
    """What a rule of an app.yaml with this data can name."""
    parts = {kind: data.get(kind) for kind in STANDS_IN if kind not in NAMELESS}
    return [
        *NAMELESS,
        *(f"{kind}.{name}" for kind, named in parts.items() if isinstance(named, Mapping) for name in named),
    ]
