"""Cases of the control of isolation on public addresses: 10."""

from policies import UNKNOWN
from policies.model import Properties

from .case import EVASION, Case

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


def _public(name: str, type_: str, properties: Properties, path: str, source: str = SECURITY_HUB) -> Case:
    return Case(PUBLIC, name, "fail", type_, properties, source, path)


CASES: tuple[Case, ...] = (
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
)
