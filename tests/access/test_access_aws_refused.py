"""What the AWS proxy refuses: each by AWS's own code, told of the grant, never sent on, beside what passes."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from aws_place import OTHER, REGION, AwsPlace, aws_place
from aws_raw import raw_of
from grant_waits import wait_for

from access.grants import Given
from factory.settings import LOCAL_ACCOUNT
from factory.spec import Scope

pytestmark = pytest.mark.engine
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsPlace]:
    with aws_place(tmp_path_factory.mktemp("aws")) as made:
        yield made


@pytest.fixture(scope="module")
def given(place: AwsPlace) -> Given:
    return place.given(Scope.ADMIN)


def told(place: AwsPlace, given: Given) -> list[str]:
    return [each.properties["reason"] for each in place.told("call.refused", given.grant)]


FOREIGN = f"https://sqs.{REGION}.amazonaws.com/{LOCAL_ACCOUNT}/{OTHER}"
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "no signature": ({"unsigned": {"authorization": ""}}, "MissingAuthenticationToken", ""),
    "a signature of another version": (
        {"unsigned": {"authorization": "AWS AKIAIOSFODNN7EXAMPLE:abc"}},
        "IncompleteSignature",
        "",
    ),
    "another body than the signed one": ({"sent": b'{"QueueUrl": "x"}'}, "SignatureDoesNotMatch", "credentials"),
    "another operation than the signed one": (
        {"unsigned": {"x-amz-target": "AmazonSQS.PurgeQueue"}},
        "SignatureDoesNotMatch",
        "credentials",
    ),
    "a header of AWS's that is not signed": (
        {"unsigned": {"x-amzn-query-mode": "true"}},
        "SignatureDoesNotMatch",
        "",
    ),
    "a session token": ({"signed": {"x-amz-security-token": "t"}}, "InvalidRequest", ""),
    "a header that nobody knows": ({"signed": {"x-amz-acl": "public-read"}}, "InvalidRequest", ""),
    "an unsigned body": ({"signed": {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}}, "InvalidRequest", "request"),
    "a streamed body": (
        {"signed": {"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}},
        "InvalidRequest",
        "request",
    ),
    "an encoded body": ({"unsigned": {"content-encoding": "aws-chunked"}}, "InvalidRequest", ""),
    "a presigned URL": ({"path": "/?X-Amz-Signature=00"}, "InvalidRequest", ""),
    "a query": ({"path": "/?Action=PurgeQueue"}, "InvalidRequest", ""),
    "a path": ({"path": "/123456789012/queue"}, "InvalidRequest", ""),
    "another method": ({"method": "GET"}, "InvalidRequest", ""),
    "another host": ({"unsigned": {"host": f"sqs.{REGION}.amazonaws.com"}}, "InvalidEndpoint", ""),
    "signed an hour ago": ({"ago": 60 * MINUTE}, "RequestExpired", "time"),
    "signed in ten minutes": ({"ago": -10 * MINUTE}, "RequestExpired", "time"),
    "another region": ({"region": "us-east-1"}, "AccessDenied", "host"),
    "another service": (
        {"service": "iam", "prefix": "IAM", "operation": "ListUsers", "parameters": {}},
        "AccessDenied",
        "host",
    ),
    "another service's operation": ({"prefix": "secretsmanager"}, "UnknownOperationException", "operation"),
    "an operation that there is not": ({"operation": "TakeQueue"}, "UnknownOperationException", "operation"),
    "the query protocol": (
        {"signed": {"content-type": "application/x-www-form-urlencoded"}, "body": b"Action=PurgeQueue"},
        "SerializationException",
        "operation",
    ),
    "a key twice": (
        {"body": b'{"QueueUrl": "%s", "QueueUrl": "x"}' % FOREIGN.encode()},
        "SerializationException",
        "operation",
    ),
    "a list": ({"body": b"[]"}, "SerializationException", "operation"),
    "nested too deep": ({"body": b"[" * 100_000}, "SerializationException", "operation"),
    "a key in other letters": ({"parameters": {"queueurl": FOREIGN}}, "ValidationException", "operation"),
    "another type": ({"parameters": {"QueueUrl": [FOREIGN]}}, "ValidationException", "operation"),
    "too large a body": ({"body": b" " * 3_000_000}, "RequestEntityTooLarge", ""),
    "another app's queue": ({"parameters": {"QueueUrl": FOREIGN}}, "AccessDenied", "policy"),
    "another account's queue": (
        {"parameters": {"QueueUrl": f"https://sqs.{REGION}.amazonaws.com/210987654321/tally-build-queue"}},
        "AccessDenied",
        "policy",
    ),
    "a queue at another host": (
        {"parameters": {"QueueUrl": f"https://example.com/{LOCAL_ACCOUNT}/tally-build-queue"}},
        "AccessDenied",
        "policy",
    ),
    "a queue's address with more in it": (
        {"parameters": {"QueueUrl": f"{FOREIGN}#/{LOCAL_ACCOUNT}/tally-build-queue"}},
        "AccessDenied",
        "policy",
    ),
    "all queues": ({"operation": "ListQueues", "parameters": {}}, "AccessDenied", "policy"),
    "a new queue": (
        {"operation": "CreateQueue", "parameters": {"QueueName": "tally-build-queue"}},
        "AccessDenied",
        "policy",
    ),
    "to let others in": (
        {
            "operation": "AddPermission",
            "parameters": {"QueueUrl": "", "Label": "a", "AWSAccountIds": ["210987654321"], "Actions": ["*"]},
        },
        "AccessDenied",
        "policy",
    ),
    "to let others in by a policy": (
        {"operation": "SetQueueAttributes", "parameters": {"QueueUrl": "", "Attributes": {"Policy": "{}"}}},
        "AccessDenied",
        "policy",
    ),
    "to move messages to another queue": (
        {
            "operation": "StartMessageMoveTask",
            "parameters": {
                "SourceArn": f"arn:aws:sqs:{REGION}:{LOCAL_ACCOUNT}:tally-build-queue-put-aside",
                "DestinationArn": f"arn:aws:sqs:{REGION}:{LOCAL_ACCOUNT}:{OTHER}",
            },
        },
        "AccessDenied",
        "policy",
    ),
}
# These are refused before anybody knows whose they are.
NOBODYS = ("no signature", "a signature of another version")


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_by_its_code_and_told(name: str, place: AwsPlace, given: Given) -> None:
    asked, code, reason = REFUSED[name]
    raw = raw_of(place, given)
    if asked.get("parameters", {}).get("QueueUrl") == "":
        asked = {**asked, "parameters": {**asked["parameters"], "QueueUrl": place.url}}
    sent = len([each for each in place.records(given.grant) if "decision" in each])
    before = len(told(place, given))
    status, found, message = raw.send(**asked)
    assert (found, status >= 400) == (code, True), message
    assert len([each for each in place.records(given.grant) if "decision" in each]) == sent
    assert raw.send()[0] == 200
    if name not in NOBODYS:
        found_reason = wait_for(lambda: told(place, given)[before:])[0]
        assert reason in ("", found_reason)
        place.place.logged("call.refused", reason=found_reason, grant=given.grant.id)
    if reason == "policy":
        assert any(each.get("code") == code for each in place.records(given.grant))
