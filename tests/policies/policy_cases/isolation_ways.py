"""Cases of control 6 about ways out: routes, and what the egress proxy's component may declare."""

import json

from factory.egress_service import ENTRY_POINT
from policies.model import UNKNOWN, Properties
from policies.resources import Resource
from policies.testing.case import Case, thing

EGRESS = "egress-listed"
ROUTE = "aws:ec2/route:Route"
TABLE = "aws:ec2/routeTable:RouteTable"
DEFAULT_TABLE = "aws:ec2/defaultRouteTable:DefaultRouteTable"
JOINED = "aws:ec2/routeTableAssociation:RouteTableAssociation"
MAIN = "aws:ec2/mainRouteTableAssociation:MainRouteTableAssociation"
SUBNET = "aws:ec2/subnet:Subnet"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
EGRESS_RULE = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
SERVICE = "aws:ecs/service:Service"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
NAT = "aws:ec2/natGateway:NatGateway"
COMPONENT = "urn:pulumi:links-build::millwright::millwright:index:AppFactory$millwright:aws:EgressProxy::links-build"
AWS_ROUTES = "Amazon VPC, Example routing options: a NAT device, an internet gateway"
OURS = "docs/explanation/egress.md"
ABROAD: Properties = {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv4": "0.0.0.0/0"}
OUT: Properties = {"routes": [{"cidrBlock": "0.0.0.0/0", "natGatewayId": "nat-1"}]}
EDGE: Properties = {"routes": [{"cidrBlock": "0.0.0.0/0", "gatewayId": "igw-1"}]}


def running(*entry: str, group: str = "sg-1", subnet: str = "subnet-1", image: str = "agent-runner") -> list[Resource]:
    """A service with its task definition, behind a group and in a subnet."""
    container = {
        "entryPoint": list(entry),
        "image": f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/{image}@sha256:{'ab' * 32}",
    }
    configured: Properties = {"subnets": [subnet], "securityGroups": [group]}
    return [
        thing(TASK, {"containerDefinitions": json.dumps([container])}, "task", answered={"arn": "arn:task/1"}),
        thing(SERVICE, {"taskDefinition": "arn:task/1", "networkConfiguration": configured}, "service"),
    ]


PLACE = (
    thing(GROUP, {"name": "proxy"}, "group", answered={"id": "sg-1"}),
    thing(SUBNET, {"cidrBlock": "10.1.0.0/28"}, "subnet", answered={"id": "subnet-1"}),
    thing(JOINED, {"routeTableId": "rtb-1", "subnetId": "subnet-1"}, "joined"),
)
PROXY = (*PLACE, *running(*ENTRY_POINT))
GATEWAY = thing(NAT, {"subnetId": "subnet-1"}, "gateway")
TABLE_1: Properties = {"id": "rtb-1"}

CASES = (
    Case(
        EGRESS,
        "a default route to a NAT gateway",
        "fail",
        ROUTE,
        {"destinationCidrBlock": "0.0.0.0/0", "natGatewayId": "nat-1", "routeTableId": "rtb-1"},
        AWS_ROUTES,
        "destinationCidrBlock",
    ),
    Case(
        EGRESS,
        "a default route of IPv6",
        "fail",
        ROUTE,
        {"destinationIpv6CidrBlock": "::/0", "egressOnlyGatewayId": "eigw-1", "routeTableId": "rtb-1"},
        AWS_ROUTES,
        "destinationIpv6CidrBlock",
    ),
    Case(
        EGRESS,
        "a route to a prefix list by an internet gateway",
        "fail",
        ROUTE,
        {"destinationPrefixListId": "pl-1", "gatewayId": "igw-1", "routeTableId": "rtb-1"},
        AWS_ROUTES,
        "destinationPrefixListId",
    ),
    *(
        Case(EGRESS, f"a default route inside of a {type_}", "fail", type_, EDGE, AWS_ROUTES, "routes[0].cidrBlock")
        for type_ in (TABLE, DEFAULT_TABLE)
    ),
    Case(
        EGRESS,
        "the proxy's route, for a subnet where another program stands",
        "fail",
        TABLE,
        OUT,
        OURS,
        "routes[0].natGatewayId",
        parent=COMPONENT,
        answered=TABLE_1,
        others=(*PLACE, *running("python", "-m", "agents")),
    ),
    Case(
        EGRESS,
        "the proxy's route, for a subnet where the proxy's program runs from another image",
        "fail",
        TABLE,
        OUT,
        OURS,
        "routes[0].natGatewayId",
        parent=COMPONENT,
        answered=TABLE_1,
        others=(*PLACE, *running(*ENTRY_POINT, image="links")),
    ),
    Case(
        EGRESS,
        "the proxy's route in a table that is the network's main one",
        "fail",
        TABLE,
        OUT,
        OURS,
        "routes[0].natGatewayId",
        parent=COMPONENT,
        answered=TABLE_1,
        others=(*PROXY, thing(MAIN, {"routeTableId": "rtb-1", "vpcId": "vpc-1"}, "main")),
    ),
    Case(
        EGRESS,
        "a route to the Internet from where more than a NAT gateway stands",
        "fail",
        TABLE,
        EDGE,
        OURS,
        "routes[0].gatewayId",
        parent=COMPONENT,
        answered=TABLE_1,
        others=(GATEWAY, *PROXY),
    ),
    Case(
        EGRESS,
        "a rule of the proxy's component, whose group another program has",
        "fail",
        EGRESS_RULE,
        {**ABROAD, "securityGroupId": "sg-1"},
        OURS,
        "cidrIpv4",
        parent=COMPONENT,
        others=(*PLACE, *running("python", "-m", "agents")),
    ),
    Case(
        EGRESS,
        "a range reaches the proxy",
        "fail",
        INGRESS_RULE,
        {"securityGroupId": "sg-1", "cidrIpv4": "10.1.0.0/16", "ipProtocol": "tcp", "fromPort": 3128, "toPort": 3128},
        OURS,
        "cidrIpv4",
        others=PROXY,
    ),
    Case(
        EGRESS,
        "the proxy's own rule",
        "pass",
        EGRESS_RULE,
        {**ABROAD, "securityGroupId": "sg-1"},
        OURS,
        parent=COMPONENT,
        others=PROXY,
    ),
    Case(EGRESS, "the proxy's own route", "pass", TABLE, OUT, OURS, parent=COMPONENT, answered=TABLE_1, others=PROXY),
    Case(
        EGRESS,
        "the route of the proxy's NAT gateway",
        "pass",
        TABLE,
        EDGE,
        OURS,
        parent=COMPONENT,
        answered=TABLE_1,
        others=(*PLACE, GATEWAY),
    ),
    Case(
        EGRESS,
        "a route to a private range by a gateway",
        "pass",
        ROUTE,
        {"destinationCidrBlock": "10.8.0.0/16", "gatewayId": "vgw-1", "routeTableId": "rtb-1"},
        "near miss",
    ),
    Case(
        EGRESS,
        "a route to a listed range",
        "pass",
        ROUTE,
        {"destinationCidrBlock": "203.0.113.0/24", "natGatewayId": "nat-1", "routeTableId": "rtb-1"},
        "near miss",
    ),
    Case(
        EGRESS,
        "a route over a peering, which other controls are about",
        "pass",
        ROUTE,
        {"destinationCidrBlock": "0.0.0.0/0", "vpcPeeringConnectionId": "pcx-1", "routeTableId": "rtb-1"},
        "near miss",
    ),
    Case(
        EGRESS,
        "what a route leads by is not known",
        "unknown",
        ROUTE,
        {"destinationCidrBlock": "0.0.0.0/0", "natGatewayId": UNKNOWN, "routeTableId": "rtb-1"},
        "preview",
        "natGatewayId",
    ),
    Case(
        EGRESS,
        "what stands behind the proxy's group is not known",
        "unknown",
        EGRESS_RULE,
        {**ABROAD, "securityGroupId": "sg-1"},
        "preview",
        "cidrIpv4",
        parent=COMPONENT,
        others=(*PROXY, thing(SERVICE, {"taskDefinition": "arn:task/2", "networkConfiguration": UNKNOWN}, "another")),
    ),
)
