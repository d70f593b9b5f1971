"""The peers of the policy pack's benchmark: the stock pack judges what ours judges; figures are not tested."""

import json
from pathlib import Path
from typing import Any

import pulumi_policy as stock
import pytest
from pack_door import wire
from policy_cases import CASES, Case
from policy_cases.case import SETTINGS
from pulumi_policy.proxy import unknown_checking_proxy

from factory.settings import LOCAL_ACCOUNT
from policies import CONTROLS, Resource, context_of
from policies.evaluation import judge
from policies.settings import with_account
from tests.bench.checkov import repeated
from tests.bench.stock_pack import Policies

# Whatever each control judges once: what it refuses, and what it lets pass.
CHOSEN = [
    next(case for case in CASES if case.control == control.id and case.verdict == verdict and case.settings == SETTINGS)
    for control in CONTROLS
    for verdict in ("fail", "pass")
]


@pytest.mark.parametrize("case", CHOSEN, ids=lambda case: f"{case.control}: {case.name}")
def test_the_stock_pack_refuses_exactly_what_ours_refuses(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "millwright.yaml").write_text("aws: local\n")
    (tmp_path / "policies.yaml").write_text(json.dumps(SETTINGS.model_dump(mode="json")))
    monkeypatch.chdir(tmp_path)
    context = context_of(case.stack, project="millwright", settings=with_account(SETTINGS, LOCAL_ACCOUNT))
    ours = {verdict.control.id for verdict in judge(CONTROLS, case.whole, context) if verdict.failed}
    assert refused(case) == ours


def test_a_small_state_is_repeated_until_there_are_enough_resources() -> None:
    shared, group, rule = (_state(name) for name in ("bench", "bench-0", "bench-0-rule"))
    rule["propertyDependencies"] = {"group": [group["urn"]]}
    stack = {"type": "pulumi:pulumi:Stack", "urn": "urn:pulumi:bench-build::bench::pulumi:pulumi:Stack::bench"}
    found = repeated({"resources": [stack, shared, group, rule]}, 6)["resources"]
    names = [each["urn"].rpartition("::")[2] for each in found[1:]]
    assert names == ["bench", "bench-0", "bench-0-rule", "bench-1", "bench-1-rule", "bench-2"]
    assert found[5]["propertyDependencies"]["group"] == [found[4]["urn"]]


def refused(case: Case) -> set[str]:
    """The controls whose policies report something, asked in the order of the engine."""
    said: set[str] = set()
    policies = Policies().all()
    for resource in case.resources:
        opts, provider = _options(resource), _provider(resource)
        args = stock.ResourceValidationArgs(
            resource.type, _proxy(resource.properties), resource.urn, resource.name, opts, provider
        )
        for policy in policies:
            if isinstance(policy, stock.ResourceValidationPolicy):
                policy.validate(args, lambda message, urn=None, name=policy.name: said.add(name))
    whole = stock.StackValidationArgs(_resources(case))
    for policy in policies:
        if isinstance(policy, stock.StackValidationPolicy):
            policy.validate(whole, lambda message, urn=None, name=policy.name: said.add(name))
    return {name.removesuffix("-stack") for name in said}


def _resources(case: Case) -> list[stock.PolicyResource]:
    found = {each.urn: _resource(each) for each in case.resources}
    for each in case.resources:
        for name, urns in each.property_dependencies.items():
            found[each.urn].property_dependencies[name] = [found[urn] for urn in urns if urn in found]
    return list(found.values())


def _resource(each: Resource) -> stock.PolicyResource:
    answered = _proxy({**each.properties, **each.answered})
    return stock.PolicyResource(each.type, answered, each.urn, each.name, _options(each), _provider(each), None, [], {})


def _options(resource: Resource) -> stock.PolicyResourceOptions:
    options = resource.options
    return stock.PolicyResourceOptions(
        options.protect,
        list(options.ignore_changes),
        options.delete_before_replace,
        list(options.aliases),
        stock.PolicyCustomTimeouts(0, 0, 0),
        list(options.additional_secret_outputs),
        resource.parent,
    )


def _provider(resource: Resource) -> stock.PolicyProviderResource | None:
    found = resource.provider
    return found and stock.PolicyProviderResource(found.type, _proxy(found.properties), found.urn, found.name)


def _proxy(properties: Any) -> Any:
    """As the SDK gives it to validators: numbers are floats, what is not known is a mark that raises."""
    return unknown_checking_proxy(json.loads(json.dumps(wire(properties)), parse_int=float))


def _state(name: str) -> dict[str, Any]:
    token = "aws:ec2/securityGroup:SecurityGroup"
    return {"type": token, "urn": f"urn:pulumi:bench-build::bench::{token}::{name}", "inputs": {"name": name}}
