"""Cases of the controls of isolation."""

import ipaddress

from policies import UNKNOWN
from policies.model import Plain, Properties

from .case import EVASION, Case

GROUP = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
GROUP_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
CHECKOV_SG = "Checkov CKV_AWS_24/25/277 (tests/terraform/checks/resource/aws)"
CIS = "CIS AWS Foundations 5.3, 5.4"
INGRESS = "no-world-ingress"

EVERYTHING = ipaddress.IPv4Network("0.0.0.0/0")
SIXTY_FOURTHS: list[Properties] = [{"cidrBlocks": [f"{first}.0.0.0/6"]} for first in range(32, 64, 4)]
PUNCHED_RANGES: list[Plain] = [
    str(each) for each in EVERYTHING.address_exclude(ipaddress.IPv4Network("203.0.113.7/32"))
]


def _group(*rules: Properties) -> Properties:
    return {"ingress": [{"fromPort": 22, "toPort": 22, "protocol": "tcp", **rule} for rule in rules]}


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
)
