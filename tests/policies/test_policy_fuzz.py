"""Whatever a program declares, no rule crashes, none passes what it cannot know, and nothing quotes a secret."""

import random
from collections import Counter
from dataclasses import replace

import pytest
from bags import CANARY, Bags, reaches
from policy_cases import CASES

from policies import CONTROLS, Fail, Stack, Unknown
from policies.evaluation import judge
from policies.protocol import diagnostic

SEED = 20261129
HIDDEN = frozenset({()})
# Of how many bags that fail one is judged again with a part of it not known: that must not pass.
HIDING = 3


# A few bags for each control say nothing of how strong they are; many do.
@pytest.mark.parametrize(("bags", "least"), [(2_000, 0.0), pytest.param(100_000, 0.02, marks=pytest.mark.soak)])
def test_no_property_bag_crashes_a_rule_and_no_secret_is_quoted(bags: int, least: float) -> None:
    made = Bags(random.Random(SEED), CASES)
    seen: dict[str, Counter[str]] = {control.id: Counter() for control in CONTROLS}
    for number in range(bags):
        control = CONTROLS[number % len(CONTROLS)]
        declared, context = made.bag(control)
        # All that a resource has is secret: nothing of it may be shown.
        resources = tuple(replace(each, secrets=HIDDEN) for each in declared)
        by_urn = {resource.urn: resource for resource in resources}
        # A rule that raises ends this test: it is told as RuleBroke, never as nothing, which would be a pass.
        verdicts = list(judge([control], Stack(resources), context))
        failed = any(verdict.failed for verdict in verdicts)
        seen[control.id]["fail" if failed else "unknown" if verdicts else "pass"] += 1
        if failed and number % HIDING == 0:
            hidden, path = made.hidden(control, resources)
            assert list(judge([control], Stack(hidden), context)), (control.id, number, path)
        for verdict in verdicts:
            finding = verdict.finding
            assert isinstance(finding, Fail | Unknown)
            owner = verdict.resource or by_urn.get(finding.urn)
            there = owner is None or any(reaches(bag, finding.path) for bag in (owner.properties, owner.answered))
            assert there, (control.id, number, finding.path)
            shown = diagnostic(verdict, environment="production", preview=False, urn="")
            assert CANARY not in shown.message, (control.id, number)
    said = {kind: sum(kinds[kind] for kinds in seen.values()) / bags for kind in ("fail", "unknown", "pass")}
    assert min(said.values()) > 0.05, said
    for name, kinds in seen.items():
        shares = {kind: kinds[kind] / kinds.total() for kind in ("fail", "pass")}
        assert min(shares.values()) >= least, (name, shares)
