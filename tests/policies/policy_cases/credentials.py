"""Cases of the controls of secrets.

Token-like values are put together from parts, so that no scanner takes this file for a leak. None was ever issued.
"""

import base64
import gzip
import json

from policies import UNKNOWN
from policies.model import Plain, Properties

from .case import EVASION, Case

FUNCTION = "aws:lambda/function:Function"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
INSTANCE = "aws:ec2/instance:Instance"
PROJECT = "aws:codebuild/project:Project"
CHECKOV_SECRETS = "Checkov CKV_AWS_45/46"
PROWLER = "Prowler no_secrets_in_variables, no_environment_secrets, secrets_user_data"
LITERAL = "no-literal-credentials"

AWS_KEY_ID = "AKIA" + "Q3XW7RT2LMNB5CKD"
AWS_SECRET_KEY = "wJbV9xK2mTqLr7Zp" + "+3Hn/8YcDfGsAeRtUvWx4Q1k"
GITHUB_TOKEN = "ghp_" + "x7Kq2mWv9ZrT4bNc8LpYs3HdJf6GaQeU1oRi"
SLACK_TOKEN = "xoxb-" + "2718281828-3141592653-qWeRtYuIoPaSdFgH"
PEM = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----"


def _containers(name: str, value: str) -> str:
    return json.dumps([{"name": "web", "image": "web", "environment": [{"name": name, "value": value}]}])


def _lambda(**variables: Plain) -> Properties:
    return {"environment": {"variables": variables}}


def _build(**variable: Plain) -> Properties:
    return {"environment": {"environmentVariables": [variable]}}


CASES: tuple[Case, ...] = (
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
