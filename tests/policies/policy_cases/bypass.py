"""Cases of the controls of bypass."""

from policies import UNKNOWN

from .case import EVASION, Case, thing, urn

GROUP = "aws:ec2/securityGroup:SecurityGroup"
GROUP_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS_RULE = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ROLE_ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
ATTACHMENT = "aws:iam/policyAttachment:PolicyAttachment"
READS_S3 = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}'
INLINE_RULE = {"fromPort": 443, "toPort": 443, "protocol": "tcp", "cidrBlocks": ["10.0.0.0/8"]}
TERRAFORM_SG = "Terraform AWS provider, aws_security_group: Protocol and rule conflicts"
TERRAFORM_ROLE = "Terraform AWS provider, aws_iam_role: inline_policy, managed_policy_arns"
AWSGUARD = "AWSGuard no-management-conflicts"

MIXED = "no-mixed-forms"

CASES: tuple[Case, ...] = (
    # 4. Inline and standalone rules not mixed
    Case(
        MIXED,
        "inline ingress and an ingress rule",
        "fail",
        GROUP,
        {"name": "web", "ingress": [INLINE_RULE]},
        TERRAFORM_SG,
        "securityGroupId",
        "rule",
        answered={"id": "sg-1"},
        others=(thing(INGRESS_RULE, {"securityGroupId": "sg-1", "cidrIpv4": "10.0.0.0/8"}, "rule"),),
    ),
    Case(
        MIXED,
        "inline egress and an egress rule",
        "fail",
        GROUP,
        {"name": "web", "egress": [INLINE_RULE]},
        TERRAFORM_SG,
        "securityGroupId",
        "rule",
        answered={"id": "sg-1"},
        others=(thing(EGRESS_RULE, {"securityGroupId": "sg-1", "cidrIpv4": "10.0.0.0/8"}, "rule"),),
    ),
    Case(
        MIXED,
        "inline ingress and a rule of either direction",
        "fail",
        GROUP,
        {"name": "web", "ingress": [INLINE_RULE]},
        AWSGUARD,
        "securityGroupId",
        answered={"id": "sg-1"},
        others=(thing(GROUP_RULE, {"securityGroupId": "sg-1", "type": "ingress"}, "rule"),),
    ),
    Case(
        MIXED,
        "the group is not made yet, but the rule's value comes from it",
        "fail",
        GROUP,
        {"name": "web", "ingress": [INLINE_RULE]},
        EVASION,
        "securityGroupId",
        others=(
            thing(
                INGRESS_RULE,
                {"securityGroupId": UNKNOWN},
                "rule",
                property_dependencies={"securityGroupId": (urn(GROUP, "test"),)},
            ),
        ),
    ),
    Case(
        MIXED,
        "inline policy and a policy of its own",
        "fail",
        ROLE,
        {"name": "reader", "inlinePolicies": [{"name": "a", "policy": READS_S3}]},
        TERRAFORM_ROLE,
        "role",
        "more",
        others=(thing(ROLE_POLICY, {"role": "reader", "policy": READS_S3}, "more"),),
    ),
    Case(
        MIXED,
        "managed policies inline and attached",
        "fail",
        ROLE,
        {"name": "reader", "managedPolicyArns": ["arn:aws:iam::123456789012:policy/a"]},
        TERRAFORM_ROLE,
        "role",
        others=(thing(ROLE_ATTACHMENT, {"role": "reader", "policyArn": "arn:aws:iam::123456789012:policy/b"}, "more"),),
    ),
    Case(
        MIXED,
        "managed policies inline, and the role in a list of an attachment",
        "fail",
        ROLE,
        {"name": "reader", "managedPolicyArns": ["arn:aws:iam::123456789012:policy/a"]},
        TERRAFORM_ROLE,
        "roles[1]",
        others=(
            thing(ATTACHMENT, {"roles": ["else", "reader"], "policyArn": "arn:aws:iam::123456789012:policy/b"}, "more"),
        ),
    ),
    Case(
        MIXED,
        "all rules standalone",
        "pass",
        GROUP,
        {"name": "web"},
        TERRAFORM_SG,
        answered={"id": "sg-1", "ingress": [INLINE_RULE]},
        others=(
            thing(INGRESS_RULE, {"securityGroupId": "sg-1"}, "one"),
            thing(INGRESS_RULE, {"securityGroupId": "sg-1"}, "two"),
        ),
    ),
    Case(
        MIXED,
        "all rules inline",
        "pass",
        GROUP,
        {"name": "web", "ingress": [INLINE_RULE], "egress": [INLINE_RULE]},
        TERRAFORM_SG,
    ),
    Case(
        MIXED,
        "another group's rule",
        "pass",
        GROUP,
        {"name": "web", "ingress": [INLINE_RULE]},
        "near miss",
        answered={"id": "sg-1"},
        others=(
            thing(GROUP, {"name": "db"}, "db", answered={"id": "sg-2"}),
            thing(INGRESS_RULE, {"securityGroupId": "sg-2"}, "rule"),
        ),
    ),
    Case(
        MIXED,
        "the other direction",
        "pass",
        GROUP,
        {"name": "web", "ingress": [INLINE_RULE]},
        "near miss",
        answered={"id": "sg-1"},
        others=(thing(GROUP_RULE, {"securityGroupId": "sg-1", "type": "egress"}, "rule"),),
    ),
    Case(
        MIXED,
        "inline policy and an attached managed one",
        "pass",
        ROLE,
        {"name": "reader", "inlinePolicies": [{"name": "a", "policy": READS_S3}]},
        "near miss: the two do not meet",
        others=(thing(ROLE_ATTACHMENT, {"role": "reader", "policyArn": "arn:aws:iam::aws:policy/x"}, "more"),),
    ),
    Case(
        MIXED,
        "nothing inline, said so",
        "pass",
        ROLE,
        {"name": "reader", "inlinePolicies": []},
        "near miss",
        others=(thing(ROLE_POLICY, {"role": "reader", "policy": READS_S3}, "more"),),
    ),
    Case(
        MIXED,
        "whose rule it is, is not known",
        "unknown",
        GROUP,
        {"name": "web", "ingress": [INLINE_RULE]},
        "preview",
        "securityGroupId",
        "rule",
        others=(thing(INGRESS_RULE, {"securityGroupId": UNKNOWN}, "rule"),),
    ),
    Case(
        MIXED,
        "whether there are inline rules is not known",
        "unknown",
        GROUP,
        {"name": "web", "ingress": UNKNOWN},
        "preview",
        "ingress",
        answered={"id": "sg-1"},
        others=(thing(INGRESS_RULE, {"securityGroupId": "sg-1"}, "rule"),),
    ),
)
