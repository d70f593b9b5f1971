"""Cases of the controls of isolation on what groups and firewalls let in and out: 5, 6."""

import ipaddress

from policies import UNKNOWN, PolicySettings
from policies.model import Plain, Properties

from .case import EVASION, Case
from .isolation_words import DEFAULT_GROUP, EGRESS_RULE, GROUP, GROUP_RULE, INGRESS_RULE

CHECKOV_SG = "Checkov CKV_AWS_24/25/277 (tests/terraform/checks/resource/aws)"
CIS = "CIS AWS Foundations 5.3, 5.4"
INGRESS = "no-world-ingress"
GCP_FIREWALL = "gcp:compute/firewall:Firewall"
EGRESS = "egress-listed"
CHECKOV_EGRESS = "Checkov CKV_AWS_382 (tests/terraform/checks/resource/aws)"
GCP_DOCS = "Google Cloud, VPC firewall rules"
EVERYTHING = ipaddress.IPv4Network("0.0.0.0/0")
SIXTY_FOURTHS: list[Properties] = [{"cidrBlocks": [f"{first}.0.0.0/6"]} for first in range(32, 64, 4)]
PUNCHED_RANGES: list[Plain] = [
    str(each) for each in EVERYTHING.address_exclude(ipaddress.IPv4Network("203.0.113.7/32"))
]


def _group(*rules: Properties) -> Properties:
    return {"ingress": [{"fromPort": 22, "toPort": 22, "protocol": "tcp", **rule} for rule in rules]}


def _out(*rules: Properties) -> Properties:
    return {"egress": [{"fromPort": 0, "toPort": 0, "protocol": "-1", **rule} for rule in rules]}


CASES: tuple[Case, ...] = (
    # 5. No world ingress
    Case(
        INGRESS,
        "default group",
        "fail",
        DEFAULT_GROUP,
        _group({"cidrBlocks": ["0.0.0.0/0"]}),
        CIS,
        "ingress[0].cidrBlocks[0]",
    ),
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
)
