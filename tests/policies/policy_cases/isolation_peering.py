"""Cases of the controls of isolation on networks that are joined: 8, 9."""

from policies import UNKNOWN
from policies.model import Properties

from .case import EVASION, OWN_ACCOUNT, Case, thing, urn
from .isolation_words import NETWORK, VPC

JOINED = "joined-within-app"
PEERING = "aws:ec2/vpcPeeringConnection:VpcPeeringConnection"
PEERING_ACCEPTER = "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter"
GATEWAY = "aws:ec2transitgateway/transitGateway:TransitGateway"
ATTACHMENT = "aws:ec2transitgateway/vpcAttachment:VpcAttachment"
ATTACHMENT_ACCEPTER = "aws:ec2transitgateway/vpcAttachmentAccepter:VpcAttachmentAccepter"
GATEWAY_PEERING = "aws:ec2transitgateway/peeringAttachment:PeeringAttachment"
CORE_ATTACHMENT = "aws:networkmanager/vpcAttachment:VpcAttachment"
GCP_PEERING = "gcp:compute/networkPeering:NetworkPeering"
GCP_NETWORK = "gcp:compute/network:Network"
PULUMI_AWS = "Pulumi registry, aws: example of the type"
AWS_PEERING = "Amazon VPC, VPC peering: peering with a network of another account"
ONE = thing(VPC, {"cidrBlock": "10.1.0.0/16"}, "one", answered={"id": "vpc-1"})
TWO = thing(VPC, {"cidrBlock": "10.2.0.0/16"}, "two", answered={"id": "vpc-2"})
HUB = thing(GATEWAY, {"description": "hub"}, "hub", answered={"id": "tgw-1"})
NARROW = "peering-routes-narrow"
ROUTE = "aws:ec2/route:Route"
TABLE = "aws:ec2/routeTable:RouteTable"
DEFAULT_TABLE = "aws:ec2/defaultRouteTable:DefaultRouteTable"
CHECKOV_ROUTES = "Checkov CKV2_AWS_44 (tests/terraform/graph/checks)"
OVER: Properties = {"vpcPeeringConnectionId": "pcx-1"}

CASES: tuple[Case, ...] = (
    # 8. No cross-app peering or attachment
    Case(
        JOINED,
        "with a network of another stack",
        "fail",
        PEERING,
        {"vpcId": "vpc-1", "peerVpcId": "vpc-9", "autoAccept": True},
        PULUMI_AWS,
        "peerVpcId",
        others=(ONE,),
    ),
    Case(
        JOINED,
        "with a network of another account",
        "fail",
        PEERING,
        {"vpcId": "vpc-1", "peerVpcId": "vpc-9", "peerOwnerId": "444455556666"},
        AWS_PEERING,
        "peerOwnerId",
        others=(ONE,),
    ),
    Case(
        JOINED,
        "of two apps in one stack",
        "fail",
        PEERING,
        {"vpcId": "vpc-3", "peerVpcId": "vpc-4"},
        "the platform's own stack",
        "peerVpcId",
        stack="platform",
        others=(
            thing(VPC, {"tags": {"app": "links"}}, "links", answered={"id": "vpc-3"}),
            thing(VPC, {"tags": {"app": "tally"}}, "tally", answered={"id": "vpc-4"}),
        ),
    ),
    Case(
        JOINED,
        "accepts what somebody asks for",
        "fail",
        PEERING_ACCEPTER,
        {"vpcPeeringConnectionId": "pcx-9", "autoAccept": True},
        PULUMI_AWS,
        "vpcPeeringConnectionId",
    ),
    Case(
        JOINED,
        "at somebody's hub",
        "fail",
        ATTACHMENT,
        {"vpcId": "vpc-1", "transitGatewayId": "tgw-9", "subnetIds": ["subnet-1"]},
        PULUMI_AWS,
        "transitGatewayId",
        others=(ONE,),
    ),
    Case(
        JOINED,
        "lets somebody into its hub",
        "fail",
        ATTACHMENT_ACCEPTER,
        {"transitGatewayAttachmentId": "tgw-attach-9"},
        PULUMI_AWS,
        "transitGatewayAttachmentId",
        others=(HUB,),
    ),
    Case(
        JOINED,
        "its hub with another one",
        "fail",
        GATEWAY_PEERING,
        {"transitGatewayId": "tgw-1", "peerTransitGatewayId": "tgw-9", "peerRegion": "eu-west-1"},
        PULUMI_AWS,
        "peerTransitGatewayId",
        others=(HUB,),
    ),
    Case(
        JOINED,
        "at somebody's core network",
        "fail",
        CORE_ATTACHMENT,
        {"vpcArn": "arn:aws:ec2:eu-central-1:1:vpc/vpc-1", "coreNetworkId": "core-9"},
        PULUMI_AWS,
        "coreNetworkId",
        others=(ONE,),
    ),
    Case(
        JOINED,
        "Google: with a network of another project",
        "fail",
        GCP_PEERING,
        {"network": "projects/acme/global/networks/a", "peerNetwork": "projects/else/global/networks/b"},
        "Terraform Google provider, google_compute_network_peering",
        "peerNetwork",
        others=(thing(GCP_NETWORK, {"name": "a"}, "a", answered={"id": "projects/acme/global/networks/a"}),),
    ),
    Case(
        JOINED,
        "two networks of this stack",
        "pass",
        PEERING,
        {"vpcId": "vpc-1", "peerVpcId": "vpc-2", "peerOwnerId": OWN_ACCOUNT, "autoAccept": True},
        "near miss",
        others=(ONE, TWO),
    ),
    Case(
        JOINED,
        "two networks of this stack, to be made",
        "pass",
        PEERING,
        {"vpcId": UNKNOWN, "peerVpcId": UNKNOWN},
        "preview",
        property_dependencies={"vpcId": (urn(VPC, "one"),), "peerVpcId": (urn(VPC, "two"),)},
        others=(ONE, TWO),
    ),
    Case(
        JOINED,
        "two networks of this stack, by a provider that tells no ids",
        "pass",
        PEERING,
        {"vpcId": "vpc-1", "peerVpcId": "vpc-2"},
        "the local cloud",
        property_dependencies={"vpcId": (urn(VPC, "one"),), "peerVpcId": (urn(VPC, "two"),)},
        others=(thing(VPC, NETWORK, "one"), thing(VPC, NETWORK, "two")),
    ),
    Case(
        JOINED,
        "at a hub of its own",
        "pass",
        ATTACHMENT,
        {"vpcId": "vpc-1", "transitGatewayId": "tgw-1"},
        "near miss",
        others=(ONE, HUB),
    ),
    Case(
        JOINED,
        "accepts what it asked for itself",
        "pass",
        PEERING_ACCEPTER,
        {"vpcPeeringConnectionId": "pcx-1"},
        "Pulumi registry, aws: across regions",
        others=(ONE, TWO, thing(PEERING, {"vpcId": "vpc-1", "peerVpcId": "vpc-2"}, "asks", answered={"id": "pcx-1"})),
    ),
    Case(
        JOINED,
        "with whom is not known",
        "unknown",
        PEERING,
        {"vpcId": "vpc-1", "peerVpcId": UNKNOWN},
        "preview",
        "peerVpcId",
        others=(ONE,),
    ),
    Case(
        JOINED,
        "whose the other network is, is not known",
        "unknown",
        PEERING,
        {"vpcId": "vpc-1", "peerVpcId": "vpc-2", "peerOwnerId": UNKNOWN},
        "preview",
        "peerOwnerId",
        others=(ONE, TWO),
    ),
    # 9. Peering routes narrow
    Case(
        NARROW,
        "everything",
        "fail",
        ROUTE,
        OVER | {"destinationCidrBlock": "0.0.0.0/0"},
        CHECKOV_ROUTES,
        "destinationCidrBlock",
    ),
    Case(
        NARROW,
        "everything, IPv6",
        "fail",
        ROUTE,
        OVER | {"destinationIpv6CidrBlock": "::/0"},
        CHECKOV_ROUTES,
        "destinationIpv6CidrBlock",
    ),
    Case(NARROW, "half of everything", "fail", ROUTE, OVER | {"destinationCidrBlock": "128.0.0.0/1"}, EVASION),
    Case(
        NARROW,
        "all that is private",
        "fail",
        ROUTE,
        OVER | {"destinationCidrBlock": "10.0.0.0/8"},
        "CIS AWS 5.6 (v5.0)",
    ),
    Case(
        NARROW,
        "by a list",
        "fail",
        ROUTE,
        OVER | {"destinationPrefixListId": "pl-1"},
        EVASION,
        "destinationPrefixListId",
    ),
    Case(
        NARROW,
        "second route of a table",
        "fail",
        TABLE,
        {"routes": [OVER | {"cidrBlock": "10.2.0.0/16"}, OVER | {"cidrBlock": "0.0.0.0/0"}]},
        CHECKOV_ROUTES,
        "routes[1].cidrBlock",
    ),
    Case(
        NARROW,
        "default table, IPv6",
        "fail",
        DEFAULT_TABLE,
        {"routes": [OVER | {"ipv6CidrBlock": "::/0"}]},
        CHECKOV_ROUTES,
        "routes[0].ipv6CidrBlock",
    ),
    Case(
        NARROW,
        "not a range",
        "fail",
        ROUTE,
        OVER | {"destinationCidrBlock": "all"},
        "fail closed",
        "destinationCidrBlock",
    ),
    Case(NARROW, "one network", "pass", ROUTE, OVER | {"destinationCidrBlock": "10.2.0.0/16"}, CHECKOV_ROUTES),
    Case(
        NARROW,
        "one subnet, IPv6",
        "pass",
        ROUTE,
        OVER | {"destinationIpv6CidrBlock": "2001:db8:1234:1a00::/56"},
        CHECKOV_ROUTES,
    ),
    Case(
        NARROW,
        "everything to a NAT gateway",
        "pass",
        TABLE,
        {
            "routes": [
                {"cidrBlock": "0.0.0.0/0", "natGatewayId": "nat-1", "vpcPeeringConnectionId": ""},
                OVER | {"cidrBlock": "10.2.0.0/16"},
            ]
        },
        CHECKOV_ROUTES,
    ),
    Case(
        NARROW,
        "everything to a gateway",
        "pass",
        ROUTE,
        {"destinationCidrBlock": "0.0.0.0/0", "gatewayId": "igw-1"},
        CHECKOV_ROUTES,
    ),
    Case(
        NARROW,
        "one network, over what is to be made",
        "pass",
        ROUTE,
        {"destinationCidrBlock": "10.2.0.0/16", "vpcPeeringConnectionId": UNKNOWN},
        "preview: narrow, whatever it leads over",
    ),
    Case(
        NARROW,
        "where to is not known",
        "unknown",
        ROUTE,
        OVER | {"destinationCidrBlock": UNKNOWN},
        "preview",
        "destinationCidrBlock",
    ),
    Case(
        NARROW,
        "over what is not known",
        "unknown",
        ROUTE,
        {"destinationCidrBlock": "0.0.0.0/0", "vpcPeeringConnectionId": UNKNOWN},
        "preview",
        "vpcPeeringConnectionId",
    ),
    Case(NARROW, "routes not known", "unknown", TABLE, {"routes": UNKNOWN}, "preview", "routes"),
)
