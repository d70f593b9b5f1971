"""Cases of the controls of isolation."""

import ipaddress

from policies import UNKNOWN, PolicySettings, Provider
from policies.helpers.pods import PLACES
from policies.model import Plain, Properties

from .case import EVASION, OWN_ACCOUNT, Case, thing, urn
from .pods import DEPLOYMENT, POD, declaring

GROUP = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
GROUP_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
CHECKOV_SG = "Checkov CKV_AWS_24/25/277 (tests/terraform/checks/resource/aws)"
CIS = "CIS AWS Foundations 5.3, 5.4"
INGRESS = "no-world-ingress"
EGRESS_RULE = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
GCP_FIREWALL = "gcp:compute/firewall:Firewall"
EGRESS = "egress-listed"
CHECKOV_EGRESS = "Checkov CKV_AWS_382 (tests/terraform/checks/resource/aws)"
GCP_DOCS = "Google Cloud, VPC firewall rules"

DEFAULTS = "default-group-empty"
VPC = "aws:ec2/vpc:Vpc"
DEFAULT_VPC = "aws:ec2/defaultVpc:DefaultVpc"
CHECKOV_DEFAULTS = "Checkov CKV2_AWS_12 (tests/terraform/graph/checks)"
CIS_DEFAULTS = "CIS AWS Foundations 5.5 (v5.0)"
NETWORK: Properties = {"cidrBlock": "10.0.0.0/16"}
MADE: Properties = {"id": "vpc-1", "defaultSecurityGroupId": "sg-0"}
EMPTIED = thing(DEFAULT_GROUP, {"vpcId": "vpc-1", "ingress": [], "egress": []}, "emptied", answered={"id": "sg-0"})

PUBLIC = "no-public-addresses"
SUBNET = "aws:ec2/subnet:Subnet"
DEFAULT_SUBNET = "aws:ec2/defaultSubnet:DefaultSubnet"
MACHINE = "aws:ec2/instance:Instance"
SPOT = "aws:ec2/spotInstanceRequest:SpotInstanceRequest"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
CONFIGURATION = "aws:ec2/launchConfiguration:LaunchConfiguration"
SERVICE = "aws:ecs/service:Service"
TASK_SET = "aws:ecs/taskSet:TaskSet"
EVENT = "aws:cloudwatch/eventTarget:EventTarget"
SCHEDULE = "aws:scheduler/schedule:Schedule"
EIP = "aws:ec2/eip:Eip"
EIP_FOR = "aws:ec2/eipAssociation:EipAssociation"
GCP_MACHINE = "gcp:compute/instance:Instance"
GCP_TEMPLATE = "gcp:compute/instanceTemplate:InstanceTemplate"
CHECKOV_PUBLIC = "Checkov CKV_AWS_130/88/333, CKV_GCP_40 (tests/terraform/checks/resource)"
SECURITY_HUB = "AWS Security Hub EC2.9, EC2.15, EC2.25, ECS.2, AutoScaling.5"
AWS_ADDRESSES = "Amazon EC2, instance IP addressing; default VPCs and subnets"
IN_SUBNET: Properties = {"ami": "ami-1", "instanceType": "t3.micro", "subnetId": "subnet-1"}
ASSIGNED: Properties = {"networkConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": True}}

EVERYTHING = ipaddress.IPv4Network("0.0.0.0/0")
SIXTY_FOURTHS: list[Properties] = [{"cidrBlocks": [f"{first}.0.0.0/6"]} for first in range(32, 64, 4)]
PUNCHED_RANGES: list[Plain] = [
    str(each) for each in EVERYTHING.address_exclude(ipaddress.IPv4Network("203.0.113.7/32"))
]


def _group(*rules: Properties) -> Properties:
    return {"ingress": [{"fromPort": 22, "toPort": 22, "protocol": "tcp", **rule} for rule in rules]}


JOINED = "joined-within-app"
PEERING = "aws:ec2/vpcPeeringConnection:VpcPeeringConnection"
PEERING_ACCEPTER = "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter"
GATEWAY = "aws:ec2transitgateway/transitGateway:TransitGateway"
ATTACHMENT = "aws:ec2transitgateway/vpcAttachment:VpcAttachment"
ATTACHMENT_ACCEPTER = "aws:ec2transitgateway/vpcAttachmentAccepter:VpcAttachmentAccepter"
GATEWAY_PEERING = "aws:ec2transitgateway/peeringAttachment:PeeringAttachment"
CORE_ATTACHMENT = "aws:networkmanager/vpcAttachment:VpcAttachment"
CORE = "aws:networkmanager/coreNetwork:CoreNetwork"
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

PLANE = "private-control-planes"
EKS = "aws:eks/cluster:Cluster"
GKE = "gcp:container/cluster:Cluster"
CHECKOV_EKS = "Checkov CKV_AWS_38/39 (tests/terraform/checks/resource/aws)"
CHECKOV_GKE = "Checkov CKV_GCP_18/20 (tests/terraform/checks/resource/gcp)"
INSIDE: Properties = {"privateClusterConfig": {"enablePrivateNodes": True, "enablePrivateEndpoint": True}}
GKE_NAMES = "Google Kubernetes Engine, DNS-based endpoint"

DENY = "namespace-default-deny"
NAMESPACE = "kubernetes:core/v1:Namespace"
NET_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
NET_POLICIES = (
    NET_POLICY,
    "kubernetes:networking.k8s.io/v1:NetworkPolicyPatch",
    "kubernetes:extensions/v1beta1:NetworkPolicy",
    "kubernetes:extensions/v1beta1:NetworkPolicyPatch",
)
CHECKOV_DENY = "Checkov CKV2_K8S_6 (tests/kubernetes/graph/checks)"
KUBERNETES_DENY = "Kubernetes, Network Policies: default policies"
BOTH: list[Plain] = ["Ingress", "Egress"]

OWN = "own-namespace"
CHECKOV_DEFAULT = "Checkov CKV_K8S_21 (tests/kubernetes/checks)"
PART_OF = "app.kubernetes.io/part-of"
POD_SPEC: Properties = {"containers": [{"name": "web", "image": "web"}]}

PROJECT = "gcp:organizations/project:Project"
DEFAULT_NETWORK = "no-default-network"
CHECKOV_PROJECT = "Checkov CKV_GCP_27 (tests/terraform/checks/resource/gcp)"
SHOP: Properties = {"name": "shop", "projectId": "acme-shop", "orgId": "1"}


def _net(namespace: Plain, selector: Plain = None, **spec: Plain) -> Properties:
    chosen: Properties = {} if selector is None else {"podSelector": selector}
    return {"metadata": {"name": "net", "namespace": namespace}, "spec": {"podSelector": {}} | chosen | spec}


def _named(name: str, **labels: Plain) -> Properties:
    return {"metadata": {"name": name, "labels": {**labels}}}


def _labelled(namespace: Plain, labels: Plain) -> Properties:
    return declaring(DEPLOYMENT, POD_SPEC) | {
        "metadata": {"name": "web", "namespace": namespace, "labels": labels},
    }


def _out(*rules: Properties) -> Properties:
    return {"egress": [{"fromPort": 0, "toPort": 0, "protocol": "-1", **rule} for rule in rules]}


def _public(name: str, type_: str, properties: Properties, path: str, source: str = SECURITY_HUB) -> Case:
    return Case(PUBLIC, name, "fail", type_, properties, source, path)


CASES: tuple[Case, ...] = (
    Case(
        INGRESS,
        "default group",
        "fail",
        DEFAULT_GROUP,
        _group({"cidrBlocks": ["0.0.0.0/0"]}),
        CIS,
        "ingress[0].cidrBlocks[0]",
    ),
    # 5. No world ingress
    Case(
        INGRESS,
        "IPv4 world",
        "fail",
        GROUP,
        _group({"cidrBlocks": ["0.0.0.0/0"]}),
        CHECKOV_SG,
        "ingress[0].cidrBlocks[0]",
    ),
    Case(
        INGRESS, "IPv6 world", "fail", GROUP, _group({"ipv6CidrBlocks": ["::/0"]}), CIS, "ingress[0].ipv6CidrBlocks[0]"
    ),
    Case(
        INGRESS,
        "second rule, second range",
        "fail",
        GROUP,
        _group({"cidrBlocks": ["10.0.0.0/8"]}, {"cidrBlocks": ["10.1.0.0/16", "0.0.0.0/0"]}),
        CHECKOV_SG,
        "ingress[1].cidrBlocks[1]",
    ),
    Case(INGRESS, "halves in one rule", "fail", GROUP, _group({"cidrBlocks": ["0.0.0.0/1", "128.0.0.0/1"]}), EVASION),
    Case(
        INGRESS,
        "64ths that each pass, over many rules",
        "fail",
        GROUP,
        _group(*SIXTY_FOURTHS),
        EVASION,
        "ingress",
    ),
    Case(INGRESS, "IPv6 halves", "fail", GROUP, _group({"ipv6CidrBlocks": ["::/1", "8000::/1"]}), EVASION),
    Case(INGRESS, "world with one address left out", "fail", GROUP, _group({"cidrBlocks": PUNCHED_RANGES}), EVASION),
    Case(INGRESS, "world with host bits set", "fail", GROUP, _group({"cidrBlocks": ["203.0.113.9/0"]}), EVASION),
    Case(
        INGRESS,
        "not a range",
        "fail",
        GROUP,
        _group({"cidrBlocks": ["everyone"]}),
        "fail closed",
        "ingress[0].cidrBlocks[0]",
    ),
    Case(
        INGRESS,
        "rule resource",
        "fail",
        GROUP_RULE,
        {"type": "ingress", "cidrBlocks": ["0.0.0.0/0"]},
        CHECKOV_SG,
        "cidrBlocks[0]",
    ),
    Case(
        INGRESS, "rule resource, IPv6", "fail", GROUP_RULE, {"type": "ingress", "ipv6CidrBlocks": ["::/0"]}, CHECKOV_SG
    ),
    Case(
        INGRESS, "vpc rule", "fail", INGRESS_RULE, {"cidrIpv4": "0.0.0.0/0", "ipProtocol": "-1"}, CHECKOV_SG, "cidrIpv4"
    ),
    Case(
        INGRESS,
        "vpc rule, IPv6",
        "fail",
        INGRESS_RULE,
        {"cidrIpv6": "::/0", "ipProtocol": "tcp"},
        CHECKOV_SG,
        "cidrIpv6",
    ),
    Case(
        INGRESS,
        "private networks",
        "pass",
        GROUP,
        _group({"cidrBlocks": ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]}),
        CHECKOV_SG,
    ),
    Case(INGRESS, "one public address", "pass", GROUP, _group({"cidrBlocks": ["203.0.113.7/32"]}), CIS),
    Case(INGRESS, "one IANA block", "pass", GROUP, _group({"cidrBlocks": ["8.0.0.0/8"]}), "near miss"),
    Case(
        INGRESS,
        "one range twice",
        "pass",
        GROUP,
        _group({"cidrBlocks": ["16.0.0.0/5"]}, {"cidrBlocks": ["16.0.0.0/5"]}),
        "near miss",
    ),
    Case(INGRESS, "IPv6 unique local", "pass", GROUP, _group({"ipv6CidrBlocks": ["fc00::/7"]}), "RFC 4193"),
    Case(
        INGRESS, "world on the way out", "pass", GROUP, {"egress": [{"cidrBlocks": ["0.0.0.0/0"]}]}, "near miss: egress"
    ),
    Case(INGRESS, "egress rule", "pass", GROUP_RULE, {"type": "egress", "cidrBlocks": ["0.0.0.0/0"]}, CHECKOV_SG),
    Case(INGRESS, "another security group", "pass", INGRESS_RULE, {"referencedSecurityGroupId": "sg-1"}, CHECKOV_SG),
    Case(INGRESS, "no rules", "pass", GROUP, {"ingress": []}, "positive control"),
    Case(
        INGRESS,
        "range not known",
        "unknown",
        GROUP,
        _group({"cidrBlocks": [UNKNOWN]}),
        "preview",
        "ingress[0].cidrBlocks[0]",
    ),
    Case(INGRESS, "rules not known", "unknown", GROUP, {"ingress": UNKNOWN}, "preview", "ingress"),
    Case(
        INGRESS,
        "direction not known",
        "unknown",
        GROUP_RULE,
        {"type": UNKNOWN, "cidrBlocks": ["0.0.0.0/0"]},
        "preview",
        "type",
    ),
    # 6. Agent egress allow-list
    Case(
        EGRESS,
        "IPv4 world",
        "fail",
        GROUP,
        _out({"cidrBlocks": ["0.0.0.0/0"]}),
        CHECKOV_EGRESS,
        "egress[0].cidrBlocks[0]",
    ),
    Case(
        EGRESS,
        "IPv6 world",
        "fail",
        GROUP,
        _out({"ipv6CidrBlocks": ["::/0"]}),
        CHECKOV_EGRESS,
        "egress[0].ipv6CidrBlocks[0]",
    ),
    Case(
        EGRESS,
        "world at one port",
        "fail",
        EGRESS_RULE,
        {"cidrIpv4": "0.0.0.0/0", "ipProtocol": "tcp", "fromPort": 443, "toPort": 443},
        "NIST 800-53 SC-7(5)",
        "cidrIpv4",
    ),
    Case(
        EGRESS,
        "default group",
        "fail",
        DEFAULT_GROUP,
        _out({"cidrBlocks": ["0.0.0.0/0"]}),
        "Terraform AWS provider, aws_default_security_group: example of a usual default group",
        "egress[0].cidrBlocks[0]",
    ),
    Case(
        EGRESS,
        "rule resource",
        "fail",
        GROUP_RULE,
        {"type": "egress", "cidrBlocks": ["10.0.0.0/8", "0.0.0.0/0"]},
        CHECKOV_EGRESS,
        "cidrBlocks[1]",
    ),
    Case(EGRESS, "somebody's address", "fail", EGRESS_RULE, {"cidrIpv4": "198.51.100.7/32"}, "not listed", "cidrIpv4"),
    Case(
        EGRESS,
        "half of the range is listed",
        "fail",
        EGRESS_RULE,
        {"cidrIpv4": "203.0.112.0/23"},
        EVASION,
        "cidrIpv4",
    ),
    Case(
        EGRESS,
        "private range widened to public ones",
        "fail",
        EGRESS_RULE,
        {"cidrIpv4": "10.0.0.0/7"},
        EVASION,
        "cidrIpv4",
    ),
    Case(EGRESS, "not a range", "fail", GROUP, _out({"cidrBlocks": ["all"]}), "fail closed"),
    Case(
        EGRESS,
        "Google: world",
        "fail",
        GCP_FIREWALL,
        {"direction": "EGRESS", "allows": [{"protocol": "all"}], "destinationRanges": ["0.0.0.0/0"]},
        GCP_DOCS,
        "destinationRanges[0]",
    ),
    Case(
        EGRESS,
        "Google: every destination, by saying none",
        "fail",
        GCP_FIREWALL,
        {"direction": "EGRESS", "allows": [{"protocol": "tcp"}]},
        GCP_DOCS,
        "destinationRanges",
    ),
    Case(
        EGRESS,
        "private networks",
        "pass",
        GROUP,
        _out({"cidrBlocks": ["10.0.0.0/8", "172.16.0.0/12"]}),
        CHECKOV_EGRESS,
    ),
    Case(EGRESS, "listed range", "pass", EGRESS_RULE, {"cidrIpv4": "203.0.113.0/24"}, "near miss: in policies.yaml"),
    Case(EGRESS, "part of a listed range", "pass", EGRESS_RULE, {"cidrIpv4": "203.0.113.128/25"}, "near miss"),
    Case(
        EGRESS,
        "listed in two halves",
        "pass",
        EGRESS_RULE,
        {"cidrIpv4": "198.51.100.0/24"},
        "near miss",
        settings=PolicySettings(egress=("198.51.100.0/25", "198.51.100.128/25")),
    ),
    Case(EGRESS, "another security group", "pass", EGRESS_RULE, {"referencedSecurityGroupId": "sg-1"}, "near miss"),
    Case(EGRESS, "endpoint by a prefix list", "pass", EGRESS_RULE, {"prefixListId": "pl-6ea54007"}, "near miss: S3"),
    Case(
        EGRESS, "world on the way in", "pass", GROUP_RULE, {"type": "ingress", "cidrBlocks": ["0.0.0.0/0"]}, "ingress"
    ),
    Case(EGRESS, "no rules", "pass", GROUP, {"egress": []}, "positive control"),
    Case(EGRESS, "IPv6 unique local", "pass", GROUP, _out({"ipv6CidrBlocks": ["fd00::/8"]}), "RFC 4193"),
    Case(
        EGRESS,
        "Google: everything denied",
        "pass",
        GCP_FIREWALL,
        {"direction": "EGRESS", "denies": [{"protocol": "all"}], "destinationRanges": ["0.0.0.0/0"]},
        GCP_DOCS,
    ),
    Case(
        EGRESS,
        "Google: on the way in",
        "pass",
        GCP_FIREWALL,
        {"allows": [{"protocol": "tcp"}], "sourceRanges": ["10.0.0.0/8"]},
        "near miss",
    ),
    Case(
        EGRESS,
        "Google: switched off",
        "pass",
        GCP_FIREWALL,
        {"direction": "EGRESS", "allows": [{"protocol": "tcp"}], "disabled": True},
        "near miss",
    ),
    Case(EGRESS, "range not known", "unknown", EGRESS_RULE, {"cidrIpv4": UNKNOWN}, "preview", "cidrIpv4"),
    Case(EGRESS, "rules not known", "unknown", GROUP, {"egress": UNKNOWN}, "preview", "egress"),
    Case(
        EGRESS,
        "Google: direction not known",
        "unknown",
        GCP_FIREWALL,
        {"direction": UNKNOWN, "allows": [{"protocol": "tcp"}]},
        "preview",
        "direction",
    ),
    # 7. Default security group empty
    Case(
        DEFAULTS,
        "members reach each other, as AWS makes it",
        "fail",
        DEFAULT_GROUP,
        {"vpcId": "vpc-1", "ingress": [{"protocol": "-1", "self": True, "fromPort": 0, "toPort": 0}]},
        CHECKOV_DEFAULTS,
        "ingress[0]",
    ),
    Case(
        DEFAULTS,
        "the world on the way out, as AWS makes it",
        "fail",
        DEFAULT_GROUP,
        {"vpcId": "vpc-1", "egress": [{"protocol": "-1", "cidrBlocks": ["0.0.0.0/0"]}]},
        CIS_DEFAULTS,
        "egress[0]",
    ),
    Case(
        DEFAULTS,
        "nobody empties it",
        "fail",
        VPC,
        NETWORK,
        CHECKOV_DEFAULTS,
        "defaultSecurityGroupId",
        answered=MADE,
    ),
    Case(
        DEFAULTS,
        "that of another network is emptied",
        "fail",
        VPC,
        NETWORK,
        CHECKOV_DEFAULTS,
        "defaultSecurityGroupId",
        answered={"id": "vpc-2"},
        others=(EMPTIED,),
    ),
    Case(
        DEFAULTS,
        "default network, whose group nobody empties",
        "fail",
        DEFAULT_VPC,
        {"tags": {"Name": "default"}},
        CIS_DEFAULTS,
        answered=MADE,
    ),
    *(
        Case(
            DEFAULTS,
            f"emptied, and opened by a rule of its own: {type_}",
            "fail",
            VPC,
            NETWORK,
            EVASION,
            "securityGroupId",
            "rule",
            answered=MADE,
            others=(EMPTIED, thing(type_, {"securityGroupId": "sg-0", **rule}, "rule")),
        )
        for type_, rule in (
            (GROUP_RULE, {"type": "ingress", "self": True}),
            (INGRESS_RULE, {"cidrIpv4": "10.0.0.0/8"}),
            (EGRESS_RULE, {"cidrIpv4": "0.0.0.0/0"}),
        )
    ),
    Case(
        DEFAULTS,
        "opened by a rule, by a provider that tells no ids",
        "fail",
        DEFAULT_GROUP,
        {"vpcId": "vpc-1"},
        EVASION,
        "securityGroupId",
        "rule",
        others=(
            thing(
                EGRESS_RULE,
                {"securityGroupId": "sg-0"},
                "rule",
                property_dependencies={"securityGroupId": (urn(DEFAULT_GROUP, "test"),)},
            ),
        ),
    ),
    Case(
        DEFAULTS,
        "opened by a rule, before it is made",
        "fail",
        DEFAULT_GROUP,
        {"vpcId": "vpc-1"},
        EVASION,
        "securityGroupId",
        "rule",
        others=(
            thing(
                INGRESS_RULE,
                {"securityGroupId": UNKNOWN},
                "rule",
                property_dependencies={"securityGroupId": (urn(DEFAULT_GROUP, "test"),)},
            ),
        ),
    ),
    Case(DEFAULTS, "emptied", "pass", VPC, NETWORK, CHECKOV_DEFAULTS, answered=MADE, others=(EMPTIED,)),
    Case(
        DEFAULTS,
        "emptied by saying nothing",
        "pass",
        VPC,
        NETWORK,
        "Terraform AWS provider, aws_default_security_group: removes all rules",
        answered=MADE,
        others=(thing(DEFAULT_GROUP, {"vpcId": "vpc-1"}, "emptied"),),
    ),
    Case(
        DEFAULTS,
        "to be made, and emptied",
        "pass",
        VPC,
        NETWORK,
        "preview",
        others=(
            thing(
                DEFAULT_GROUP,
                {"vpcId": UNKNOWN},
                "emptied",
                property_dependencies={"vpcId": (urn(VPC, "test"),)},
            ),
        ),
    ),
    Case(
        DEFAULTS,
        "made and emptied, by a provider that tells no ids",
        "pass",
        VPC,
        NETWORK,
        "the local cloud",
        others=(
            thing(
                DEFAULT_GROUP,
                {"vpcId": "vpc-1"},
                "emptied",
                property_dependencies={"vpcId": (urn(VPC, "test"),)},
            ),
            thing(GROUP, {"vpcId": "vpc-1", "name": "web"}, "web"),
            thing(
                INGRESS_RULE,
                {"securityGroupId": "sg-2", "cidrIpv4": "10.0.0.0/8"},
                "rule",
                property_dependencies={"securityGroupId": (urn(GROUP, "web"),)},
            ),
        ),
    ),
    Case(
        DEFAULTS,
        "rules in another group",
        "pass",
        VPC,
        NETWORK,
        "near miss",
        answered=MADE,
        others=(
            EMPTIED,
            thing(GROUP, {"name": "web"}, "web", answered={"id": "sg-2"}),
            thing(INGRESS_RULE, {"securityGroupId": "sg-2", "cidrIpv4": "10.0.0.0/8"}, "rule"),
        ),
    ),
    Case(
        DEFAULTS,
        "default network, whose group is emptied",
        "pass",
        DEFAULT_VPC,
        {"tags": {"Name": "default"}},
        "near miss: the group that names no network is this one's",
        answered=MADE,
        others=(thing(DEFAULT_GROUP, {"ingress": []}, "emptied"),),
    ),
    Case(
        DEFAULTS,
        "rules not known",
        "unknown",
        DEFAULT_GROUP,
        {"vpcId": "vpc-1", "ingress": UNKNOWN},
        "preview",
        "ingress",
    ),
    Case(
        DEFAULTS,
        "whose default group it is, is not known",
        "unknown",
        VPC,
        NETWORK,
        "preview",
        "vpcId",
        "emptied",
        others=(thing(DEFAULT_GROUP, {"vpcId": UNKNOWN}, "emptied"),),
    ),
    Case(
        DEFAULTS,
        "which group a rule is in, is not known",
        "unknown",
        INGRESS_RULE,
        {"securityGroupId": UNKNOWN},
        "preview",
        "securityGroupId",
    ),
    # 10. No public IPs
    _public("subnet", SUBNET, {"mapPublicIpOnLaunch": True}, "mapPublicIpOnLaunch", CHECKOV_PUBLIC),
    _public("subnet, as a text", SUBNET, {"mapPublicIpOnLaunch": "true"}, "mapPublicIpOnLaunch", EVASION),
    _public("default subnet", DEFAULT_SUBNET, {"mapPublicIpOnLaunch": True}, "mapPublicIpOnLaunch"),
    _public(
        "default subnet, which is public",
        DEFAULT_SUBNET,
        {"availabilityZone": "eu-central-1a"},
        "mapPublicIpOnLaunch",
        AWS_ADDRESSES,
    ),
    _public(
        "machine",
        MACHINE,
        IN_SUBNET | {"associatePublicIpAddress": True},
        "associatePublicIpAddress",
        CHECKOV_PUBLIC,
    ),
    _public("machine in a default subnet", MACHINE, {"ami": "ami-1"}, "subnetId", AWS_ADDRESSES),
    _public("spot machine", SPOT, IN_SUBNET | {"associatePublicIpAddress": True}, "associatePublicIpAddress"),
    _public("spot machine in a default subnet", SPOT, {"ami": "ami-1"}, "subnetId", AWS_ADDRESSES),
    _public(
        "template, second interface",
        TEMPLATE,
        {"networkInterfaces": [{"deviceIndex": 0}, {"associatePublicIpAddress": "true"}]},
        "networkInterfaces[1].associatePublicIpAddress",
    ),
    _public("configuration", CONFIGURATION, {"associatePublicIpAddress": True}, "associatePublicIpAddress"),
    _public("service", SERVICE, ASSIGNED, "networkConfiguration.assignPublicIp", CHECKOV_PUBLIC),
    _public("task set", TASK_SET, ASSIGNED, "networkConfiguration.assignPublicIp"),
    _public("event", EVENT, {"ecsTarget": ASSIGNED}, "ecsTarget.networkConfiguration.assignPublicIp", EVASION),
    _public(
        "schedule",
        SCHEDULE,
        {"target": {"ecsParameters": ASSIGNED}},
        "target.ecsParameters.networkConfiguration.assignPublicIp",
        EVASION,
    ),
    _public("elastic address of a machine", EIP, {"domain": "vpc", "instance": "i-1"}, "instance", EVASION),
    _public("elastic address of an interface", EIP, {"networkInterface": "eni-1"}, "networkInterface", EVASION),
    _public(
        "elastic address given to a machine",
        EIP_FOR,
        {"allocationId": "eipalloc-1", "instanceId": "i-1"},
        "instanceId",
        EVASION,
    ),
    _public(
        "Google: machine",
        GCP_MACHINE,
        {"networkInterfaces": [{"subnetwork": "a", "accessConfigs": [{"natIp": "203.0.113.7"}]}]},
        "networkInterfaces[0].accessConfigs[0]",
        CHECKOV_PUBLIC,
    ),
    _public(
        "Google: machine with an address that Google picks",
        GCP_MACHINE,
        {"networkInterfaces": [{"subnetwork": "a", "accessConfigs": [{}]}]},
        "networkInterfaces[0].accessConfigs[0]",
        CHECKOV_PUBLIC,
    ),
    _public(
        "Google: template, IPv6",
        GCP_TEMPLATE,
        {"networkInterfaces": [{"subnetwork": "a", "ipv6AccessConfigs": [{"networkTier": "PREMIUM"}]}]},
        "networkInterfaces[0].ipv6AccessConfigs[0]",
        CHECKOV_PUBLIC,
    ),
    _public(
        "Google: template of a region",
        "gcp:compute/regionInstanceTemplate:RegionInstanceTemplate",
        {"networkInterfaces": [{"accessConfigs": [{}]}]},
        "networkInterfaces[0].accessConfigs[0]",
        EVASION,
    ),
    Case(PUBLIC, "subnet that says nothing", "pass", SUBNET, {"cidrBlock": "10.0.0.0/24"}, CHECKOV_PUBLIC),
    Case(PUBLIC, "subnet that says no", "pass", SUBNET, {"mapPublicIpOnLaunch": False}, CHECKOV_PUBLIC),
    Case(PUBLIC, "default subnet told not to", "pass", DEFAULT_SUBNET, {"mapPublicIpOnLaunch": False}, "near miss"),
    Case(PUBLIC, "machine in a subnet", "pass", MACHINE, IN_SUBNET, CHECKOV_PUBLIC),
    Case(
        PUBLIC,
        "machine in a default subnet, told not to",
        "pass",
        MACHINE,
        {"ami": "ami-1", "associatePublicIpAddress": False},
        CHECKOV_PUBLIC,
    ),
    Case(
        PUBLIC,
        "template with the text of a flag",
        "pass",
        TEMPLATE,
        {"networkInterfaces": [{"associatePublicIpAddress": "false"}]},
        "Terraform AWS provider, aws_launch_template: the flag is a text",
    ),
    Case(
        PUBLIC,
        "service without",
        "pass",
        SERVICE,
        {"networkConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": False}},
        CHECKOV_PUBLIC,
    ),
    Case(PUBLIC, "elastic address of a NAT gateway", "pass", EIP, {"domain": "vpc"}, "near miss"),
    Case(
        PUBLIC,
        "Google: machine without",
        "pass",
        GCP_MACHINE,
        {"networkInterfaces": [{"subnetwork": "a", "accessConfigs": []}]},
        CHECKOV_PUBLIC,
    ),
    Case(PUBLIC, "not known", "unknown", SUBNET, {"mapPublicIpOnLaunch": UNKNOWN}, "preview", "mapPublicIpOnLaunch"),
    Case(
        PUBLIC,
        "service not known",
        "unknown",
        SERVICE,
        {"networkConfiguration": UNKNOWN},
        "preview",
        "networkConfiguration",
    ),
    Case(
        PUBLIC,
        "where a machine stands is not known",
        "unknown",
        MACHINE,
        {"ami": "ami-1", "subnetId": UNKNOWN},
        "preview: it may turn out to be said nowhere",
        "subnetId",
    ),
    Case(
        PUBLIC,
        "a spot machine whose interfaces are not known",
        "unknown",
        SPOT,
        {"ami": "ami-1", "networkInterfaces": UNKNOWN, "subnetId": ""},
        "preview",
        "networkInterfaces",
    ),
    Case(
        PUBLIC,
        "its subnet is not known, and it is told not to",
        "pass",
        MACHINE,
        {"ami": "ami-1", "subnetId": UNKNOWN, "associatePublicIpAddress": False},
        "preview",
    ),
    Case(
        PUBLIC,
        "its interface says where it stands, whatever its template says",
        "pass",
        MACHINE,
        {"networkInterfaces": [{"deviceIndex": 0, "networkInterfaceId": UNKNOWN}], "launchTemplate": UNKNOWN},
        "preview",
    ),
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
    # 11. Private control planes
    Case(
        PLANE,
        "public",
        "fail",
        EKS,
        {"vpcConfig": {"subnetIds": ["subnet-1"], "endpointPublicAccess": True}},
        CHECKOV_EKS,
        "vpcConfig.endpointPublicAccess",
    ),
    Case(
        PLANE,
        "public by default",
        "fail",
        EKS,
        {"vpcConfig": {"subnetIds": ["subnet-1"]}},
        CHECKOV_EKS,
        "vpcConfig.endpointPublicAccess",
    ),
    Case(
        PLANE,
        "public, for an office",
        "fail",
        EKS,
        {"vpcConfig": {"endpointPublicAccess": True, "publicAccessCidrs": ["203.0.113.0/24"]}},
        "CIS EKS 5.4.2",
        "vpcConfig.endpointPublicAccess",
    ),
    Case(PLANE, "Google: public by default", "fail", GKE, {"name": "a"}, CHECKOV_GKE),
    Case(
        PLANE,
        "Google: private nodes, public API",
        "fail",
        GKE,
        {"privateClusterConfig": {"enablePrivateNodes": True, "enablePrivateEndpoint": False}},
        "CIS GKE 5.6.4",
        "privateClusterConfig.enablePrivateEndpoint",
    ),
    Case(
        PLANE,
        "Google: for everybody",
        "fail",
        GKE,
        INSIDE | {"masterAuthorizedNetworksConfig": {"cidrBlocks": [{"cidrBlock": "0.0.0.0/0"}]}},
        CHECKOV_GKE,
        "masterAuthorizedNetworksConfig.cidrBlocks[0].cidrBlock",
    ),
    Case(
        PLANE,
        "Google: from outside by name",
        "fail",
        GKE,
        {
            "controlPlaneEndpointsConfig": {
                "ipEndpointsConfig": {"enabled": False},
                "dnsEndpointConfig": {"allowExternalTraffic": True},
            }
        },
        GKE_NAMES,
        "controlPlaneEndpointsConfig.dnsEndpointConfig.allowExternalTraffic",
    ),
    Case(
        PLANE,
        "private",
        "pass",
        EKS,
        {"vpcConfig": {"endpointPublicAccess": False, "endpointPrivateAccess": True}},
        CHECKOV_EKS,
    ),
    Case(
        PLANE,
        "private, with ranges that no longer count",
        "pass",
        EKS,
        {"vpcConfig": {"endpointPublicAccess": False, "publicAccessCidrs": ["0.0.0.0/0"]}},
        "near miss: AWS's default for the ranges",
    ),
    Case(PLANE, "Google: private", "pass", GKE, INSIDE, CHECKOV_GKE),
    Case(
        PLANE,
        "Google: private, for one network",
        "pass",
        GKE,
        INSIDE | {"masterAuthorizedNetworksConfig": {"cidrBlocks": [{"cidrBlock": "10.0.0.0/16"}]}},
        CHECKOV_GKE,
    ),
    Case(
        PLANE,
        "Google: by name only, from inside",
        "pass",
        GKE,
        {"controlPlaneEndpointsConfig": {"ipEndpointsConfig": {"enabled": False}}},
        GKE_NAMES,
    ),
    Case(PLANE, "not known", "unknown", EKS, {"vpcConfig": UNKNOWN}, "preview", "vpcConfig"),
    Case(
        PLANE,
        "Google: not known",
        "unknown",
        GKE,
        {"privateClusterConfig": {"enablePrivateEndpoint": UNKNOWN}},
        "preview",
        "privateClusterConfig.enablePrivateEndpoint",
    ),
    # 12. Namespace default-deny both directions
    Case(DENY, "no policy", "fail", NAMESPACE, _named("links-build"), CHECKOV_DENY, "metadata.name", "test"),
    *(
        Case(
            DENY,
            f"only {kind}",
            "fail",
            NAMESPACE,
            _named("links-build"),
            KUBERNETES_DENY,
            "metadata.name",
            others=(thing(NET_POLICY, _net("links-build", policyTypes=[kind]), "net"),),
        )
        for kind in ("Ingress", "Egress")
    ),
    Case(
        DENY,
        "both, and no types said: only what comes in",
        "fail",
        NAMESPACE,
        _named("links-build"),
        "Kubernetes API reference, NetworkPolicySpec: policyTypes",
        "metadata.name",
        others=(thing(NET_POLICY, _net("links-build"), "net"),),
    ),
    Case(
        DENY,
        "in another namespace",
        "fail",
        NAMESPACE,
        _named("links-build"),
        CHECKOV_DENY,
        "metadata.name",
        others=(thing(NET_POLICY, _net("links-staging", policyTypes=BOTH), "net"),),
    ),
    Case(
        DENY,
        "for some pods only",
        "fail",
        NAMESPACE,
        _named("links-build"),
        KUBERNETES_DENY,
        "metadata.name",
        others=(thing(NET_POLICY, _net("links-build", {"matchLabels": {"app": "web"}}, policyTypes=BOTH), "net"),),
    ),
    *(
        Case(
            DENY,
            f"everything is let in: {type_}",
            "fail",
            type_,
            _net("links-build", policyTypes=["Ingress"], ingress=[{}]),
            KUBERNETES_DENY,
            "spec.ingress[0]",
        )
        for type_ in NET_POLICIES
    ),
    Case(
        DENY,
        "everything is let out",
        "fail",
        NET_POLICY,
        _net("links-build", policyTypes=BOTH, egress=[{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]),
        EVASION,
        "spec.egress[0]",
    ),
    Case(
        DENY,
        "every other namespace is let in",
        "fail",
        NET_POLICY,
        _net("links-build", policyTypes=BOTH, ingress=[{"from": [{"namespaceSelector": {}}]}]),
        EVASION,
        "spec.ingress[0]",
    ),
    Case(
        DENY,
        "both denied",
        "pass",
        NAMESPACE,
        _named("links-build"),
        KUBERNETES_DENY,
        others=(thing(NET_POLICY, _net("links-build", policyTypes=BOTH), "net"),),
    ),
    Case(
        DENY,
        "denied by one policy each",
        "pass",
        NAMESPACE,
        _named("links-build"),
        KUBERNETES_DENY,
        others=(
            thing(NET_POLICY, _net("links-build", policyTypes=["Ingress"], ingress=[]), "in"),
            thing(NET_POLICY, _net("links-build", policyTypes=["Egress"], egress=[]), "out"),
        ),
    ),
    Case(
        DENY,
        "denied, and some opened again",
        "pass",
        NAMESPACE,
        _named("links-build"),
        "near miss",
        others=(
            thing(NET_POLICY, _net("links-build", policyTypes=BOTH), "net"),
            thing(
                NET_POLICY,
                _net("links-build", policyTypes=["Egress"], egress=[{"ports": [{"port": 53, "protocol": "UDP"}]}]),
                "names",
            ),
            thing(
                NET_POLICY,
                _net("links-build", policyTypes=["Ingress"], ingress=[{"from": [{"podSelector": {}}]}]),
                "own",
            ),
            thing(NET_POLICY, _net("links-build", {"matchLabels": {"app": "web"}}, ingress=[{}]), "front"),
        ),
    ),
    Case(
        DENY,
        "denied by a namespace's name that is to be known",
        "pass",
        NAMESPACE,
        {"metadata": {"name": UNKNOWN}},
        "preview",
        others=(
            thing(
                NET_POLICY,
                _net(UNKNOWN, policyTypes=BOTH),
                "net",
                property_dependencies={"metadata": (urn(NAMESPACE, "test"),)},
            ),
        ),
    ),
    Case(
        DENY,
        "whose policy it is, is not known",
        "unknown",
        NAMESPACE,
        _named("links-build"),
        "preview",
        "metadata.namespace",
        "net",
        others=(thing(NET_POLICY, _net(UNKNOWN, policyTypes=BOTH), "net"),),
    ),
    Case(
        DENY,
        "what it denies is not known",
        "unknown",
        NAMESPACE,
        _named("links-build"),
        "preview",
        "spec",
        "net",
        others=(thing(NET_POLICY, _net("links-build", policyTypes=UNKNOWN), "net"),),
    ),
    # 13. Never the default namespace; a workload's app = its namespace's app
    *(
        Case(
            OWN,
            f"default: {token}",
            "fail",
            token,
            declaring(token, POD_SPEC) | {"metadata": {"name": "web", "namespace": "default"}},
            CHECKOV_DEFAULT,
            "metadata.namespace",
        )
        for token in PLACES
    ),
    Case(
        OWN,
        "default by saying nothing",
        "fail",
        POD,
        declaring(POD, POD_SPEC) | {"metadata": {"name": "web"}},
        CHECKOV_DEFAULT,
        "metadata.namespace",
    ),
    Case(
        OWN,
        "default of a provider that says so",
        "fail",
        POD,
        declaring(POD, POD_SPEC) | {"metadata": {"name": "web"}},
        EVASION,
        "metadata.namespace",
        provider=Provider(type="pulumi:providers:kubernetes", urn="k", name="k", properties={"namespace": "default"}),
    ),
    Case(
        OWN,
        "another app's",
        "fail",
        DEPLOYMENT,
        _labelled("tally-build", {}),
        "another app's stack",
        "metadata.namespace",
    ),
    Case(
        OWN,
        "another environment's",
        "fail",
        DEPLOYMENT,
        _labelled("links-production", {}),
        "another stack",
        "metadata.namespace",
    ),
    Case(
        OWN,
        "the cluster's",
        "fail",
        DEPLOYMENT,
        _labelled("kube-system", {}),
        "CIS Kubernetes 5.7.1",
        "metadata.namespace",
    ),
    Case(
        OWN,
        "the namespace is another app's by its label",
        "fail",
        NAMESPACE,
        _named("shared", **{PART_OF: "tally"}),
        "Kubernetes, Recommended Labels",
        f"metadata.labels.{PART_OF}",
        "web",
        others=(thing(DEPLOYMENT, _labelled("shared", {PART_OF: "links"}), "web"),),
    ),
    Case(
        OWN,
        "the workload is another app's by its label",
        "fail",
        NAMESPACE,
        _named("links-build", app="links"),
        "near miss of a good one",
        "metadata.labels.app",
        "web",
        others=(thing(DEPLOYMENT, _labelled("links-build", {"app": "tally"}), "web"),),
    ),
    Case(
        OWN,
        "the pods of a deployment are another app's",
        "fail",
        NAMESPACE,
        _named("links-build", app="links"),
        EVASION,
        "spec.template.metadata.labels.app",
        "web",
        others=(
            thing(
                DEPLOYMENT,
                {
                    "metadata": {"name": "web", "namespace": "links-build", "labels": {"app": "links"}},
                    "spec": {"template": {"metadata": {"labels": {"app": "tally"}}, "spec": POD_SPEC}},
                },
                "web",
            ),
        ),
    ),
    Case(OWN, "own namespace", "pass", DEPLOYMENT, _labelled("links-build", {"app": "links"}), CHECKOV_DEFAULT),
    Case(OWN, "a name that holds default", "pass", DEPLOYMENT, _labelled("default-tenant", {}), "near miss"),
    Case(
        OWN,
        "the provider's namespace",
        "pass",
        POD,
        declaring(POD, POD_SPEC) | {"metadata": {"name": "web"}},
        "near miss",
        provider=Provider(type="pulumi:providers:kubernetes", urn="k", name="k", properties={"namespace": "links"}),
    ),
    Case(
        OWN,
        "labels of the same app",
        "pass",
        NAMESPACE,
        _named("links-build", **{PART_OF: "links", "app": "team"}),
        "near miss: app names a component beside part-of",
        others=(thing(DEPLOYMENT, _labelled("links-build", {PART_OF: "links", "app": "web"}), "web"),),
    ),
    Case(
        OWN,
        "no labels",
        "pass",
        NAMESPACE,
        {"metadata": {"name": "links-build"}},
        "near miss",
        others=(thing(DEPLOYMENT, _labelled("links-build", {"tier": "web"}), "web"),),
    ),
    Case(OWN, "not known", "unknown", DEPLOYMENT, _labelled(UNKNOWN, {}), "preview", "metadata.namespace"),
    Case(
        OWN,
        "labels not known",
        "unknown",
        NAMESPACE,
        _named("links-build", app="links"),
        "preview",
        "metadata.labels",
        "web",
        others=(thing(DEPLOYMENT, _labelled("links-build", UNKNOWN), "web"),),
    ),
    # 14. No GCP default network
    Case(
        DEFAULT_NETWORK,
        "made",
        "fail",
        PROJECT,
        SHOP | {"autoCreateNetwork": True},
        CHECKOV_PROJECT,
        "autoCreateNetwork",
    ),
    Case(DEFAULT_NETWORK, "made by default", "fail", PROJECT, SHOP, CHECKOV_PROJECT, "autoCreateNetwork"),
    Case(DEFAULT_NETWORK, "made, as a text", "fail", PROJECT, SHOP | {"autoCreateNetwork": "yes"}, "fail closed"),
    Case(DEFAULT_NETWORK, "not made", "pass", PROJECT, SHOP | {"autoCreateNetwork": False}, CHECKOV_PROJECT),
    Case(
        DEFAULT_NETWORK,
        "not made, in a folder",
        "pass",
        PROJECT,
        {"projectId": "acme-shop", "folderId": "2", "autoCreateNetwork": False},
        CHECKOV_PROJECT,
    ),
    Case(
        DEFAULT_NETWORK,
        "not made, as a text",
        "pass",
        PROJECT,
        SHOP | {"autoCreateNetwork": "false"},
        "near miss: a provider takes the text too",
    ),
    Case(
        DEFAULT_NETWORK,
        "not known",
        "unknown",
        PROJECT,
        SHOP | {"autoCreateNetwork": UNKNOWN},
        "preview",
        "autoCreateNetwork",
    ),
)
