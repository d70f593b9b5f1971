"""Mistakes about the one way out: somebody else gets it, or the proxy is not alone behind it."""

from component_mutations import LETTING_OUT, both, left_out, made, mistake, put, written

PROXY = f"{LETTING_OUT}-egress"
CODER = "letout-build-agents-coder"
TASK = ("TaskDefinition", PROXY)
NAT = f"NatGateway/{PROXY}"
WAYS_OUT = (
    f"egress-listed {PROXY}-443 cidrIpv4",
    f"egress-listed {PROXY}-8443 cidrIpv4",
    f"egress-listed {PROXY} routes[0].natGatewayId",
)

EGRESS = (
    mistake(
        "the agents' subnets get a route to the way out",
        LETTING_OUT,
        made(
            "aws:ec2/route:Route",
            routeTableId="RouteTable/letout-build",
            destinationCidrBlock="0.0.0.0/0",
            natGatewayId=NAT,
        ),
        "egress-listed added destinationCidrBlock",
    ),
    mistake(
        "half of the Internet is routed to",
        LETTING_OUT,
        put("RouteTable", "letout-build", "routes", [{"cidrBlock": "128.0.0.0/1", "natGatewayId": NAT}]),
        "egress-listed letout-build routes[0].cidrBlock",
    ),
    mistake(
        "an agents' subnet is put under the proxy's routes",
        LETTING_OUT,
        put("RouteTableAssociation", "letout-build-0", "routeTableId", f"RouteTable/{PROXY}"),
        f"egress-listed {PROXY} routes[0].natGatewayId",
    ),
    mistake(
        "the proxy's subnet is led to the Internet without a gateway between",
        LETTING_OUT,
        put("RouteTableAssociation", PROXY, "routeTableId", f"RouteTable/{PROXY}-edge"),
        f"egress-listed {PROXY}-edge routes[0].gatewayId",
    ),
    mistake(
        "the way out becomes the way of every subnet that has none",
        LETTING_OUT,
        made(
            "aws:ec2/mainRouteTableAssociation:MainRouteTableAssociation",
            vpcId="Vpc/letout-build",
            routeTableId=f"RouteTable/{PROXY}",
        ),
        f"egress-listed {PROXY} routes[0].natGatewayId",
    ),
    mistake(
        "something else stands in the proxy's subnet",
        LETTING_OUT,
        made(
            "aws:ec2/networkInterface:NetworkInterface", subnetId=f"Subnet/{PROXY}", securityGroups=["SecurityGroup/x"]
        ),
        f"egress-listed {PROXY} routes[0].natGatewayId",
    ),
    mistake(
        "something else stands behind the proxy's firewall",
        LETTING_OUT,
        made(
            "aws:ec2/networkInterface:NetworkInterface",
            subnetId="Subnet/letout-build-0",
            securityGroups=[f"SecurityGroup/{PROXY}"],
        ),
        *WAYS_OUT[:2],
    ),
    mistake(
        "another program runs where the proxy should",
        LETTING_OUT,
        written(*TASK, "containerDefinitions", "0.entryPoint", ["sh", "-c"]),
        *WAYS_OUT,
    ),
    mistake(
        "the proxy's group is open to the world",
        LETTING_OUT,
        both(
            left_out("SecurityGroupIngressRule", f"{CODER}-egress", "referencedSecurityGroupId"),
            put("SecurityGroupIngressRule", f"{CODER}-egress", "cidrIpv4", "0.0.0.0/0"),
        ),
        f"no-world-ingress {CODER}-egress cidrIpv4",
        f"egress-listed {CODER}-egress cidrIpv4",
    ),
    mistake(
        "the whole network reaches a function's port",
        LETTING_OUT,
        both(
            left_out("SecurityGroupIngressRule", f"{CODER}-egress", "referencedSecurityGroupId"),
            put("SecurityGroupIngressRule", f"{CODER}-egress", "cidrIpv4", "10.20.0.0/18"),
        ),
        f"egress-listed {CODER}-egress cidrIpv4",
    ),
    mistake(
        "a coder's task may go straight out",
        LETTING_OUT,
        both(
            left_out("SecurityGroupEgressRule", f"{CODER}-endpoints", "referencedSecurityGroupId"),
            put("SecurityGroupEgressRule", f"{CODER}-endpoints", "cidrIpv4", "0.0.0.0/0"),
        ),
        f"egress-listed {CODER}-endpoints cidrIpv4",
    ),
    mistake(
        "the proxy may send anything, not only by TCP",
        LETTING_OUT,
        put("SecurityGroupEgressRule", f"{PROXY}-443", "ipProtocol", "-1"),
        f"egress-listed {PROXY}-443 cidrIpv4",
    ),
    mistake(
        "the proxy gets a public address",
        LETTING_OUT,
        put("ecs/service:Service", PROXY, "networkConfiguration.assignPublicIp", True),
        f"no-public-addresses {PROXY} networkConfiguration.assignPublicIp",
    ),
    mistake(
        "the edge hands out public addresses",
        LETTING_OUT,
        put("Subnet", f"{PROXY}-edge", "mapPublicIpOnLaunch", True),
        f"no-public-addresses {PROXY}-edge mapPublicIpOnLaunch",
    ),
)
