"""An environment that adopts a network uses what stands there, makes nothing of it, and refuses what will not do."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pytest
from component_mocks import declared_factory, spec_of
from standing_network import CIDR, GROUP, STANDING, SUBNETS, VPC, adopting

from factory.outputs import AppFactoryOutputs
from factory.spec import Environment

# What a network of the environment's own is made of.
OF_A_NETWORK = {
    "aws:ec2/vpc:Vpc",
    "aws:ec2/subnet:Subnet",
    "aws:ec2/routeTable:RouteTable",
    "aws:ec2/routeTableAssociation:RouteTableAssociation",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    "aws:ec2/vpcEndpoint:VpcEndpoint",
}


def test_nothing_of_an_adopted_network_is_declared_and_everything_stands_in_it() -> None:
    declared = declared_factory(adopting(), Environment.STAGING, answers=STANDING)
    assert not {each.type for each in declared} & OF_A_NETWORK
    assert {each.type for each in declared_factory(adopting(), Environment.BUILD)} >= OF_A_NETWORK
    groups = [each for each in declared if each.type == "aws:ec2/securityGroup:SecurityGroup"]
    assert groups
    assert {each.inputs["vpcId"] for each in groups} == {VPC}
    (flows,) = [each for each in declared if each.type == "aws:ec2/flowLog:FlowLog"]
    assert flows.inputs["vpcId"] == VPC
    (service,) = [each for each in declared if each.name == "links-staging-web" and each.type.endswith(":Service")][1:]
    assert service.inputs["networkConfiguration"]["subnets"] == list(SUBNETS)
    (factory,) = [each for each in declared if each.type == "millwright:index:AppFactory"]
    outputs = AppFactoryOutputs.model_validate(factory.outputs["outputs"])
    assert (outputs.network.id, outputs.network.cidr, outputs.network.subnets) == (VPC, CIDR, list(SUBNETS))


def test_a_workload_reaches_the_endpoints_that_stand_there() -> None:
    declared = declared_factory(adopting(), Environment.STAGING, answers=STANDING)
    rules = [each.inputs for each in declared if each.type == "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"]
    told = json.dumps(rules)
    assert GROUP in told
    assert "pl-6ea54007" in told
    # Nobody's firewall is opened for it.
    opened = [each for each in declared if each.type == "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"]
    assert GROUP not in {each.inputs["securityGroupId"] for each in opened}


def _but(token: str, **changes: Any) -> dict[str, Any]:
    before = STANDING[token]

    def answer(asked: Mapping[str, Any]) -> dict[str, Any]:
        return (before(asked) if callable(before) else before) | changes

    return STANDING | {token: answer}


SUBNET, ENDPOINT = "aws:ec2/getSubnet:getSubnet", "aws:ec2/getVpcEndpoint:getVpcEndpoint"
NETWORK = "aws:ec2/getVpc:getVpc"
UNFIT: dict[str, tuple[dict[str, Any], str]] = {
    "another range": (_but(NETWORK, cidrBlock="10.91.0.0/20"), "its range is 10.91.0.0/20, and app.yaml says"),
    "no names": (_but(NETWORK, enableDnsSupport=False), "enable DNS support"),
    "public": (_but(SUBNET, mapPublicIpOnLaunch=True), "gives out public addresses"),
    "one zone": (_but(SUBNET, availabilityZone="eu-central-1a"), "all in one zone"),
    "another VPC's": (_but(SUBNET, vpcId="vpc-ffffffff"), "is in another one: vpc-ffffffff"),
    "no private names": (_but(ENDPOINT, privateDnsEnabled=False), "endpoints without a private name: ecr.api, ecr.dkr"),
    "no group": (_but(ENDPOINT, securityGroupIds=[]), "share no security group"),
    "no gateway": (_but(ENDPOINT, prefixListId=""), "make it a gateway"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_a_network_that_will_not_do_is_refused_with_what_is_wrong(case: str) -> None:
    answers, words = UNFIT[case]
    with pytest.raises(pulumi.RunError, match=f"links-staging: {VPC} cannot be adopted: .*{words}"):
        declared_factory(adopting(), Environment.STAGING, answers=answers)


def test_only_the_environment_that_says_so_adopts_one() -> None:
    spec = adopting()
    assert str(spec.network_of(Environment.STAGING)) == CIDR
    assert spec.network_of(Environment.BUILD) == spec_of().network_of(Environment.BUILD)
    assert spec.digest() != spec_of().digest()
