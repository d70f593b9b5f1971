"""What may go wrong about the one way out, which notes has: somebody else gets it, or the proxy's doors stand open."""

from collections.abc import Iterator

from e2e_isolation import REGION, Created, Expected, mutation, opened

from stacks.isolation import Rule, Verdict

ANYWHERE = "0.0.0.0/0"
PROXY = "notes-build-egress"


def named(created: Created, name: str) -> list[dict[str, list[str] | str]]:
    return [{"Name": "vpc-id", "Values": [created.network("notes-build")]}, {"Name": "tag:Name", "Values": [name]}]


def table(created: Created, name: str) -> str:
    (found,) = created("ec2").describe_route_tables(Filters=named(created, name))["RouteTables"]
    return found["RouteTableId"]


def subnet(created: Created, name: str) -> str:
    (found,) = created("ec2").describe_subnets(Filters=named(created, name))["Subnets"]
    return found["SubnetId"]


@mutation("networks")
def a_route_from_the_agents_to_the_way_out(created: Created) -> Iterator[Expected]:
    ec2, agents = created("ec2"), table(created, "notes-build")
    (gateway,) = ec2.describe_nat_gateways(Filters=named(created, PROXY))["NatGateways"]
    route = {"RouteTableId": agents, "DestinationCidrBlock": ANYWHERE}
    ec2.create_route(**route, NatGatewayId=gateway["NatGatewayId"])
    yield Expected(Rule.ROUTE, f"{agents} to {ANYWHERE}", between=("notes-build", None))
    ec2.delete_route(**route)


@mutation("networks")
def an_agents_subnet_under_the_proxys_routes(created: Created) -> Iterator[Expected]:
    ec2, way, place = created("ec2"), table(created, PROXY), subnet(created, "notes-build-0")
    own = [{"Name": "association.subnet-id", "Values": [place]}]
    (before,) = ec2.describe_route_tables(Filters=own)["RouteTables"]
    (joined,) = [each for each in before["Associations"] if each.get("SubnetId") == place]
    moved = ec2.replace_route_table_association(AssociationId=joined["RouteTableAssociationId"], RouteTableId=way)[
        "NewAssociationId"
    ]
    yield Expected(Rule.ROUTE, f"{way} to {ANYWHERE}", between=("notes-build", None))
    ec2.replace_route_table_association(AssociationId=moved, RouteTableId=before["RouteTableId"])


@mutation("networks")
def somebody_else_in_the_proxys_subnet(created: Created) -> Iterator[Expected]:
    ec2 = created("ec2")
    made = ec2.create_network_interface(
        SubnetId=subnet(created, PROXY), Groups=[created.group("notes-build-endpoints")]
    )["NetworkInterface"]["NetworkInterfaceId"]
    yield Expected(Rule.ROUTE, f"{table(created, PROXY)} to {ANYWHERE}", between=("notes-build", None))
    ec2.delete_network_interface(NetworkInterfaceId=made)


@mutation("networks")
def the_proxys_group_open_to_the_world(created: Created) -> Iterator[Expected]:
    made, undo = opened(created, PROXY, IpRanges=[{"CidrIp": ANYWHERE}])
    yield Expected(Rule.FIREWALL, made)
    undo()


@mutation("networks")
def a_tasks_group_that_may_go_straight_out(created: Created) -> Iterator[Expected]:
    ec2, group = created("ec2"), created.group("notes-build-agents-coder")
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": ANYWHERE}]}
    answer = ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[rule])
    made = answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    yield Expected(Rule.FIREWALL, made)
    ec2.revoke_security_group_egress(GroupId=group, SecurityGroupRuleIds=[made])


@mutation("names")
def a_network_in_which_foreign_names_answer(created: Created) -> Iterator[Expected]:
    discovery, route53 = created("servicediscovery"), created("route53")
    (namespace,) = discovery.list_namespaces()["Namespaces"]
    answered = discovery.get_namespace(Id=namespace["Id"])["Namespace"]["Properties"]["DnsProperties"]
    zone = answered["HostedZoneId"].rpartition("/")[2]
    foreign = {"HostedZoneId": zone, "VPC": {"VPCRegion": REGION, "VPCId": created.network("links-build")}}
    route53.associate_vpc_with_hosted_zone(**foreign)
    yield Expected(Rule.SHARED, f"arn:aws:route53:::hostedzone/{zone}")
    route53.disassociate_vpc_from_hosted_zone(**foreign)


@mutation("names")
def a_zone_of_nobody(created: Created) -> Iterator[Expected]:
    route53 = created("route53")
    made = route53.create_hosted_zone(Name="strange.example.", CallerReference="strange")["HostedZone"]["Id"]
    yield Expected(Rule.UNASSIGNED, "route53 strange.example.", verdict=Verdict.UNKNOWN, between=(None, None))
    route53.delete_hosted_zone(Id=made)
