"""Components with one mistake each: the pack says exactly what is wrong and where, and nothing without the mistake."""

import copy
from collections import Counter

import pytest
from component_mistakes_egress import EGRESS
from component_mistakes_reach import IDENTITIES, NETWORK
from component_mistakes_things import AUDIT, CI, CONTAINERS, DATA, OWNERSHIP
from component_mocks import declared_factory, declared_platform, letting_out, spec_of
from component_mutations import BUILD, LETTING_OUT, PLATFORM, PRODUCTION, Mistake, Stack
from declared_policies import findings_on

from factory.spec import Environment
from policies import Enforcement
from policies.evaluation import Verdict

MISTAKES = (*NETWORK, *EGRESS, *IDENTITIES, *DATA, *CONTAINERS, *CI, *AUDIT, *OWNERSHIP)


@pytest.fixture(scope="module")
def stacks() -> dict[str, Stack]:
    """What the components declare, made once: each mistake is made in a copy."""
    return {
        BUILD: declared_factory(spec_of(), Environment.BUILD),
        PRODUCTION: declared_factory(spec_of(), Environment.PRODUCTION),
        LETTING_OUT: declared_factory(letting_out(), Environment.BUILD),
        PLATFORM: declared_platform(),
    }


def said(verdicts: list[Verdict]) -> list[str]:
    """Control, resource and property of each, sorted: what is registered side by side comes in any order."""
    return sorted(f"{each.control.id} {each.resource.name if each.resource else '-'} {each.place}" for each in verdicts)


@pytest.mark.parametrize("name", [BUILD, PRODUCTION, LETTING_OUT, PLATFORM])
def test_without_a_mistake_nothing_is_said(name: str, stacks: dict[str, Stack]) -> None:
    assert len(stacks[name]) > 20
    assert said(findings_on(stacks[name], name)) == []


@pytest.mark.parametrize("made", MISTAKES, ids=lambda made: made.name)
def test_a_mistake_of_a_component_is_told_by_its_control_at_its_place(made: Mistake, stacks: dict[str, Stack]) -> None:
    broken = copy.deepcopy(stacks[made.stack])
    made.change(broken)
    # It was made: what is declared is another thing.
    assert broken != stacks[made.stack]
    verdicts = findings_on(broken, made.stack)
    assert said(verdicts) == sorted(made.caught)
    environment = made.stack.rpartition("-")[2]
    stopped = [each.failed and each.control.enforcement.at(environment) is Enforcement.MANDATORY for each in verdicts]
    assert stopped
    assert all(stopped)


def test_the_mistakes_are_many_and_of_many_kinds() -> None:
    assert len({made.name for made in MISTAKES}) == len(MISTAKES) >= 30
    controls = Counter(told.split()[0] for made in MISTAKES for told in made.caught)
    assert len(controls) >= 30, controls
