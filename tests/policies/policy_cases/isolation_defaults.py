"""Cases of the control of isolation on default security groups: 7."""

from policies import UNKNOWN
from policies.model import Properties

from .case import EVASION, Case, thing, urn
from .isolation_words import DEFAULT_GROUP, EGRESS_RULE, GROUP, GROUP_RULE, INGRESS_RULE, NETWORK, VPC

DEFAULTS = "default-group-empty"
DEFAULT_VPC = "aws:ec2/defaultVpc:DefaultVpc"
CHECKOV_DEFAULTS = "Checkov CKV2_AWS_12 (tests/terraform/graph/checks)"
CIS_DEFAULTS = "CIS AWS Foundations 5.5 (v5.0)"
MADE: Properties = {"id": "vpc-1", "defaultSecurityGroupId": "sg-0"}
EMPTIED = thing(DEFAULT_GROUP, {"vpcId": "vpc-1", "ingress": [], "egress": []}, "emptied", answered={"id": "sg-0"})

CASES: tuple[Case, ...] = (
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
)
