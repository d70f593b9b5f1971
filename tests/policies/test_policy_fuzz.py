"""Whatever a program declares, no rule crashes, and nothing that it says quotes a secret."""

import random
from dataclasses import replace

import pytest
from bags import CANARY, Bags, reaches
from policy_cases import CASES

from policies import CONTROLS, Fail, Stack, Unknown, context_of
from policies.evaluation import judge
from policies.protocol import diagnostic

SEED = 20261129
HIDDEN = frozenset({()})


@pytest.mark.parametrize("bags", [2_000, pytest.param(100_000, marks=pytest.mark.soak)])
def test_no_property_bag_crashes_a_rule_and_no_secret_is_quoted(bags: int) -> None:
    made = Bags(random.Random(SEED), CASES)
    context = context_of("links-production")
    said = 0
    for number in range(bags):
        control = CONTROLS[number % len(CONTROLS)]
        # All that a resource has is secret: nothing of it may be shown.
        resources = tuple(replace(each, secrets=HIDDEN) for each in made.resources(control))
        by_urn = {resource.urn: resource for resource in resources}
        for verdict in judge([control], Stack(resources), context):
            said += 1
            finding = verdict.finding
            assert isinstance(finding, Fail | Unknown)
            owner = verdict.resource or by_urn.get(finding.urn)
            assert owner is None or reaches(owner.properties, finding.path), (control.id, number, finding.path)
            shown = diagnostic(verdict, environment="production", preview=False, urn="")
            assert CANARY not in shown.message, (control.id, number)
    assert said > bags / 4
