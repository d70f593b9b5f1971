"""The policy pack over whatever the components declare: clean in every environment, without an exception."""

import pytest
from component_mocks import Declared, declared_factory, declared_platform, letting_out, spec_of
from declared_policies import findings_on, reading, told
from standing_network import STANDING, adopting

from factory.spec import Environment

PLATFORM = "platform"


@pytest.mark.parametrize("environment", Environment)
def test_a_factory_with_one_of_everything_breaks_no_rule(environment: Environment) -> None:
    declared = declared_factory(spec_of(), environment)
    assert told(findings_on(declared, f"links-{environment}")) == []
    assert len({control.id for control, _ in reading(declared)}) >= 4


def test_a_factory_in_a_network_that_stands_already_breaks_no_rule() -> None:
    declared = declared_factory(adopting(), Environment.STAGING, answers=STANDING)
    assert told(findings_on(declared, "links-staging")) == []


@pytest.mark.parametrize("environment", Environment)
def test_a_factory_whose_agents_may_reach_hosts_breaks_no_rule(environment: Environment) -> None:
    assert told(findings_on(declared_factory(letting_out(), environment), f"letout-{environment}")) == []


def test_the_platform_breaks_no_rule() -> None:
    assert told(findings_on(declared_platform(), PLATFORM)) == []


def test_what_would_break_a_rule_is_told_of_the_same_factory() -> None:
    declared = declared_factory(spec_of(), Environment.BUILD)

    def opened(each: Declared) -> Declared:
        if each.type == "aws:ec2/securityGroup:SecurityGroup":
            each.inputs["ingress"] = [{"cidrBlocks": ["0.0.0.0/0"]}]
        return each

    found = told(findings_on(map(opened, declared), "links-build"))
    assert "no-world-ingress" in {control for control, _ in found}
