"""What people are told: which rule let somebody in and on which terms, or what is nearest and where to change it."""

import json
from pathlib import Path
from typing import Any

import pytest
from rules_place import DATABASE, IN_PRODUCTION, READ, REPOSITORY, WRITE, an_app, by_agent, by_person, decided
from spec_strategies import GOOD, factory_in

from access.rules import as_json, explain
from factory.document import load_document
from factory.gates import Role
from factory.spec import Environment, Function, Scope, load_app

REVIEWER = {"principal": "agent:links/code-reviewer/t", "function": Function.CODE_REVIEWER}


@pytest.mark.parametrize(
    ("rules", "asked", "told"),
    [
        ([READ], {"scope": Scope.WRITE}, "app.yaml, access.0.scope allows it to read, not to write"),
        ([WRITE], {"scope": Scope.ADMIN}, "app.yaml, access.0.scope allows it to write, not to administer"),
        ([READ, WRITE], {"minutes": 31}, "app.yaml, access.0.lease allows 30 minutes, and 31 minutes were asked for"),
        (
            [{**READ, "environments": ["build", "staging"]}],
            {"environment": Environment.PRODUCTION},
            "app.yaml, access.0.environments names build and staging, not production",
        ),
        (
            [{**READ, "environments": ["staging"]}, {**WRITE, "environments": ["production"], "approval": "operator"}],
            {"scope": Scope.WRITE},
            "app.yaml, access.1.environments names production, not build",
        ),
        ([READ], REVIEWER, "app.yaml, access.0.function names the coder, not the code-reviewer"),
        ([READ], {"resource": "queues.jobs"}, "no rule is about queues.jobs: app.yaml, access, would hold it"),
        (
            [],
            {"principal": "agent:links/tester/t", "function": Function.TESTER},
            "links has no tester: app.yaml, agents",
        ),
        ([READ], {"resource": "queues.job"}, "links has no resource 'queues.job'"),
        ([READ], {"resource": "services.web"}, "services.web does not stand in build, only in staging and production"),
        ([READ], {"tags": {"colour": "red"}}, "there is no tag 'colour': there are change and reason"),
        ([READ], {"app": "notes"}, "the question is about 'notes', and the rules are those of links"),
        ([READ], {"principal": "agent:notes/coder/t"}, "an agent of one app is let into nothing of another"),
    ],
)
def test_who_is_refused_learns_what_is_nearest_and_where_to_change_it(
    rules: list[dict[str, Any]], asked: dict[str, Any], told: str
) -> None:
    verdict = decided(an_app(*rules), by_agent(**asked))
    text = explain(verdict)
    assert text.startswith("refused\n")
    assert told in text
    assert "approval" not in text


@pytest.mark.parametrize(
    ("who", "asked", "told"),
    [
        ("a-maintainer", {"environment": Environment.PRODUCTION}, "into production, operators are let for everything"),
        ("a-maintainer", {"environment": Environment.STAGING, "scope": Scope.ADMIN}, "staging is for operators"),
        ("a-security", {"scope": Scope.WRITE}, "to write in build is for maintainers and operators"),
        ("a-security", {"scope": Scope.WRITE}, "a-security holds security for links"),
        ("a-viewer", {}, "a person needs the role maintainer, operator or security for the app"),
        ("who", {}, "nobody has the id 'who': people.yaml says who may act"),
    ],
)
def test_a_person_learns_whose_role_it_takes(who: str, asked: dict[str, Any], told: str) -> None:
    assert told in explain(decided(an_app(), by_person(who, **asked)))


def test_who_is_let_in_learns_by_which_rule_and_on_which_terms() -> None:
    spec = an_app(READ, WRITE, IN_PRODUCTION)
    reading, writing = explain(decided(spec, by_agent())), explain(decided(spec, by_agent(scope=Scope.WRITE)))
    assert reading.splitlines()[:-1] == [
        "allowed",
        f"  the coder may read {DATABASE} in build (app.yaml, access.0)",
        "  held for 30 minutes at most",
        "  nobody is asked for approval",
        "policies: links/access.0/build",
    ]
    assert "somebody who holds the role maintainer must approve each time" in writing
    assert decided(spec, by_agent()).version in reading


def test_the_same_is_told_as_data() -> None:
    spec = an_app(IN_PRODUCTION)
    verdict = decided(spec, by_agent(environment=Environment.PRODUCTION))
    assert json.loads(json.dumps(as_json(verdict))) == {
        "allowed": True,
        "approval": Role.OPERATOR,
        "most_minutes": 20,
        "reasons": [f"the coder may read {DATABASE} in production (app.yaml, access.0)"],
        "policies": ["links/access.0/production"],
        "version": verdict.version,
        "places": ["access.0"],
    }
    refused = as_json(decided(spec, by_agent()))
    assert (refused["approval"], refused["places"]) == (None, ["access.0.environments"])
    assert as_json(decided(spec, by_person("an-operator")))["places"] == []


FILE = f"""{GOOD}databases:
  database: {{}}
access:
  - function: coder
    resource: {DATABASE}
    environments: [build]
    scope: read
"""


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, "- function: coder"),
        ({"scope": Scope.WRITE}, "scope: read"),
        ({"environment": Environment.STAGING}, "environments: [build]"),
        # The lease is left to its default: then the whole rule is shown.
        ({"minutes": 16}, "- function: coder"),
        (REVIEWER, "function: coder"),
        ({"resource": "secrets.signing-key"}, "access:"),
    ],
)
def test_with_the_file_its_line_is_told(tmp_path: Path, asked: dict[str, Any], told: str) -> None:
    root = factory_in(tmp_path, FILE)
    file = root.apps / "links" / "app.yaml"
    text = explain(decided(load_app(root, "links"), by_agent(**asked)), load_document(file))
    (line,) = [each.removeprefix(f"  see {file}:") for each in text.splitlines() if "  see " in each]
    assert told in FILE.splitlines()[int(line) - 1]


def test_what_no_line_could_change_names_none(tmp_path: Path) -> None:
    root = factory_in(tmp_path, FILE)
    document = load_document(root.apps / "links" / "app.yaml")
    spec = load_app(root, "links")
    for asked in (by_person("an-operator"), by_person("a-viewer"), by_agent(principal="agent:notes/coder/t")):
        assert "  see " not in explain(decided(spec, asked), document)


def test_what_is_permitted_without_a_line_in_the_file_says_that_it_is_needed() -> None:
    model, branch = by_agent(resource="model"), by_agent(resource="repository", scope=Scope.WRITE)
    told = explain(decided(an_app(), model))
    assert "the coder may read model in build (its tasks need it)" in told
    assert "policies: links/needs.coder.model/build" in told
    assert (decided(an_app(), branch).allowed, decided(an_app(), branch).most_minutes) == (True, 240)
    refused = decided(an_app(), by_agent(resource="repository", scope=Scope.WRITE, **REVIEWER))
    assert not refused.allowed
    assert "what the code-reviewer needs of repository in build" in refused.reasons[1]
    assert decided(an_app(), by_agent(resource="repository", **REVIEWER)).allowed
    # Another app's agent, and what the base forbids, as ever.
    assert decided(an_app(), by_agent(resource="model", principal="agent:notes/coder/t")).policies == (
        "base/other-app",
    )
    assert not decided(an_app(), by_agent(resource="model", minutes=241)).allowed


def test_a_rule_of_the_file_takes_the_place_of_a_need() -> None:
    spec = an_app({**REPOSITORY, "scope": "read"}, {**READ, "resource": "model", "approval": "operator"})
    refused = decided(spec, by_agent(resource="repository", scope=Scope.WRITE))
    assert (refused.allowed, refused.reasons[1]) == (
        False,
        "app.yaml, access.0.scope allows it to read, not to write",
    )
    assert decided(spec, by_agent(resource="model")).approval is Role.OPERATOR
