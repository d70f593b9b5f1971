"""What may go wrong between two apps in one account: each is done to the cloud by boto3, told, and undone."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from console.demo.inventory import Cloud
from stacks.isolation import Rule, Verdict
from stacks.isolation.reading import PARTS

ACCOUNT = "123456789012"
REGION = "eu-central-1"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
# An id that IAM leaves in a policy when the role it named is gone.
GONE = "AROA1234567890EXAMPLE"
# A role that no boundary bounds: it starts tasks.
STARTER = "links-build-agents-start"


@dataclass(frozen=True)
class Expected:
    """The finding that has to name the mutation, and the other ids at which it may be told."""

    rule: Rule
    where: str
    verdict: Verdict = Verdict.REFUTED
    also: tuple[str, ...] = ()
    between: tuple[str | None, str | None] = ("links-build", "notes-build")


Work = Callable[["Created"], Iterator[Expected]]


@dataclass(frozen=True)
class Mutation:
    """What is done, and which parts of the reading can see it."""

    does: Callable[["Created"], AbstractContextManager[Expected]]
    parts: tuple[str, ...]


MUTATIONS: dict[str, Mutation] = {}


def mutation(*parts: str) -> Callable[[Work], Work]:
    assert set(parts) <= set(PARTS)

    def add(work: Work) -> Work:
        MUTATIONS[work.__name__] = Mutation(contextmanager(work), parts)
        return work

    return add


@dataclass(frozen=True)
class Created:
    """The cloud in which links and notes stand, and what is where in it."""

    cloud: Cloud

    def __call__(self, service: str) -> Any:
        return self.cloud.client(service)

    def network(self, stack: str) -> str:
        app, environment = stack.split("-")
        wanted = [{"Name": "tag:app", "Values": [app]}, {"Name": "tag:environment", "Values": [environment]}]
        (found,) = self("ec2").describe_vpcs(Filters=wanted)["Vpcs"]
        return found["VpcId"]

    def group(self, name: str) -> str:
        (found,) = self("ec2").describe_security_groups(Filters=[{"Name": "group-name", "Values": [name]}])[
            "SecurityGroups"
        ]
        return found["GroupId"]

    def subnet(self, stack: str) -> str:
        here = [{"Name": "vpc-id", "Values": [self.network(stack)]}]
        return self("ec2").describe_subnets(Filters=here)["Subnets"][0]["SubnetId"]

    def key(self, stack: str) -> str:
        aliases = self("kms").list_aliases()["Aliases"]
        (found,) = [each["TargetKeyId"] for each in aliases if each["AliasName"] == f"alias/{stack}"]
        return f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{found}"

    def secret(self, name: str) -> str:
        return self("secretsmanager").describe_secret(SecretId=name)["ARN"]


def role(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def allow(action: str, **more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, **more}]})


@contextmanager
def inline(created: Created, name: str, document: str) -> Iterator[None]:
    created("iam").put_role_policy(RoleName=name, PolicyName="added", PolicyDocument=document)
    try:
        yield
    finally:
        created("iam").delete_role_policy(RoleName=name, PolicyName="added")


@contextmanager
def trust(created: Created, name: str, principal: dict[str, str]) -> Iterator[None]:
    iam = created("iam")
    before = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=allow("sts:AssumeRole", Principal=principal))
    try:
        yield
    finally:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(before))


@contextmanager
def peered(created: Created) -> Iterator[str]:
    ec2 = created("ec2")
    ends = {"VpcId": created.network("links-build"), "PeerVpcId": created.network("notes-build")}
    made = ec2.create_vpc_peering_connection(**ends)["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=made)
    try:
        yield made
    finally:
        ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=made)


@mutation("networks")
def a_peering(created: Created) -> Iterator[Expected]:
    with peered(created) as made:
        yield Expected(Rule.PEERING, made)


@mutation("networks")
def a_route_to_a_peering(created: Created) -> Iterator[Expected]:
    ec2 = created("ec2")
    here = [{"Name": "vpc-id", "Values": [created.network("links-build")]}]
    tables = ec2.describe_route_tables(Filters=here)["RouteTables"]
    (table,) = [each["RouteTableId"] for each in tables if each["Tags"]]
    route = {"RouteTableId": table, "DestinationCidrBlock": "10.30.0.0/18"}
    with peered(created) as made:
        ec2.create_route(**route, VpcPeeringConnectionId=made)
        yield Expected(Rule.ROUTE, f"{table} to 10.30.0.0/18", also=(made,))
        ec2.delete_route(**route)


@mutation("networks")
def networks_that_overlap(created: Created) -> Iterator[Expected]:
    ec2, network = created("ec2"), created.network("links-build")
    made = ec2.associate_vpc_cidr_block(VpcId=network, CidrBlock="10.30.0.0/20")["CidrBlockAssociation"]
    yield Expected(Rule.OVERLAP, network, also=(created.network("notes-build"),))
    ec2.disassociate_vpc_cidr_block(AssociationId=made["AssociationId"])


@mutation("networks")
def a_transit_gateway(created: Created) -> Iterator[Expected]:
    ec2 = created("ec2")
    gateway = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    links = []
    for stack in ("links-build", "notes-build"):
        made = ec2.create_transit_gateway_vpc_attachment(
            TransitGatewayId=gateway, VpcId=created.network(stack), SubnetIds=[created.subnet(stack)]
        )
        links.append(made["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"])
    yield Expected(Rule.TRANSIT, links[0], also=(gateway, links[1]))
    for link in links:
        ec2.delete_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=link)
    ec2.delete_transit_gateway(TransitGatewayId=gateway)


def opened(created: Created, name: str, **to: Any) -> tuple[str, Callable[[], None]]:
    ec2, group = created("ec2"), created.group(name)
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, **to}
    answer = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    made = answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    return made, lambda: ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[made])


@mutation("networks")
def a_firewall_rule_to_a_foreign_group(created: Created) -> Iterator[Expected]:
    foreign = created.group("notes-build-endpoints")
    made, undo = opened(created, "links-build-endpoints", UserIdGroupPairs=[{"GroupId": foreign}])
    yield Expected(Rule.FIREWALL, made)
    undo()


@mutation("networks")
def a_firewall_rule_to_a_foreign_range(created: Created) -> Iterator[Expected]:
    made, undo = opened(created, "links-build-endpoints", IpRanges=[{"CidrIp": "10.30.1.0/24"}])
    yield Expected(Rule.FIREWALL, made)
    undo()


@mutation("networks")
def a_firewall_rule_to_everywhere(created: Created) -> Iterator[Expected]:
    made, undo = opened(created, "links-staging-web-back", IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    yield Expected(Rule.FIREWALL, made, between=("links-staging", "notes-staging"))
    undo()


@mutation("networks")
def an_endpoint_in_a_foreign_subnet(created: Created) -> Iterator[Expected]:
    ec2 = created("ec2")
    made = ec2.create_vpc_endpoint(
        VpcEndpointType="Interface",
        VpcId=created.network("links-build"),
        ServiceName=f"com.amazonaws.{REGION}.ssm",
        SubnetIds=[created.subnet("notes-build")],
        SecurityGroupIds=[created.group("links-build-endpoints")],
        TagSpecifications=[{"ResourceType": "vpc-endpoint", "Tags": tags("links", "build")}],
    )["VpcEndpoint"]
    yield Expected(Rule.SHARED, made["VpcEndpointId"], also=tuple(made["NetworkInterfaceIds"]))
    ec2.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])


def tags(app: str, environment: str, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    return [{key: "app", value: app}, {key: "environment", value: environment}]


@mutation("roles")
def a_trust_of_a_foreign_role(created: Created) -> Iterator[Expected]:
    with trust(created, "notes-build-coder", {"AWS": role(STARTER)}):
        yield Expected(Rule.RESOURCE_POLICY, role("notes-build-coder"))


@mutation("roles")
def a_trust_of_everyone(created: Created) -> Iterator[Expected]:
    with trust(created, "notes-build-code-reviewer", {"AWS": "*"}):
        yield Expected(Rule.RESOURCE_POLICY, role("notes-build-code-reviewer"), between=(None, "notes-build"))


@mutation("roles")
def a_foreign_role_that_may_be_assumed(created: Created) -> Iterator[Expected]:
    wanted = allow("sts:AssumeRole", Resource=role("notes-build-coder"))
    with (
        trust(created, "notes-build-coder", {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}),
        inline(created, STARTER, wanted),
    ):
        yield Expected(Rule.ROLE, role(STARTER))


@mutation("roles")
def a_foreign_role_that_may_be_passed(created: Created) -> Iterator[Expected]:
    wanted = allow("iam:PassRole", Resource=role("notes-build-code-reviewer"))
    with inline(created, STARTER, wanted):
        yield Expected(Rule.ROLE, role(STARTER))


@mutation("roles")
def a_role_that_reads_a_foreign_secret(created: Created) -> Iterator[Expected]:
    wanted = allow("secretsmanager:GetSecretValue", Resource=created.secret("notes/build/signing-key"))
    with inline(created, STARTER, wanted):
        yield Expected(Rule.ROLE, role(STARTER))


@mutation("roles")
def a_role_that_reads_every_log(created: Created) -> Iterator[Expected]:
    with inline(created, "links-build-flows", allow("logs:*", Resource="*")):
        yield Expected(Rule.ROLE, role("links-build-flows"))


@mutation("roles")
def a_role_that_may_everything_but(created: Created) -> Iterator[Expected]:
    own = f"arn:aws:s3:::links-build-artefacts-{ACCOUNT}/*"
    with inline(created, STARTER, allow("s3:GetObject", NotResource=own)):
        yield Expected(Rule.ROLE, role(STARTER))


@mutation("roles")
def a_role_that_only_a_tag_keeps_out(created: Created) -> Iterator[Expected]:
    own = {"StringEquals": {"aws:ResourceTag/app": "links"}}
    with inline(created, STARTER, allow("secretsmanager:*", Resource="*", Condition=own)):
        yield Expected(Rule.ROLE, role(STARTER), verdict=Verdict.UNKNOWN)


@contextmanager
def administrator(created: Created, name: str) -> Iterator[None]:
    iam = created("iam")
    iam.attach_role_policy(RoleName=name, PolicyArn=ADMINISTRATOR)
    try:
        yield
    finally:
        iam.detach_role_policy(RoleName=name, PolicyArn=ADMINISTRATOR)


@mutation("roles")
def an_administrator_whose_boundary_is_gone(created: Created) -> Iterator[Expected]:
    iam, name = created("iam"), "links-build-code-reviewer"
    bound = iam.get_role(RoleName=name)["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
    iam.delete_role_permissions_boundary(RoleName=name)
    with administrator(created, name):
        yield Expected(Rule.ROLE, role(name))
    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=bound)
