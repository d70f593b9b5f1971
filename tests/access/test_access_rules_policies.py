"""The policy set: what it holds by hand, what app.yaml adds, and that nothing is decided by a broken one."""

import json
import re
from typing import Any

import cedarpy
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from rules_place import PEOPLE, READ, WRITE, an_app, by_agent, decided
from spec_strategies import specs

from access.rules import STATEMENT_KINDS, deciding, engine, generated, location_of, policies_of, questions
from factory.gates import Role
from factory.spec import LEASE_MINUTES, AppSpec, DatabaseSpec, Environment, Function, Scope
from factory.spec.access import STANDS_IN, AccessRule

NO_SHRINKING = [Phase.explicit, Phase.reuse, Phase.generate]
# Evaluating it fails: there is no such attribute.
FAILING = '\n@id("trap") forbid (principal, action, resource) when { context.nosuch == 1 };\n'


def every(text: str) -> list[dict[str, Any]]:
    """The policies of a text, as Cedar reads them."""
    return list(json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"].values())


def from_the_file(text: str) -> list[dict[str, Any]]:
    """Those that app.yaml's rules became."""
    return [each for each in every(text) if location_of(each["annotations"]["id"])]


def named(words: str) -> list[str]:
    """The members of an enumerated type of the schema."""
    found = re.search(rf"entity {words} enum \[([^\]]*)\]", engine.schema_text())
    assert found
    return re.findall(r'"([^"]*)"', found[1])


def test_the_schema_knows_the_factorys_words() -> None:
    kinds = {"Environment": Environment, "Function": Function, "Role": Role, "Scope": Scope}
    assert {kind: set(named(kind)) for kind in kinds} == {kind: set(words) for kind, words in kinds.items()}
    assert set(generated.KINDS) == set(STANDS_IN)
    assert sorted(STATEMENT_KINDS) == sorted(re.findall(r'"sql:(\w+)"', engine.schema_text()))


def test_the_base_policies_fit_the_schema_and_each_says_what_it_is() -> None:
    policies = engine.policies_from(engine.base_text())
    assert len(policies.notes) == len(policies.parsed) == len(every(engine.base_text()))
    assert all(notes.get("says") and id.startswith("base/") for id, notes in policies.notes.items())


def test_people_are_let_in_for_no_longer_than_an_agent_could_be() -> None:
    notes = engine.policies_from(engine.base_text()).notes
    leases = {id: int(told["lease"]) for id, told in notes.items() if "lease" in told}
    for id, lease in leases.items():
        production = "gate" in notes[id]
        assert lease == LEASE_MINUTES[Environment.PRODUCTION if production else Environment.STAGING]
    assert {notes[id]["gate"] for id in leases if "in-production" in id} == {"production"}


@settings(phases=NO_SHRINKING, max_examples=25)
@given(specs())
def test_any_app_yaml_makes_policies_that_fit_the_schema_and_are_named_by_its_rules(spec: AppSpec) -> None:
    policies = deciding.policies_for(spec)
    own = {id: place for id in policies.notes if (place := location_of(id))}
    assert len(own) == sum(len(rule.environments) for rule in spec.access)
    for id, place in own.items():
        notes, rule = policies.notes[id], spec.access[int(place[1])]
        assert (notes["lease"], notes.get("approval")) == (str(rule.lease), rule.approval)
        assert all(word in notes["says"] for word in (rule.function, rule.resource, id.rpartition("/")[2]))


def test_a_policy_names_the_place_of_its_rule() -> None:
    assert location_of("links/access.12/build") == ("access", 12)
    assert location_of("base/other-app") is None


def strangely_named(name: str) -> AppSpec:
    """An app whose database has a name that no file could give it."""
    rule = AccessRule.model_validate(READ).model_copy(update={"resource": f"databases.{name}"})
    return an_app().model_copy(update={"databases": {name: DatabaseSpec()}, "access": [rule]})


@settings(phases=NO_SHRINKING, max_examples=100)
@given(st.text(min_size=1) | st.text('";\\\n/*{}()@:"', min_size=1))
def test_no_name_becomes_a_part_of_a_policys_text(name: str) -> None:
    spec = strangely_named(name)
    (policy,) = from_the_file(policies_of(spec))
    assert policy["resource"] == {"op": "==", "entity": {"type": "Database", "id": f"links/build/databases.{name}"}}
    assert deciding.policies_for(spec)
    assert decided(spec, by_agent(resource=f"databases.{name}")).allowed
    assert not decided(spec, by_agent()).allowed


@pytest.mark.parametrize(
    "name",
    [
        'x" }; permit (principal, action, resource); //',
        'x"\n);\npermit (principal, action, resource);\nforbid (principal, action, resource == Database::"',
        'x", resource in App::"links',
        "*/ permit (principal, action, resource); /*",
    ],
)
def test_a_name_that_looks_like_a_policy_permits_nothing_else(name: str) -> None:
    spec = strangely_named(name)
    assert len(from_the_file(policies_of(spec))) == 1
    assert len(every(policies_of(spec))) == 1 + len(every(policies_of(an_app())))
    assert decided(spec, by_agent(resource=f"databases.{name}")).allowed
    assert not decided(spec, by_agent(resource=f"databases.{name}", scope=Scope.WRITE)).allowed
    assert not decided(spec, by_agent(resource="queues.jobs")).allowed


def test_a_name_that_no_text_can_hold_lets_nobody_in() -> None:
    verdict = decided(strangely_named("\ud800"), by_agent(resource="databases.\ud800"))
    assert (verdict.allowed, verdict.policies) == (False, ())
    assert "such policies decide nothing" in verdict.reasons[0]


def asked_of(policies: engine.Policies) -> engine.Answer:
    asked = by_agent()
    request = questions.access_request(asked, "read")
    (answer,) = engine.answers(policies, [request], questions.access_entities(PEOPLE, asked))
    return answer


def test_a_forbid_that_cannot_be_evaluated_is_no_permission() -> None:
    good = engine.base_text() + policies_of(an_app(READ))
    assert asked_of(engine.policies_from(good)).allowed
    unchecked = engine.Policies("", cedarpy.PolicySet.from_str(good + FAILING), {})
    request = questions.access_request(by_agent(), "read")
    plain = cedarpy.is_authorized(dict(request), unchecked.parsed, questions.access_entities(PEOPLE, by_agent()))
    # This is the trap: Cedar leaves the forbid out.
    assert plain.allowed
    answer = asked_of(unchecked)
    assert not answer.allowed
    assert "nosuch" in answer.errors[0]
    # And such a set is not even taken.
    with pytest.raises(engine.BrokenPolicies, match=r"do not fit the schema.*nosuch"):
        engine.policies_from(good + FAILING)


@pytest.mark.parametrize(
    ("added", "told"),
    [
        ("permit (principal", "do not parse"),
        ('@id("x") permit (principal is Agnet, action, resource);', "do not fit the schema"),
        ('@id("x") permit (principal, action == Action::"reed", resource);', "do not fit the schema"),
        ('@id("x") forbid (principal, action, resource) when { resource.environment == Environment::"prod" };', "fit"),
        ("permit (principal, action, resource);", "an id of their own"),
        ('@id("base/other-app") permit (principal, action, resource);', "an id of their own"),
        ('@id("x") permit (principal == ?principal, action, resource);', "templates are not used"),
    ],
)
def test_a_policy_set_that_is_not_sound_decides_nothing(added: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = an_app(READ)
    before = decided(spec, by_agent())
    assert before.allowed
    text = engine.base_text() + added
    with pytest.raises(engine.BrokenPolicies, match=told):
        engine.policies_from(text)
    monkeypatch.setattr(deciding, "base_text", lambda: text)
    after = decided(spec, by_agent())
    assert not after.allowed
    assert told in after.reasons[0]
    assert after.version != before.version
    assert not deciding.may_stop(PEOPLE, by_agent(), "an-operator").allowed


def test_the_version_names_the_policies_and_nothing_else() -> None:
    first = decided(an_app(READ), by_agent())
    assert decided(an_app(READ, description="another"), by_agent(minutes=1)).version == first.version
    assert decided(an_app(READ), by_agent(principal="who")).version == first.version
    changed = [an_app({**READ, "lease": 31}), an_app(READ, WRITE), an_app()]
    assert len({first.version, *(decided(spec, by_agent()).version for spec in changed)}) == 4
    assert re.fullmatch("sha256:[0-9a-f]{64}", first.version)


def test_an_app_without_rules_permits_what_its_agents_need_and_one_without_agents_says_that_it_is_nothing() -> None:
    assert (
        policies_of(an_app().model_copy(update={"agents": {}})) == "// links: app.yaml lets no agent into anything.\n"
    )
    needs = {each["annotations"]["id"] for each in every(policies_of(an_app()))}
    assert needs == {
        "links/needs.coder.model/build",
        "links/needs.coder.repository/build",
        "links/needs.code-reviewer.model/build",
        "links/needs.code-reviewer.repository/build",
    }
    assert not decided(an_app(), by_agent()).allowed
    assert decided(an_app(READ), by_agent()).allowed


@pytest.mark.parametrize(
    ("notes", "asked", "told"),
    [
        ('@lease("240")', {}, "differ in their terms"),
        ('@lease("30") @approval("operator")', {}, "differ in their terms"),
        ('@lease("30")', {"environment": Environment.PRODUCTION}, "nobody who may let into it is asked for approval"),
        (
            '@lease("30") @approval("maintainer")',
            {"environment": Environment.PRODUCTION},
            "nobody who may let into it is asked for approval",
        ),
        ('@lease("30") @approval("viewer")', {"resource": "queues.jobs"}, "nobody who may let into it"),
        ('@lease("4")', {"resource": "queues.jobs"}, "it may be held for 4 minutes at most"),
        ("", {"resource": "queues.jobs"}, "it may be held for 0 minutes at most"),
    ],
)
def test_what_cedar_allows_on_terms_that_do_not_hold_is_refused(
    notes: str, asked: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = 'permit (principal is Agent, action in Action::"write", resource);'
    texts = [f'{engine.base_text()}@id("more") {told} {more}' for told in (notes, '@lease("30") @approval("operator")')]
    monkeypatch.setattr(deciding, "base_text", lambda: texts[0])
    verdict = decided(an_app(READ), by_agent(**asked))
    assert (verdict.allowed, verdict.approval, verdict.most_minutes) == (False, None, 0)
    assert told in verdict.reasons[0]
    assert "more" in verdict.policies
    # Alone, and on terms that hold, it lets in.
    monkeypatch.setattr(deciding, "base_text", lambda: texts[1])
    assert decided(an_app(), by_agent(**asked)).approval is Role.OPERATOR
