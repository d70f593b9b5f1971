"""What an app's access rules allow: asked before an agent is let into anything. Pure; nothing here grants."""

from dataclasses import dataclass

from factory.gates import Role
from factory.spec import AccessRule, AppSpec, Environment, Function, Scope
from factory.spec.access import LEASE_MINUTES, NEEDED, may_be_held, named_resources, stands_in


@dataclass(frozen=True)
class Access:
    """The most that one rule lets one function do in one environment; `lease` in minutes, `approval` by whom.

    `needed`: app.yaml says nothing of it, and the function could not work without.
    """

    function: Function
    resource: str
    environment: Environment
    scope: Scope
    lease: int
    approval: Role | None
    needed: bool = False


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
        for rule in (*spec.access, *needed_rules(spec))
        if known
        and (rule.function, rule.resource) == (function, resource)
        and environment in rule.environments
        and rule.scope.level >= scope.level
        and may_be_held(rule, environment)
    ]
    return min(found, key=lambda rule: rule.scope.level, default=None)


def accesses(spec: AppSpec) -> list[Access]:
    """Every rule of an app, one line for each environment, in the order of the file; then what needs none."""
    needed = needed_rules(spec)
    return [
        Access(rule.function, rule.resource, environment, rule.scope, rule.lease, rule.approval, rule in needed)
        for rule in (*spec.access, *needed)
        for environment in rule.environments
    ]


def needed_rules(spec: AppSpec) -> list[AccessRule]:
    """What the app's functions could not work without, as rules; none for what app.yaml has a rule of its own about."""
    own = {(rule.function, rule.resource) for rule in spec.access}
    return [
        AccessRule(
            function=function,
            resource=resource,
            environments=[Environment.BUILD],
            scope=scope,
            lease=LEASE_MINUTES[Environment.BUILD],
        )
        for function in spec.agents
        for resource, scope in NEEDED[function].items()
        if (function, resource) not in own and Environment.BUILD in spec.environments
    ]
