"""What an agent may be let into: exactly what `factory.access_rules` says, and nothing by a question that is bent."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from rules_place import DATABASE, IN_PRODUCTION, READ, REPOSITORY, WRITE, an_app, by_agent, decided
from spec_strategies import specs

from access.rules import Asked, Verdict
from access.rules.asked import TAG_LENGTH
from factory.access_rules import rule_for
from factory.gates import Role
from factory.spec import AppSpec, Environment, Function, Scope
from factory.spec.access import AccessRule, named_resources

NO_SHRINKING = [Phase.explicit, Phase.reuse, Phase.generate]


def questions_about(spec: AppSpec) -> list[Asked]:
    """Whatever an agent of an app can ask for, and what is not there."""
    resources = [*named_resources(vars(spec)), "databases.nosuch", "secrets", "", "workers.web", "repository.x"]
    return [
        Asked(spec.name, f"agent:{spec.name}/{function}/t", function, environment, resource, scope, 1)
        for function in Function
        for resource in resources
        for environment in Environment
        for scope in Scope
    ]


def by_the_rules(spec: AppSpec, asked: Asked) -> tuple[bool, Role | None, int]:
    """The other implementation's answer."""
    assert asked.function
    rule = rule_for(spec, asked.function, asked.resource, asked.environment, asked.scope)
    if rule is None or asked.minutes > rule.lease:
        return False, None, 0
    return True, rule.approval, rule.lease


def terms(verdict: Verdict) -> tuple[bool, Role | None, int]:
    return verdict.allowed, verdict.approval, verdict.most_minutes


def require_the_same(spec: AppSpec) -> None:
    for asked in questions_about(spec):
        allowed, approval, lease = by_the_rules(spec, asked)
        assert terms(decided(spec, asked)) == (allowed, approval, lease), asked
        for minutes in (lease, lease + 1) if allowed else ():
            longer = replace(asked, minutes=minutes)
            verdict = decided(spec, longer)
            assert terms(verdict) == by_the_rules(spec, longer), longer
            assert len(verdict.policies) == 1 or not verdict.allowed


@settings(phases=NO_SHRINKING, max_examples=12)
@given(specs())
def test_cedar_decides_as_the_rules_say_for_every_app_yaml(spec: AppSpec) -> None:
    require_the_same(spec)


@st.composite
def any_rules(draw: st.DrawFn) -> AppSpec:
    """An app with rules that its file could not hold: about nothing, about one thing twice, for too much."""
    spec = an_app()
    places = st.lists(st.sampled_from(Environment), unique=True, min_size=1)
    rules = st.lists(
        st.builds(
            AccessRule,
            function=st.sampled_from([Function.CODER, Function.CODE_REVIEWER, Function.TESTER]),
            resource=st.sampled_from([*named_resources(vars(spec)), "databases.nosuch", "workers.web"]),
            environments=places,
            scope=st.sampled_from(Scope),
            lease=st.integers(1, 240),
            approval=st.none() | st.sampled_from(Role),
        ),
        min_size=4,
        max_size=12,
    )
    gone = draw(st.sampled_from([{}, {"environments": {Environment.BUILD: spec.environments[Environment.BUILD]}}]))
    return spec.model_copy(update={"access": draw(rules), **gone})


@settings(phases=NO_SHRINKING, max_examples=12)
@given(any_rules())
def test_cedar_decides_as_the_rules_say_also_where_no_file_could_hold_them(spec: AppSpec) -> None:
    require_the_same(spec)


def test_the_narrowest_rule_that_holds_it_decides_on_the_terms() -> None:
    spec = an_app(WRITE, READ)
    assert terms(decided(spec, by_agent())) == (True, None, 30)
    assert terms(decided(spec, by_agent(scope=Scope.WRITE))) == (True, Role.MAINTAINER, 10)
    assert decided(spec, by_agent()).policies == ("links/access.1/build",)
    # Where only the wider one is there, it holds for both.
    assert terms(decided(an_app(WRITE), by_agent())) == (True, Role.MAINTAINER, 10)


def test_production_is_let_into_by_an_approval_and_for_an_hour_at_most() -> None:
    spec = an_app(IN_PRODUCTION)
    asked = by_agent(environment=Environment.PRODUCTION, minutes=20)
    assert terms(decided(spec, asked)) == (True, Role.OPERATOR, 20)
    for bent in ({"approval": None}, {"approval": Role.MAINTAINER}, {"lease": 61}, {"scope": Scope.ADMIN}):
        rule = AccessRule.model_validate(IN_PRODUCTION).model_copy(update=bent)
        assert not decided(spec.model_copy(update={"access": [rule]}), asked).allowed


# Attack 4: more than the rule says. What is asked as it stands is allowed.
@pytest.mark.parametrize(
    "bent",
    [
        {"scope": Scope.WRITE},
        {"scope": Scope.ADMIN},
        {"minutes": 31},
        {"minutes": 10**5},
        {"minutes": 2**63},
        {"minutes": 0},
        {"minutes": -5},
        {"minutes": True},
        {"minutes": 5.0},
        {"environment": Environment.STAGING},
        {"environment": Environment.PRODUCTION},
        {"resource": "queues.jobs"},
        {"resource": "databases.Database"},
        {"resource": "databases.database "},
        {"resource": 'databases.database"'},
        {"resource": "databases.*"},
        {"tags": {"admin": "yes"}},
        {"tags": {"scope": "admin"}},
        {"tags": {"change": "c", "minutes": "9"}},
        {"tags": {"change": "x" * (TAG_LENGTH + 1)}},
        {"tags": {"change": 5}},
        {"app": "notes"},
        {"app": "notes", "principal": "agent:notes/coder/task-1"},
        {"principal": "agent:notes/coder/task-1"},
        {"function": Function.CODE_REVIEWER},
        {"function": None},
        {"principal": "agent:links/code-reviewer/task-1"},
        {"principal": "agent:links/code-reviewer/task-1", "function": Function.CODE_REVIEWER},
        {"on_behalf_of": "agent:links/coder/task-2"},
        {"on_behalf_of": 'maria"'},
    ],
)
def test_an_agent_that_asks_for_more_gets_nothing(bent: dict[str, Any]) -> None:
    spec = an_app(READ)
    usual = by_agent(minutes=30, tags={"change": "shorter-links", "reason": "to see why"}, on_behalf_of="a-viewer")
    assert terms(decided(spec, usual)) == (True, None, 30)
    verdict = decided(spec, replace(usual, **bent))
    assert terms(verdict) == (False, None, 0)
    assert verdict.reasons
    assert verdict.policies == () or verdict.policies[0].startswith("base/")


@pytest.mark.parametrize(
    "principal",
    [
        "",
        "agent",
        "agent:",
        "agent:links",
        "agent:links/coder",
        "agent:links/coder/",
        "agent:links/coder/task-1/more",
        "agent:links/coder/task 1",
        "agent:links/coder/task-1\n",
        "agent:links/../notes/coder/task-1",
        "agent:Links/coder/task-1",
        "agent:links /coder/task-1",
        "agent:l\u0456nks/coder/task-1",
        "agent:links/c\u043eder/task-1",
        "agent:links/coder/t\u0430sk",
        "agent\uff1alinks/coder/task-1",
        "agent:links/coder\u200b/task-1",
        "agent:links/owner/task-1",
        'agent:links/coder/task-1"',
        'Agent::"agent:links/coder/task-1"',
        'Person::"an-operator"',
        "agent::links/coder/task-1",
        f"agent:{'l' * 17}/coder/task-1",
        f"agent:links/coder/{'t' * 129}",
        "factory",
        "unattested",
        "an-operator ",
        "an\u2010operator",
    ],
)
@pytest.mark.parametrize("function", [Function.CODER, None])
def test_who_has_no_proper_id_gets_nothing(principal: str, function: Function | None) -> None:
    spec = an_app(READ, REPOSITORY)
    assert decided(spec, by_agent()).allowed
    assert decided(spec, by_agent(principal="an-operator", function=None)).allowed
    verdict = decided(spec, by_agent(principal=principal, function=function))
    assert terms(verdict) == (False, None, 0)
    assert not verdict.policies


def test_a_function_that_the_app_does_not_have_is_let_into_nothing() -> None:
    tester = by_agent(principal="agent:links/tester/t", function=Function.TESTER)
    rules = [{**READ, "function": "tester"}]
    assert not decided(an_app(*rules), tester).allowed
    assert decided(an_app(*rules, agents={"tester": {}}), tester).allowed


def test_every_kind_of_resource_can_be_let_into() -> None:
    for resource in ("repository", DATABASE, "queues.jobs", "secrets.signing-key"):
        spec = an_app({**READ, "resource": resource})
        assert decided(spec, by_agent(resource=resource)).allowed, resource
    service = {**READ, "resource": "services.web", "environments": ["staging"]}
    asked = by_agent(resource="services.web", environment=Environment.STAGING)
    assert decided(an_app(service), asked).allowed
