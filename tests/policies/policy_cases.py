"""Cases of every control as data: what must fail, what must pass, what stays undecided, and where each is from.

Token-like values are put together from parts, so that no scanner takes this file for a leak. None was ever issued.
"""

import base64
import gzip
import ipaddress
import json
from dataclasses import dataclass
from typing import Literal

from policies import UNKNOWN
from policies.model import Plain, Properties

GROUP = "aws:ec2/securityGroup:SecurityGroup"
GROUP_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
POLICY = "aws:iam/policy:Policy"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
USER_POLICY = "aws:iam/userPolicy:UserPolicy"
GROUP_POLICY = "aws:iam/groupPolicy:GroupPolicy"
ROLE = "aws:iam/role:Role"
FUNCTION = "aws:lambda/function:Function"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
INSTANCE = "aws:ec2/instance:Instance"
PROJECT = "aws:codebuild/project:Project"

AWS_KEY_ID = "AKIA" + "Q3XW7RT2LMNB5CKD"
AWS_SECRET_KEY = "wJbV9xK2mTqLr7Zp" + "+3Hn/8YcDfGsAeRtUvWx4Q1k"
GITHUB_TOKEN = "ghp_" + "x7Kq2mWv9ZrT4bNc8LpYs3HdJf6GaQeU1oRi"
SLACK_TOKEN = "xoxb-" + "2718281828-3141592653-qWeRtYuIoPaSdFgH"
PEM = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----"

# The tools that publish these rules; each case names the one whose own test or text it follows, or the evasion.
CHECKOV_SG = "Checkov CKV_AWS_24/25/277 (tests/terraform/checks/resource/aws)"
CHECKOV_IAM = "Checkov CKV_AWS_62/63"
CHECKOV_SECRETS = "Checkov CKV_AWS_45/46"
PROWLER = "Prowler no_secrets_in_variables, no_environment_secrets, secrets_user_data"
CIS = "CIS AWS Foundations 5.3, 5.4, 1.16"
IAM_GRAMMAR = "IAM reference: policy grammar, Action and its wildcards"
EVASION = "evasion of the rule as others write it"


@dataclass(frozen=True)
class Case:
    """One resource and the verdict it must get. `path` is where a failure or an undecided value must be reported."""

    control: str
    name: str
    verdict: Literal["fail", "pass", "unknown"]
    type: str
    properties: Properties
    source: str
    path: str = ""


def _group(*rules: Properties) -> Properties:
    return {"ingress": [{"fromPort": 22, "toPort": 22, "protocol": "tcp", **rule} for rule in rules]}


def _allow(action: object, resource: object = "*", **more: object) -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource} | more
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _containers(name: str, value: str) -> str:
    return json.dumps([{"name": "web", "image": "web", "environment": [{"name": name, "value": value}]}])


def _lambda(**variables: Plain) -> Properties:
    return {"environment": {"variables": variables}}


def _build(**variable: Plain) -> Properties:
    return {"environment": {"environmentVariables": [variable]}}


EVERYTHING = ipaddress.IPv4Network("0.0.0.0/0")
SIXTY_FOURTHS: list[Properties] = [{"cidrBlocks": [f"{first}.0.0.0/6"]} for first in range(32, 64, 4)]
PUNCHED_RANGES: list[Plain] = [
    str(each) for each in EVERYTHING.address_exclude(ipaddress.IPv4Network("203.0.113.7/32"))
]

INGRESS = "no-world-ingress"
ADMIN = "no-admin-wildcard"
LITERAL = "no-literal-credentials"

CASES: tuple[Case, ...] = (
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
    # 15. No admin `*`
    Case(ADMIN, "star on star", "fail", POLICY, {"policy": _allow("*")}, CHECKOV_IAM, "policy.Statement[0].Action"),
    Case(
        ADMIN,
        "star in a list",
        "fail",
        ROLE_POLICY,
        {"policy": _allow(["s3:GetObject", "*"], ["*"])},
        CHECKOV_IAM,
        "policy.Statement[0].Action[1]",
    ),
    Case(ADMIN, "question mark star", "fail", USER_POLICY, {"policy": _allow("?*")}, EVASION),
    Case(ADMIN, "star colon star", "fail", GROUP_POLICY, {"policy": _allow("*:*")}, CIS),
    Case(ADMIN, "wildcards only", "fail", POLICY, {"policy": _allow("??*:?*")}, IAM_GRAMMAR),
    Case(
        ADMIN,
        "wildcards that add up",
        "fail",
        POLICY,
        {"policy": _allow([f"*:{letter}*" for letter in "abcdefghijklmnopqrstuvwxyz"])},
        EVASION,
    ),
    Case(
        ADMIN,
        "star action on one bucket",
        "fail",
        POLICY,
        {"policy": _allow("*", "arn:aws:s3:::b/*")},
        "Checkov CKV_AWS_63",
    ),
    Case(
        ADMIN,
        "star action, resource left out",
        "fail",
        POLICY,
        {"policy": json.dumps({"Statement": {"Effect": "Allow", "Action": "*"}})},
        EVASION,
    ),
    Case(
        ADMIN,
        "inline policy of a role",
        "fail",
        ROLE,
        {"inlinePolicies": [{"name": "a", "policy": _allow("s3:GetObject")}, {"name": "b", "policy": _allow("*")}]},
        CHECKOV_IAM,
        "inlinePolicies[1].policy.Statement[0].Action",
    ),
    Case(
        ADMIN,
        "document as a mapping, one statement, odd case",
        "fail",
        POLICY,
        {"policy": {"statement": {"effect": "allow", "action": "*", "resource": "*"}}},
        "IAM reads effect and action ignoring case",
    ),
    Case(
        ADMIN,
        "second statement",
        "fail",
        POLICY,
        {
            "policy": json.dumps(
                {
                    "Statement": [
                        {"Effect": "Deny", "Action": "*", "Resource": "*"},
                        {"Effect": "Allow", "Action": ["*"], "Resource": ["*"]},
                    ]
                }
            )
        },
        CHECKOV_IAM,
    ),
    Case(ADMIN, "not JSON", "fail", POLICY, {"policy": "Allow everything"}, "fail closed", "policy"),
    Case(
        ADMIN,
        "a key given twice",
        "fail",
        POLICY,
        {"policy": '{"Statement": {"Effect": "Allow", "Action": "*", "Action": "s3:Get*"}}'},
        EVASION,
    ),
    Case(
        ADMIN,
        "named actions",
        "pass",
        POLICY,
        {"policy": _allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::b/*")},
        CHECKOV_IAM,
    ),
    Case(ADMIN, "all of one service", "pass", POLICY, {"policy": _allow("s3:*")}, "near miss: another control's"),
    Case(
        ADMIN,
        "reading everywhere",
        "pass",
        POLICY,
        {"policy": _allow(["*:Get*", "*:List*", "*:Describe*"])},
        "near miss",
    ),
    Case(
        ADMIN,
        "denying everything",
        "pass",
        POLICY,
        {"policy": json.dumps({"Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})},
        CHECKOV_IAM,
    ),
    Case(
        ADMIN,
        "one action on every resource",
        "pass",
        POLICY,
        {"policy": _allow("ecr:GetAuthorizationToken")},
        "ECR: allows no resource",
    ),
    Case(
        ADMIN,
        "NotAction",
        "pass",
        POLICY,
        {"policy": json.dumps({"Statement": {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}})},
        "control 16",
    ),
    Case(
        ADMIN,
        "role without inline policies",
        "pass",
        ROLE,
        {"assumeRolePolicy": _allow("sts:AssumeRole")},
        "positive control",
    ),
    Case(ADMIN, "document not known", "unknown", POLICY, {"policy": UNKNOWN}, "preview", "policy"),
    Case(
        ADMIN,
        "inline document not known",
        "unknown",
        ROLE,
        {"inlinePolicies": [{"name": "a", "policy": UNKNOWN}]},
        "preview",
        "inlinePolicies[0].policy",
    ),
    Case(
        ADMIN,
        "one action not known",
        "unknown",
        POLICY,
        {"policy": {"Statement": [{"Effect": "Allow", "Action": ["s3:GetObject", UNKNOWN]}]}},
        "preview",
        "policy.Statement[0].Action[1]",
    ),
    Case(
        ADMIN,
        "effect not known",
        "unknown",
        POLICY,
        {"policy": {"Statement": [{"Effect": UNKNOWN, "Action": "*"}]}},
        "preview",
        "policy.Statement[0].Effect",
    ),
    # 33. No literal credentials
    Case(
        LITERAL,
        "AWS key id",
        "fail",
        FUNCTION,
        _lambda(CLIENT=AWS_KEY_ID),
        CHECKOV_SECRETS,
        "environment.variables.CLIENT",
    ),
    Case(
        LITERAL, "AWS documentation key id", "fail", FUNCTION, _lambda(KEY="AKIA" + "IOSFODNN7EXAMPLE"), CHECKOV_SECRETS
    ),
    Case(LITERAL, "AWS secret key", "fail", FUNCTION, _lambda(AWS_SECRET_ACCESS_KEY=AWS_SECRET_KEY), CHECKOV_SECRETS),
    Case(
        LITERAL,
        "password in a URL",
        "fail",
        FUNCTION,
        _lambda(DATABASE_URL="postgresql://app:" + "hunter22@db/app"),
        "detect-secrets BasicAuthDetector",
    ),
    Case(LITERAL, "short password", "fail", FUNCTION, _lambda(dbPassword="hunter2"), PROWLER),
    Case(
        LITERAL,
        "GitHub token",
        "fail",
        TASK,
        {"containerDefinitions": _containers("CHECKOUT", GITHUB_TOKEN)},
        PROWLER,
        "containerDefinitions[0].environment[0].value",
    ),
    Case(
        LITERAL,
        "containers as a list",
        "fail",
        TASK,
        {"containerDefinitions": [{"environment": [{"name": "X", "value": SLACK_TOKEN}]}]},
        PROWLER,
    ),
    Case(
        LITERAL,
        "random value under a key's name",
        "fail",
        TASK,
        {"containerDefinitions": _containers("SIGNING_KEY", "9f86d081884c7d65" + "9a2feaa0c55ad015")},
        "detect-secrets KeywordDetector",
    ),
    Case(
        LITERAL,
        "token on the command line",
        "fail",
        TASK,
        {"containerDefinitions": json.dumps([{"command": ["sh", "-c", f"run --as {GITHUB_TOKEN}"]}])},
        EVASION,
    ),
    Case(
        LITERAL,
        "containers not JSON",
        "fail",
        TASK,
        {"containerDefinitions": "[{"},
        "fail closed",
        "containerDefinitions",
    ),
    Case(
        LITERAL,
        "private key in user data",
        "fail",
        INSTANCE,
        {"userData": f"#!/bin/sh\ncat > k <<X\n{PEM}\nX\n"},
        CHECKOV_SECRETS,
        "userData",
    ),
    Case(
        LITERAL,
        "assignment in user data",
        "fail",
        INSTANCE,
        {"userData": f"#!/bin/sh\nexport AWS_SECRET_ACCESS_KEY='{AWS_SECRET_KEY}'\n"},
        CHECKOV_SECRETS,
    ),
    Case(
        LITERAL,
        "user data in base64",
        "fail",
        INSTANCE,
        {"userDataBase64": base64.b64encode(f"K={AWS_KEY_ID}".encode()).decode()},
        EVASION,
        "userDataBase64",
    ),
    Case(
        LITERAL,
        "user data packed",
        "fail",
        INSTANCE,
        {"userDataBase64": base64.b64encode(gzip.compress(PEM.encode())).decode()},
        EVASION,
    ),
    Case(
        LITERAL,
        "build variable",
        "fail",
        PROJECT,
        _build(name="X", value=SLACK_TOKEN, type="PLAINTEXT"),
        PROWLER,
        "environment.environmentVariables[0].value",
    ),
    Case(
        LITERAL,
        "build variable without type",
        "fail",
        PROJECT,
        _build(name="NPM_PASSWORD", value="tr0ub4dor&3"),
        PROWLER,
    ),
    Case(
        LITERAL,
        "ordinary settings",
        "pass",
        FUNCTION,
        _lambda(STAGE="build", PORT="8080", REGION="eu-central-1"),
        CHECKOV_SECRETS,
    ),
    Case(
        LITERAL,
        "references",
        "pass",
        FUNCTION,
        _lambda(
            DB_PASSWORD="arn:aws:secretsmanager:eu-central-1:123456789012:secret:db-AbC123",
            API_TOKEN="${TOKEN}",
            AUTH="{{resolve:secretsmanager:db:SecretString:password}}",
            SMTP_PASSWORD="/run/secrets/smtp",
        ),
        PROWLER,
    ),
    Case(
        LITERAL,
        "placeholders",
        "pass",
        FUNCTION,
        _lambda(DB_PASSWORD="changeme", API_KEY="<your key here>", TOKEN="xxxxxxxxxxxxxxxxxxxxxxxx"),
        PROWLER,
    ),
    Case(
        LITERAL,
        "about credentials, not one",
        "pass",
        FUNCTION,
        _lambda(
            PASSWORD_MIN_LENGTH="12",
            TOKEN_URL="https://id.example/oauth2/token",
            SECRET_NAME="links/db-2",
            TOKEN_TTL="3600",
            CSRF_TOKEN="X-Csrf-Token-Header",
            REQUIRE_PASSWORD="true",
        ),
        "near miss",
    ),
    Case(
        LITERAL,
        "digest and uuid under plain names",
        "pass",
        FUNCTION,
        _lambda(IMAGE_DIGEST="sha256:" + "9f86d081" * 8, REQUEST="550e8400-e29b-41d4-a716-446655440000"),
        "near miss",
    ),
    Case(
        LITERAL,
        "valueFrom",
        "pass",
        TASK,
        {
            "containerDefinitions": json.dumps(
                [
                    {
                        "name": "web",
                        "secrets": [
                            {
                                "name": "DB_PASSWORD",
                                "valueFrom": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:db",
                            }
                        ],
                    }
                ]
            )
        },
        PROWLER,
    ),
    Case(
        LITERAL,
        "user data that fetches",
        "pass",
        INSTANCE,
        {"userData": "PASSWORD=$(aws secretsmanager get-secret-value --secret-id db)\nexport DB_PASSWORD=${PASSWORD}"},
        CHECKOV_SECRETS,
    ),
    Case(LITERAL, "token template", "pass", INSTANCE, {"userData": "# TOKEN looks like ghp_" + "x" * 36}, "near miss"),
    Case(
        LITERAL,
        "build variable by reference",
        "pass",
        PROJECT,
        _build(name="NPM_TOKEN", value="npm:tok3n-9f86d081884c7d65", type="SECRETS_MANAGER"),
        PROWLER,
    ),
    Case(
        LITERAL,
        "variable not known",
        "unknown",
        FUNCTION,
        _lambda(DB_PASSWORD=UNKNOWN),
        "preview",
        "environment.variables.DB_PASSWORD",
    ),
    Case(
        LITERAL,
        "containers not known",
        "unknown",
        TASK,
        {"containerDefinitions": UNKNOWN},
        "preview",
        "containerDefinitions",
    ),
    Case(LITERAL, "user data not known", "unknown", INSTANCE, {"userData": UNKNOWN}, "preview", "userData"),
    Case(
        LITERAL,
        "build variable not known",
        "unknown",
        PROJECT,
        {"environment": {"environmentVariables": [{"name": "X", "value": UNKNOWN}]}},
        "preview",
    ),
)
