"""What an app's access rules allow: asked before an agent is let into anything. Pure; nothing here grants."""

from dataclasses import dataclass

from factory.gates import Role
from factory.spec import AccessRule, AppSpec, Environment, Function, Scope
from factory.spec.access import may_be_held, named_resources, stands_in


@dataclass(frozen=True)
class Access:
    """The most that one rule lets one function do in one environment; `lease` in minutes, `approval` by whom."""

    function: Function
    resource: str
    environment: Environment
    scope: Scope
    lease: int
    approval: Role | None


def rule_for(
    spec: AppSpec, function: Function, resource: str, environment: Environment, scope: Scope
) -> AccessRule | None:
    """The rule under which a function may be let into a resource for a scope; None: it may not.

    Where several hold the scope it is the one with the narrowest: what is asked for decides on lease and approval. A
    rule that no app.yaml could hold allows nothing, whoever made the spec.
    """
    known = (
        function in spec.agents
        and environment in spec.environments
        and environment in stands_in(vars(spec), resource)
        and resource in named_resources(vars(spec))
    )
    found = [
        rule
        for rule in spec.access
        if known
        and (rule.function, rule.resource) == (function, resource)
        and environment in rule.environments
        and rule.scope.level >= scope.level
        and may_be_held(rule, environment)
    ]
    return min(found, key=lambda rule: rule.scope.level, default=None)


def accesses(spec: AppSpec) -> list[Access]:
    """Every rule of an app, one line for each environment, in the order of the file."""
    return [
        Access(rule.function, rule.resource, environment, rule.scope, rule.lease, rule.approval)
        for rule in spec.access
        for environment in rule.environments
    ]
