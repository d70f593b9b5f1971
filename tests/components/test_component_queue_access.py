"""A function's role may do with a queue what the access rules promise it there, and nobody's else; the pack agrees."""

import json
from typing import Any

from component_mocks import ACCOUNT, REGION, Declared, declared_factory, spec_of
from declared_policies import findings_on, told

from factory.spec import AppSpec, Environment

RULE = {"function": "coder", "resource": "queues.jobs", "environments": ["build"], "scope": "read"}


def queueing(*rules: dict[str, Any]) -> AppSpec:
    return spec_of(queues={"jobs": {}, "mails": {}}, access=list(rules))


def policies(declared: list[Declared]) -> dict[str, list[dict[str, Any]]]:
    """The statements about queues, by the name of the role's policy."""
    return {
        each.name: json.loads(each.inputs["policy"])["Statement"]
        for each in declared
        if each.type == "aws:iam/rolePolicy:RolePolicy" and each.inputs["name"] == "queues"
    }


def test_the_role_may_what_the_rules_promise_on_the_queues_that_are_declared() -> None:
    wider = {**RULE, "scope": "write", "lease": 5}
    declared = declared_factory(queueing(RULE, wider), Environment.BUILD)
    found = policies(declared)
    assert list(found) == ["links-build-coder-queues"]
    allowed = found["links-build-coder-queues"][0]
    names = {each.inputs["name"] for each in declared if each.type == "aws:sqs/queue:Queue"}
    named = {arn.removeprefix(f"arn:aws:sqs:{REGION}:{ACCOUNT}:") for arn in allowed["Resource"]}
    assert named == {"links-build-jobs", "links-build-jobs-put-aside"} < names
    assert {"sqs:ReceiveMessage", "sqs:SendMessage"} < set(allowed["Action"])
    assert "sqs:PurgeQueue" not in allowed["Action"]


def test_where_no_rule_names_it_no_role_may_anything_with_a_queue() -> None:
    elsewhere = {**RULE, "environments": ["staging"]}
    declared = declared_factory(queueing(elsewhere), Environment.BUILD)
    assert policies(declared) == {}
    (ceiling,) = (each for each in declared if each.type == "aws:iam/policy:Policy")
    assert "sqs:" not in ceiling.inputs["policy"]
    # The control: with a rule for build the ceiling names it.
    (ceiling,) = (
        each for each in declared_factory(queueing(RULE), Environment.BUILD) if each.type == "aws:iam/policy:Policy"
    )
    assert "links-build-jobs" in ceiling.inputs["policy"]
    assert "links-build-mails" not in ceiling.inputs["policy"]


def test_a_factory_whose_agents_may_be_let_into_queues_breaks_no_rule() -> None:
    declared = declared_factory(queueing({**RULE, "scope": "admin"}), Environment.BUILD)
    assert policies(declared)
    assert told(findings_on(declared, "links-build")) == []
