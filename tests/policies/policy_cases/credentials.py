"""Cases of the controls of secrets.

Token-like values are put together from parts, so that no scanner takes this file for a leak. None was ever issued.
"""

import base64
import gzip
import json

from policies import UNKNOWN
from policies.model import Plain, Properties

from .case import EVASION, OWN_ACCOUNT, Case, thing, urn

FUNCTION = "aws:lambda/function:Function"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
INSTANCE = "aws:ec2/instance:Instance"
PROJECT = "aws:codebuild/project:Project"
CHECKOV_SECRETS = "Checkov CKV_AWS_45/46"
PROWLER = "Prowler no_secrets_in_variables, no_environment_secrets, secrets_user_data"
LITERAL = "no-literal-credentials"
SECRET = "aws:secretsmanager/secret:Secret"
PARAMETER = "aws:ssm/parameter:Parameter"
OWN_KEY = "customer-managed-key"
CKV_SECRET = "Checkov CKV_AWS_149: aws_secretsmanager_secret with a key that is not AWS's"
CKV_PARAMETER = "Checkov CKV_AWS_337: SecureString with a key of one's own"
KEY_ARN = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"

AWS_KEY_ID = "AKIA" + "Q3XW7RT2LMNB5CKD"
AWS_SECRET_KEY = "wJbV9xK2mTqLr7Zp" + "+3Hn/8YcDfGsAeRtUvWx4Q1k"
GITHUB_TOKEN = "ghp_" + "x7Kq2mWv9ZrT4bNc8LpYs3HdJf6GaQeU1oRi"
SLACK_TOKEN = "xoxb-" + "2718281828-3141592653-qWeRtYuIoPaSdFgH"
PEM = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----"


CI_ENCRYPTED = "ci-secrets-encrypted"
CI_SECRETS = (
    "github:index/actionsSecret:ActionsSecret",
    "github:index/actionsEnvironmentSecret:ActionsEnvironmentSecret",
    "github:index/actionsOrganizationSecret:ActionsOrganizationSecret",
    "github:index/codespacesSecret:CodespacesSecret",
    "github:index/codespacesOrganizationSecret:CodespacesOrganizationSecret",
    "github:index/dependabotSecret:DependabotSecret",
    "github:index/dependabotOrganizationSecret:DependabotOrganizationSecret",
)
CKV_GIT = "Checkov CKV_GIT_4 (GithubSecrets): plaintext_value"
SEALED = "c2VhbGVkLWJ5LWxpYnNvZGl1bQ=="

ROTATED = "secrets-rotated"
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"
ROTATION = "aws:secretsmanager/secretRotation:SecretRotation"
CKV_ROTATION = "Checkov CKV2_AWS_57; AWS Security Hub SecretsManager.1, SecretsManager.4"

OF_APP = "secrets-of-own-app"
SECRET_POLICY = "aws:secretsmanager/secretPolicy:SecretPolicy"
HOLDERS = (
    "aws:iam/policy:Policy",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/userPolicy:UserPolicy",
    "aws:iam/groupPolicy:GroupPolicy",
)
ROLE = "aws:iam/role:Role"
GCP_ONE = tuple(
    f"gcp:secretmanager/{name[0].lower()}{name[1:]}:{name}" for name in ("SecretIamMember", "RegionalSecretIamMember")
)
GCP_SOME = tuple(
    f"gcp:secretmanager/{name[0].lower()}{name[1:]}:{name}" for name in ("SecretIamBinding", "RegionalSecretIamBinding")
)
RESTRICTIVE = "Prowler secretsmanager_has_restrictive_resource_policy"
LEAST = "AWS Secrets Manager, Identity-based policies: name the secrets"
CIS_MEMBERS = "Google Cloud, Secret Manager best practices: access to single secrets"
ACCESSOR = "roles/secretmanager.secretAccessor"
SECRETS_ARN = f"arn:aws:secretsmanager:eu-central-1:{OWN_ACCOUNT}:secret:"


def _lets(principal: Plain, action: str = "secretsmanager:GetSecretValue") -> Properties:
    statement: Plain = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": "*"}
    return {"secretArn": f"{SECRETS_ARN}links/build/db", "policy": json.dumps({"Statement": statement})}


def _may_read(resource: str, action: str = "secretsmanager:GetSecretValue") -> str:
    return json.dumps({"Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]})


def _service_account(name: str, project: str = "acme-links-build") -> str:
    # Put together: what has this form is an address.
    return f"serviceAccount:{name}" + "@" + f"{project}.iam.gserviceaccount.com"


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
    # 36. Customer-managed key
    Case(OWN_KEY, "no key", "fail", SECRET, {"name": "links/build/db"}, CKV_SECRET, "kmsKeyId"),
    Case(
        OWN_KEY, "AWS's own by alias", "fail", SECRET, {"kmsKeyId": "alias/aws/secretsmanager"}, CKV_SECRET, "kmsKeyId"
    ),
    Case(
        OWN_KEY,
        "AWS's own by ARN",
        "fail",
        SECRET,
        {"kmsKeyId": "arn:aws:kms:eu-central-1:123456789012:alias/aws/secretsmanager"},
        EVASION,
    ),
    Case(OWN_KEY, "empty", "fail", SECRET, {"kmsKeyId": " "}, EVASION),
    Case(
        OWN_KEY,
        "a replica without",
        "fail",
        SECRET,
        {"kmsKeyId": KEY_ARN, "replicas": [{"region": "eu-west-1"}]},
        EVASION,
        "replicas[0].kmsKeyId",
    ),
    Case(OWN_KEY, "secure parameter without", "fail", PARAMETER, {"type": "SecureString"}, CKV_PARAMETER, "keyId"),
    Case(
        OWN_KEY,
        "secure parameter with the default",
        "fail",
        PARAMETER,
        {"type": "SecureString", "keyId": "alias/aws/ssm"},
        CKV_PARAMETER,
        "keyId",
    ),
    Case(OWN_KEY, "key of one's own", "pass", SECRET, {"kmsKeyId": KEY_ARN}, CKV_SECRET),
    Case(OWN_KEY, "alias of one's own", "pass", SECRET, {"kmsKeyId": "alias/links-build"}, CKV_SECRET),
    Case(
        OWN_KEY,
        "replica with a key there",
        "pass",
        SECRET,
        {"kmsKeyId": KEY_ARN, "replicas": [{"region": "eu-west-1", "kmsKeyId": "alias/links-build"}]},
        "near miss",
    ),
    Case(
        OWN_KEY,
        "secure parameter with one",
        "pass",
        PARAMETER,
        {"type": "SecureString", "keyId": KEY_ARN},
        CKV_PARAMETER,
    ),
    Case(OWN_KEY, "parameter that is no secret", "pass", PARAMETER, {"type": "String", "value": "8080"}, "near miss"),
    Case(OWN_KEY, "key not known", "unknown", SECRET, {"kmsKeyId": UNKNOWN}, "preview", "kmsKeyId"),
    Case(
        OWN_KEY,
        "replicas not known",
        "unknown",
        SECRET,
        {"kmsKeyId": KEY_ARN, "replicas": UNKNOWN},
        "preview",
        "replicas",
    ),
    Case(OWN_KEY, "type not known", "unknown", PARAMETER, {"type": UNKNOWN}, "preview", "type"),
    # 34. CI secrets encrypted
    *(
        Case(
            CI_ENCRYPTED,
            f"plain {type_}",
            "fail",
            type_,
            {"secretName": "DEPLOY", "plaintextValue": "tr0ub4dor&3"},
            CKV_GIT,
            "plaintextValue",
        )
        for type_ in CI_SECRETS
    ),
    Case(CI_ENCRYPTED, "plain by the newer name", "fail", CI_SECRETS[0], {"value": "tr0ub4dor&3"}, EVASION, "value"),
    Case(CI_ENCRYPTED, "encrypted", "pass", CI_SECRETS[0], {"encryptedValue": SEALED, "keyId": "1"}, CKV_GIT),
    Case(CI_ENCRYPTED, "encrypted by the newer name", "pass", CI_SECRETS[1], {"valueEncrypted": SEALED}, CKV_GIT),
    Case(
        CI_ENCRYPTED,
        "empty beside encrypted",
        "pass",
        CI_SECRETS[5],
        {"plaintextValue": "", "encryptedValue": SEALED},
        CKV_GIT,
    ),
    Case(CI_ENCRYPTED, "not known", "unknown", CI_SECRETS[0], {"plaintextValue": UNKNOWN}, "preview", "plaintextValue"),
    # 35. Rotation
    Case(ROTATED, "never", "fail", SECRET, {"name": "links/build/db"}, CKV_ROTATION, "name"),
    Case(
        ROTATED,
        "another secret's",
        "fail",
        SECRET,
        {"name": "links/build/db"},
        CKV_ROTATION,
        "name",
        answered={"id": "arn:1"},
        others=(
            thing(ROTATION, {"secretId": "arn:2", "rotationRules": {"automaticallyAfterDays": 30}}, "rotation"),
            thing(VERSION, {"secretId": "arn:3"}, "version"),
        ),
    ),
    Case(
        ROTATED,
        "once a year",
        "fail",
        ROTATION,
        {"secretId": "arn:1", "rotationRules": {"automaticallyAfterDays": 365}},
        CKV_ROTATION,
        "rotationRules.automaticallyAfterDays",
    ),
    Case(
        ROTATED,
        "on a schedule once a year",
        "fail",
        ROTATION,
        {"secretId": "arn:1", "rotationRules": {"scheduleExpression": "rate(365 days)"}},
        EVASION,
        "rotationRules.scheduleExpression",
    ),
    Case(ROTATED, "no rule", "fail", ROTATION, {"secretId": "arn:1"}, CKV_ROTATION, "rotationRules"),
    Case(
        ROTATED,
        "every month",
        "pass",
        SECRET,
        {"name": "links/build/db"},
        CKV_ROTATION,
        answered={"id": "arn:1"},
        others=(thing(ROTATION, {"secretId": "arn:1", "rotationRules": {"automaticallyAfterDays": 30}}, "rotation"),),
    ),
    Case(
        ROTATED,
        "made by the program",
        "pass",
        SECRET,
        {"name": "links/build/db"},
        "near miss: an update changes it",
        others=(
            thing(
                VERSION,
                {"secretId": UNKNOWN},
                "version",
                property_dependencies={"secretId": (urn(SECRET, "test"),)},
            ),
        ),
    ),
    Case(
        ROTATED,
        "by a cron expression",
        "pass",
        ROTATION,
        {"secretId": "arn:1", "rotationRules": {"scheduleExpression": "cron(0 4 1 * ? *)"}},
        CKV_ROTATION,
    ),
    Case(ROTATED, "rule not known", "unknown", ROTATION, {"rotationRules": UNKNOWN}, "preview", "rotationRules"),
    Case(
        ROTATED,
        "whose rotation is not known",
        "unknown",
        SECRET,
        {"name": "links/build/db"},
        "preview",
        "name",
        others=(thing(VERSION, {"secretId": UNKNOWN}, "version"),),
    ),
    # 37. Readable only by its own app
    Case(OF_APP, "by everyone", "fail", SECRET_POLICY, _lets("*"), RESTRICTIVE),
    Case(
        OF_APP,
        "by another account",
        "fail",
        SECRET_POLICY,
        _lets({"AWS": "arn:aws:iam::999988887777:root"}),
        RESTRICTIVE,
    ),
    Case(
        OF_APP,
        "by another app's role",
        "fail",
        SECRET_POLICY,
        _lets({"AWS": f"arn:aws:iam::{OWN_ACCOUNT}:role/notes-build-web"}, "secretsmanager:*"),
        RESTRICTIVE,
    ),
    *(Case(OF_APP, f"every secret, {type_}", "fail", type_, {"policy": _may_read("*")}, LEAST) for type_ in HOLDERS),
    Case(
        OF_APP,
        "another app's secrets, inline",
        "fail",
        ROLE,
        {"inlinePolicies": [{"name": "reads", "policy": _may_read(f"{SECRETS_ARN}notes/*", "secretsmanager:Get*")}]},
        LEAST,
    ),
    Case(OF_APP, "all secrets by a pattern", "fail", HOLDERS[0], {"policy": _may_read(f"{SECRETS_ARN}*")}, EVASION),
    *(
        Case(
            OF_APP, f"everyone, {type_}", "fail", type_, {"member": "allUsers", "role": ACCESSOR}, CIS_MEMBERS, "member"
        )
        for type_ in GCP_ONE
    ),
    *(
        Case(
            OF_APP,
            f"another app's, {type_}",
            "fail",
            type_,
            {"members": [_service_account("links-web"), _service_account("notes-web")], "role": ACCESSOR},
            CIS_MEMBERS,
            "members[1]",
        )
        for type_ in GCP_SOME
    ),
    Case(
        OF_APP,
        "another project's",
        "fail",
        GCP_ONE[0],
        {"member": _service_account("links-web", "somebody-else"), "role": ACCESSOR},
        CIS_MEMBERS,
        "member",
    ),
    Case(
        OF_APP,
        "by its own role",
        "pass",
        SECRET_POLICY,
        _lets({"AWS": f"arn:aws:iam::{OWN_ACCOUNT}:role/links-build-web"}),
        RESTRICTIVE,
    ),
    Case(
        OF_APP, "described, not read", "pass", SECRET_POLICY, _lets("*", "secretsmanager:DescribeSecret"), "near miss"
    ),
    Case(OF_APP, "its own secrets", "pass", HOLDERS[1], {"policy": _may_read(f"{SECRETS_ARN}links/build/*")}, LEAST),
    Case(
        OF_APP, "every bucket, no secret", "pass", HOLDERS[1], {"policy": _may_read("*", "s3:GetObject")}, "near miss"
    ),
    Case(
        OF_APP,
        "by the tag of the app",
        "pass",
        HOLDERS[0],
        {
            "policy": json.dumps(
                {
                    "Statement": {
                        "Effect": "Allow",
                        "Action": "secretsmanager:GetSecretValue",
                        "Resource": "*",
                        "Condition": {"StringEquals": {"secretsmanager:ResourceTag/app": "links"}},
                    }
                }
            )
        },
        "Secrets Manager, Attribute-based access control",
    ),
    Case(
        OF_APP,
        "its own account",
        "pass",
        GCP_ONE[0],
        {"member": _service_account("links-web"), "role": ACCESSOR},
        CIS_MEMBERS,
    ),
    Case(
        OF_APP,
        "who sees no value",
        "pass",
        GCP_SOME[0],
        {"members": ["group:web"], "role": "roles/secretmanager.viewer"},
        "near miss",
    ),
    Case(OF_APP, "policy not known", "unknown", SECRET_POLICY, {"policy": UNKNOWN}, "preview", "policy"),
    Case(OF_APP, "member not known", "unknown", GCP_ONE[0], {"member": UNKNOWN, "role": ACCESSOR}, "preview", "member"),
)
