"""The stores that all apps share: who may write them, decided by `factory.iam` over the documents that are declared."""

import json
from typing import Any

import pytest
from component_mocks import ACCOUNT, REGION, Declared, declared_factory, declared_platform, spec_of

from factory.iam import Policies, Policy, Principal, Request, ResourceTrust, evaluate, may_ever, parse
from factory.spec import LOG_DAYS, Environment

AUDIT, STATE = f"platform-audit-{ACCOUNT}", f"platform-state-{ACCOUNT}"
TRAIL = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/platform"
LOGGED = f"arn:aws:s3:::{AUDIT}/AWSLogs/{ACCOUNT}/CloudTrail/a.json.gz"
CLOUDTRAIL = Principal.service("cloudtrail.amazonaws.com")
OPERATOR = Principal.of(f"arn:aws:sts::{ACCOUNT}:assumed-role/operators/ann")
APPS = Principal.of(f"arn:aws:sts::{ACCOUNT}:assumed-role/links-staging-web/task")
APPS_TAGS = {"aws:PrincipalTag/managed-by": "millwright", "aws:PrincipalTag/app": "links"}
TLS = {"aws:SecureTransport": "true"}
ADMINISTRATOR = parse(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},
    name="AdministratorAccess",
)
WRITES = ["logs:Put*", "logs:Delete*", "logs:Create*", "logs:Associate*", "logs:Disassociate*", "logs:Tag*"]


@pytest.fixture(scope="module")
def declared() -> list[Declared]:
    return declared_platform()


@pytest.fixture(scope="module")
def policies(declared: list[Declared]) -> dict[str, Policy]:
    """The policy of each bucket, by its logical name, and the key's."""
    found = {r.name: r.inputs["policy"] for r in declared if r.type == "aws:s3/bucketPolicy:BucketPolicy"}
    (key,) = [r.inputs["policy"] for r in declared if r.type == "aws:kms/key:Key"]
    return {name: parse(json.loads(_real(text)), name=name) for name, text in (found | {"key": key}).items()}


def _real(text: str) -> str:
    """The mocks make an ARN of their own for each bucket; these are what S3 would say."""
    made = f"arn:aws:made:{REGION}:{ACCOUNT}:Bucket/platform"
    return text.replace(f"{made}-audit", f"arn:aws:s3:::{AUDIT}").replace(f"{made}-state", f"arn:aws:s3:::{STATE}")


def _allowed(asking: Principal, action: str, resource: str, policy: Policy, **context: Any) -> bool:
    asked = Request(principal=asking, action=action, resource=resource, resource_account=ACCOUNT, context=context)
    identity = [] if asking.account is None else [ADMINISTRATOR]
    return evaluate(asked, Policies(identity=identity, resource=policy)).allowed


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:PutObject", "s3:DeleteObjectVersion"])
@pytest.mark.parametrize(("name", "bucket"), [("platform-audit", AUDIT), ("platform-state", STATE)])
def test_no_role_of_an_app_touches_a_shared_store_even_as_an_administrator(
    name: str, bucket: str, action: str, policies: dict[str, Policy]
) -> None:
    there = f"arn:aws:s3:::{bucket}/a"
    assert not _allowed(APPS, action, there, policies[name], **TLS, **APPS_TAGS)
    assert not _allowed(APPS, "s3:PutBucketPolicy", f"arn:aws:s3:::{bucket}", policies[name], **TLS, **APPS_TAGS)
    assert _allowed(OPERATOR, action, there, policies[name], **TLS)
    # People's own tags are no business of this.
    assert _allowed(OPERATOR, action, there, policies[name], **TLS, **{"aws:PrincipalTag/app": "links"})
    assert not _allowed(OPERATOR, action, there, policies[name], **{"aws:SecureTransport": "false"})


def test_the_trail_of_this_account_writes_and_no_other_does(policies: dict[str, Policy]) -> None:
    own = {"aws:SourceArn": TRAIL, "s3:x-amz-acl": "bucket-owner-full-control", **TLS}
    assert _allowed(CLOUDTRAIL, "s3:PutObject", LOGGED, policies["platform-audit"], **own)
    foreign = own | {"aws:SourceArn": TRAIL.replace(ACCOUNT, "210987654321")}
    assert not _allowed(CLOUDTRAIL, "s3:PutObject", LOGGED, policies["platform-audit"], **foreign)
    assert not _allowed(CLOUDTRAIL, "s3:DeleteObject", LOGGED, policies["platform-audit"], **own)
    assert not _allowed(CLOUDTRAIL, "s3:PutObject", LOGGED, policies["platform-state"], **own)


def test_the_trail_encrypts_with_the_key_and_opens_nothing(policies: dict[str, Policy]) -> None:
    own = {"aws:SourceArn": TRAIL, "kms:EncryptionContext:aws:cloudtrail:arn": TRAIL}

    def may(action: str, **context: str) -> bool:
        asked = Request(principal=CLOUDTRAIL, action=action, resource="*", resource_account=ACCOUNT, context=context)
        return evaluate(asked, Policies(resource=policies["key"], resource_trust=ResourceTrust.EXPLICIT)).allowed

    assert may("kms:GenerateDataKey", **own)
    assert not may("kms:Decrypt", **own)
    assert not may("kms:GenerateDataKey", **own | {"aws:SourceArn": TRAIL.replace(ACCOUNT, "210987654321")})


def test_what_was_recorded_is_locked_for_a_year_before_the_first_record_is_written(declared: list[Declared]) -> None:
    (lock,) = [r for r in declared if r.type.endswith(":BucketObjectLockConfiguration")]
    assert lock.inputs["rule"] == {"defaultRetention": {"mode": "COMPLIANCE", "days": 365}}
    buckets = {r.inputs["bucket"]: r.inputs for r in declared if r.type == "aws:s3/bucket:Bucket"}
    assert {name: told["objectLockEnabled"] for name, told in buckets.items()} == {AUDIT: True, STATE: False}
    assert {told["forceDestroy"] for told in buckets.values()} == {False}
    order = [resource.type.rpartition(":")[2] for resource in declared]
    assert order.index("BucketObjectLockConfiguration") < order.index("Trail")


@pytest.mark.parametrize("environment", Environment)
def test_no_role_of_an_environment_writes_its_audit_trail(environment: Environment) -> None:
    declared = declared_factory(spec_of(retention={"audit": 500}), environment)
    (records,) = [r for r in declared if r.name == f"links-{environment}-audit" and not r.is_component]
    assert records.inputs["retentionInDays"] == 545
    assert records.inputs["retentionInDays"] in LOG_DAYS
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{records.inputs['name']}:*"
    granted = [parse(json.loads(r.inputs["policy"]), name=r.name) for r in declared if "rolePolicy" in r.type]
    assert granted
    for policy in granted:
        assert not any(may_ever(Policies(identity=[policy]), action, group) for action in WRITES), policy.name
    # What is asked can be answered with yes: each starter writes a log of its own.
    assert any(may_ever(Policies(identity=[policy]), "logs:Put*", "*") for policy in granted)
