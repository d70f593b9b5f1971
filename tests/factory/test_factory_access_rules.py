"""What rules allow: nothing without one, no more than one says, and never less because there is another."""

from typing import Any

import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from spec_strategies import GOOD_DATA, specs

from factory.access_rules import accesses, needed_rules, rule_for
from factory.gates import Role
from factory.spec import LEASE_MINUTES, AppSpec, Environment, Function, Scope
from factory.spec.access import NEEDED, named_resources

Asked = tuple[Function, str, Environment, Scope]
# What is asked of a spec says enough; shrinking one takes minutes.
NO_SHRINKING = [Phase.explicit, Phase.reuse, Phase.generate]
RULE = {"function": "coder", "resource": "databases.database", "environments": ["build"], "scope": "read"}


def every_question(spec: AppSpec) -> list[Asked]:
    """Whatever can be asked of a spec, and what is not there."""
    resources = [*named_resources(vars(spec)), "databases.nosuch", "secrets", "", "workers.web"]
    return [(f, r, e, s) for f in Function for r in resources for e in Environment for s in Scope]


def with_rules(*rules: dict[str, Any]) -> AppSpec:
    return AppSpec.model_validate({**GOOD_DATA, "databases": {"database": {}}, "access": list(rules)})


@settings(phases=NO_SHRINKING, max_examples=25)
@given(specs())
def test_only_what_a_rule_names_is_allowed_and_never_more_than_it_says(spec: AppSpec) -> None:
    for function, resource, environment, scope in every_question(spec):
        rule = rule_for(spec, function, resource, environment, scope)
        if rule is None:
            continue
        assert rule in (*spec.access, *needed_rules(spec))
        assert (rule.function, rule.resource, environment in rule.environments) == (function, resource, True)
        assert rule.scope.level >= scope.level
        assert rule.lease <= LEASE_MINUTES[environment]
        if environment is Environment.PRODUCTION:
            assert rule.approval in (Role.OPERATOR, Role.SECURITY)
            assert scope is not Scope.ADMIN


@settings(phases=NO_SHRINKING, max_examples=25)
@given(specs())
def test_whatever_a_rule_says_is_allowed_with_all_narrower_scopes(spec: AppSpec) -> None:
    for access in accesses(spec):
        for scope in (scope for scope in Scope if scope.level <= access.scope.level):
            assert rule_for(spec, access.function, access.resource, access.environment, scope) is not None


@settings(phases=NO_SHRINKING, max_examples=25)
@given(specs())
def test_without_rules_nobody_is_let_into_anything_but_what_they_cannot_work_without(spec: AppSpec) -> None:
    bare = spec.model_copy(update={"access": []})
    needs = {
        (function, resource, Environment.BUILD, each)
        for function in spec.agents
        for resource, scope in NEEDED[function].items()
        for each in Scope
        if each.level <= scope.level and Environment.BUILD in spec.environments
    }
    assert {asked for asked in every_question(spec) if rule_for(bare, *asked)} == needs


@settings(phases=NO_SHRINKING, max_examples=25)
@given(spec=specs(), data=st.data())
def test_one_rule_more_takes_nothing_away(spec: AppSpec, data: st.DataObject) -> None:
    assume(spec.access)
    # What a function needs a rule narrows: see below.
    about = [i for i, rule in enumerate(spec.access) if rule.resource not in NEEDED[rule.function]]
    assume(about)
    left_out = data.draw(st.sampled_from(about))
    fewer = spec.model_copy(update={"access": [rule for i, rule in enumerate(spec.access) if i != left_out]})
    for asked in every_question(spec):
        if (before := rule_for(fewer, *asked)) is not None:
            after = rule_for(spec, *asked)
            assert after is not None
            assert after.lease >= before.lease
            assert after.approval in (None, before.approval)


def test_the_narrowest_rule_that_holds_it_says_for_how_long_and_by_whom() -> None:
    write = {**RULE, "scope": "write", "lease": 5, "approval": "operator"}
    spec = with_rules({**RULE, "lease": 60}, write)
    asked = (Function.CODER, "databases.database", Environment.BUILD)
    reading, writing = rule_for(spec, *asked, Scope.READ), rule_for(spec, *asked, Scope.WRITE)
    assert reading is not None
    assert writing is not None
    assert [(each.lease, each.approval) for each in (reading, writing)] == [(60, None), (5, "operator")]
    assert rule_for(spec, *asked, Scope.ADMIN) is None
    # Where only the wider one is there, it holds for both.
    assert rule_for(with_rules(write), *asked, Scope.READ) == writing


def test_a_rule_about_what_a_function_needs_takes_the_place_of_the_need() -> None:
    asked = (Function.CODER, "repository", Environment.BUILD)
    needed = rule_for(with_rules(), *asked, Scope.WRITE)
    assert needed is not None
    assert (needed.lease, needed.approval) == (LEASE_MINUTES[Environment.BUILD], None)
    assert rule_for(with_rules(), *asked, Scope.ADMIN) is None
    reads = with_rules({**RULE, "resource": "repository", "scope": "read"})
    assert rule_for(reads, *asked, Scope.READ) == reads.access[0]
    assert rule_for(reads, *asked, Scope.WRITE) is None
    assert [each.resource for each in accesses(reads) if each.needed and each.function is Function.CODER] == ["model"]


@pytest.mark.parametrize(
    "changed",
    [
        {"environments": ["production"], "approval": "maintainer"},
        {"environments": ["production"]},
        {"environments": ["production"], "approval": "security", "lease": 61},
        {"environments": ["production"], "approval": "security", "scope": "admin"},
        {"approval": "viewer"},
        {"function": "tester"},
        {"resource": "databases.nosuch"},
        {"resource": "services.web"},
        {"resource": "repository", "environments": ["staging"]},
    ],
)
def test_a_rule_that_no_file_could_hold_allows_nothing_wherever_it_came_from(changed: dict[str, Any]) -> None:
    rule = {**RULE, **changed}
    asked = (Function(rule["function"]), rule["resource"], Environment(rule["environments"][0]), Scope(rule["scope"]))
    assert rule_for(with_rules(rule), *asked) is None
    good = {**RULE, "environments": ["production"], "approval": "security", "lease": 60}
    assert rule_for(with_rules(good), Function.CODER, good["resource"], Environment.PRODUCTION, Scope.READ) is not None
