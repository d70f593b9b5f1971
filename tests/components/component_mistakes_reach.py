"""Mistakes of components about networks and identities, each with what the pack says of it."""

import json

from component_mocks import ACCOUNT, REGION
from component_mutations import (
    BUILD,
    PLATFORM,
    PRODUCTION,
    allowed,
    both,
    left_out,
    made,
    mistake,
    not_made,
    put,
    struck,
    written,
)

FRONT = ("SecurityGroupIngressRule", "links-production-web-front")
BACK = ("SecurityGroupEgressRule", "links-production-web-endpoints")
CODER = ("Role", "links-build-coder")
CI = ("Role", "links-build-ci")
TOPIC = ("TopicPolicy", BUILD)
FOREIGN = "210987654321"
GITHUB = "token.actions.githubusercontent.com"
ANY_REPOSITORY = {
    "Effect": "Allow",
    "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{GITHUB}"},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {
        "StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com"},
        "StringLike": {f"{GITHUB}:sub": "repo:*"},
    },
}

NETWORK = (
    mistake(
        "the load balancer's group is open to the world",
        PRODUCTION,
        put(*FRONT, "cidrIpv4", "0.0.0.0/0"),
        "no-world-ingress links-production-web-front cidrIpv4",
    ),
    mistake(
        "half of the internet is let in",
        PRODUCTION,
        put(*FRONT, "cidrIpv4", "128.0.0.0/1"),
        "no-world-ingress links-production-web-front cidrIpv4",
    ),
    mistake(
        "the world is let in by its other addresses",
        PRODUCTION,
        both(left_out(*FRONT, "cidrIpv4"), put(*FRONT, "cidrIpv6", "::/0")),
        "no-world-ingress links-production-web-front cidrIpv6",
    ),
    mistake(
        "a service may send anywhere",
        PRODUCTION,
        both(left_out(*BACK, "referencedSecurityGroupId"), put(*BACK, "cidrIpv4", "0.0.0.0/0")),
        "egress-listed links-production-web-endpoints cidrIpv4",
    ),
    mistake(
        "the network's own group lets its members talk",
        BUILD,
        put("DefaultSecurityGroup", BUILD, "ingress", [{"self": True, "protocol": "-1", "fromPort": 0, "toPort": 0}]),
        "default-group-empty links-build ingress[0]",
    ),
    mistake(
        "the network's own group is left as the cloud makes it",
        BUILD,
        not_made("DefaultSecurityGroup", BUILD),
        "default-group-empty links-build defaultSecurityGroupId",
    ),
    mistake(
        "a subnet hands out public addresses",
        BUILD,
        put("Subnet", "links-build-0", "mapPublicIpOnLaunch", True),
        "no-public-addresses links-build-0 mapPublicIpOnLaunch",
    ),
    mistake(
        "a service gets a public address",
        PRODUCTION,
        put("Service", "links-production-web", "networkConfiguration.assignPublicIp", True),
        "no-public-addresses links-production-web networkConfiguration.assignPublicIp",
    ),
    mistake(
        "nothing writes down who talked to whom",
        PRODUCTION,
        not_made("FlowLog", "links-production-flows"),
        "networks-logged links-production cidrBlock",
    ),
    mistake(
        "only refused connections are written down",
        BUILD,
        put("FlowLog", "links-build-flows", "trafficType", "REJECT"),
        "networks-logged links-build cidrBlock",
    ),
    mistake(
        "the network is joined with somebody else's",
        PRODUCTION,
        made(
            "aws:ec2/vpcPeeringConnection:VpcPeeringConnection",
            vpcId="Vpc/links-production",
            peerVpcId="vpc-0123456789abcdef0",
            peerOwnerId=FOREIGN,
        ),
        "joined-within-app added peerOwnerId",
        "joined-within-app added peerVpcId",
    ),
    mistake(
        "a group has rules inline, and others beside it",
        PRODUCTION,
        put(
            "SecurityGroup",
            "links-production-database",
            "ingress",
            [{"protocol": "tcp", "fromPort": 5432, "toPort": 5432, "cidrBlocks": ["10.20.128.0/18"]}],
        ),
        "no-mixed-forms links-production-adder-database securityGroupId",
        "no-mixed-forms links-production-web-database securityGroupId",
    ),
)

IDENTITIES = (
    mistake(
        "a worker may do everything",
        PRODUCTION,
        allowed("links-production-adder", "*"),
        "no-admin-wildcard links-production-adder policy.Statement[0].Action[0]",
        "no-escalation links-production-adder policy",
        "pass-role-narrow links-production-adder policy.Statement[0].Condition",
        "pass-role-narrow links-production-adder policy.Statement[0].Resource[0]",
        "secrets-of-own-app links-production-adder policy.Statement[0].Resource[0]",
    ),
    mistake(
        "a worker may do all but a few things",
        PRODUCTION,
        both(
            struck("RolePolicy", "links-production-adder", "policy", "Statement.0.Action"),
            written("RolePolicy", "links-production-adder", "policy", "Statement.0.NotAction", ["sqs:DeleteQueue"]),
        ),
        "no-allow-with-negation links-production-adder policy.Statement[0].NotAction[0]",
        "no-escalation links-production-adder policy",
    ),
    mistake(
        "CI may pass any role",
        BUILD,
        allowed("links-build-ci", "iam:PassRole"),
        "pass-role-narrow links-build-ci policy.Statement[0].Condition",
        "pass-role-narrow links-build-ci policy.Statement[0].Resource[0]",
    ),
    mistake(
        "a build may write its own rights",
        BUILD,
        allowed("links-build-ci-test", "iam:PutRolePolicy"),
        "no-escalation links-build-ci-test policy",
    ),
    mistake(
        "whoever is in AWS may become CI",
        BUILD,
        written(*CI, "assumeRolePolicy", "Statement.0.Principal", "*"),
        "trust-narrow links-build-ci assumeRolePolicy.Statement[0].Principal",
    ),
    mistake(
        "another account may be an agent",
        BUILD,
        written(*CODER, "assumeRolePolicy", "Statement.1.Principal.AWS", f"arn:aws:iam::{FOREIGN}:root"),
        "trust-narrow links-build-coder assumeRolePolicy.Statement[1].Principal.AWS",
    ),
    mistake(
        "a service takes a role for whoever asks it",
        BUILD,
        struck("Role", "links-build-flows", "assumeRolePolicy", "Statement.0.Condition"),
        "service-trust-has-source links-build-flows assumeRolePolicy.Statement[0].Condition",
    ),
    mistake(
        "any repository of GitHub may take a role",
        PLATFORM,
        made(
            "aws:iam/role:Role",
            name="deploy",
            assumeRolePolicy=json.dumps({"Version": "2012-10-17", "Statement": [ANY_REPOSITORY]}),
        ),
        f"federation-exact added assumeRolePolicy.Statement[0].Condition.StringLike.{GITHUB}:sub",
    ),
    mistake(
        "an agent has no boundary",
        BUILD,
        left_out(*CODER, "permissionsBoundary"),
        "agents-bounded links-build-coder permissionsBoundary",
    ),
    mistake(
        "the boundary of agents bounds nothing",
        BUILD,
        written(
            "Policy", "links-build-agents", "policy", "Statement", [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
        ),
        "no-admin-wildcard links-build-agents policy.Statement[0].Action",
        "pass-role-narrow links-build-agents policy.Statement[0].Condition",
        "pass-role-narrow links-build-agents policy.Statement[0].Resource",
        "secrets-of-own-app links-build-agents policy.Statement[0].Resource",
    ),
    mistake(
        "two agents share a role",
        BUILD,
        put(
            "TaskDefinition",
            "links-build-agents-code-reviewer",
            "taskRoleArn",
            f"arn:aws:made:{REGION}:{ACCOUNT}:Role/links-build-coder",
        ),
        "role-not-shared links-build-agents-code-reviewer taskRoleArn",
    ),
    mistake(
        "an agent without a boundary may stop the trail",
        BUILD,
        both(left_out(*CODER, "permissionsBoundary"), allowed("links-build-coder", "cloudtrail:StopLogging")),
        "agents-bounded links-build-coder permissionsBoundary",
        "agents-write-no-guard links-build-coder policy",
    ),
    mistake(
        "a service is made an administrator",
        PRODUCTION,
        put("Role", "links-production-web", "managedPolicyArns", ["arn:aws:iam::aws:policy/AdministratorAccess"]),
        "no-admin-attachment links-production-web managedPolicyArns[0]",
    ),
    mistake(
        "a worker has a key that does not expire",
        PRODUCTION,
        made("aws:iam/accessKey:AccessKey", user="adder"),
        "no-long-lived-identities added user",
    ),
    mistake(
        "anybody may publish to the budget's topic",
        BUILD,
        both(
            written(*TOPIC, "policy", "Statement.0.Principal", "*"), struck(*TOPIC, "policy", "Statement.0.Condition")
        ),
        "not-public links-build policy.Statement[0].Principal",
    ),
    mistake(
        "anybody may use the key",
        PRODUCTION,
        written("Key", PRODUCTION, "policy", "Statement.0.Principal", "*"),
        "not-public links-production policy.Statement[0].Principal",
    ),
    mistake(
        "a task reads another app's secret",
        PRODUCTION,
        allowed(
            "links-production-web-start",
            "secretsmanager:GetSecretValue",
            resource=f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:notes/production/*",
        ),
        "secrets-of-own-app links-production-web-start policy.Statement[0].Resource[0]",
    ),
)
