"""What a proxy lets itself be asked for is bounded, and what it records holds no message and no secret."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aws_place import REGION
from aws_raw import Raw
from grant_waits import wait_for

from access.aws.orders import Begin, Document, Happened, Open, Resource, Rights, Upstream
from access.aws.process import AwsProxy
from access.aws.redaction import redacted
from access.aws.refusals import Refused
from access.aws.signatures import Seen
from access.certificates import certificate
from factory.cloud_access import VERSION
from factory.errors import MillwrightError
from factory.settings import LOCAL_ACCOUNT

QUEUE = f"arn:aws:sqs:{REGION}:{LOCAL_ACCOUNT}:jobs"
URL = f"https://sqs.{REGION}.amazonaws.com/{LOCAL_ACCOUNT}/jobs"
ROLE = f"arn:aws:iam::{LOCAL_ACCOUNT}:role/links-build-coder"
KEY, SECRET = "MWGAABCDEFGHIJKLMNOP", "s" * 44
READ = {"Effect": "Allow", "Action": ["sqs:GetQueueAttributes"], "Resource": [QUEUE]}
SMALL = (
    sys.executable,
    "-P",
    "-c",
    "import asyncio; from access.aws.serve import serve; from access.aws.limits import Limits; "
    "asyncio.run(serve(Limits(grant_refusals=4, refusals_told=2, body_bytes=2_000)))",
)


def document(*statements: dict[str, Any]) -> Document:
    return Document(name="test", document={"Version": VERSION, "Statement": list(statements)})


def order(grant: str = "g1", **other: Any) -> Open:
    told = {
        "grant": grant,
        "key_id": KEY,
        "secret": SECRET,
        "service": "sqs",
        # Nothing listens there.
        "upstream": Upstream(
            endpoint="http://127.0.0.1:9", account=LOCAL_ACCOUNT, region=REGION, key_id=LOCAL_ACCOUNT, secret="local"
        ),
        "rights": Rights(
            session=f"arn:aws:sts::{LOCAL_ACCOUNT}:assumed-role/links-build-coder/mw_1",
            issuer=ROLE,
            identity=[document(READ)],
            granted=document(READ),
        ),
        "resources": [Resource(arn=QUEUE, name=URL)],
        "app": "links",
        "principal": "agent:links/coder/1",
    }
    return Open(**{**told, **other})


@dataclass
class Small:
    """A proxy with small limits, without a broker."""

    proxy: AwsProxy
    raw: Raw
    happened: list[Happened] = field(default_factory=list)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    files, happened = certificate(tmp_path / "access", datetime.now(UTC)), []
    proxy = AwsProxy(tmp_path / "proxy.log", happened.append, SMALL)
    port = proxy.start(Begin(recordings=tmp_path / "recordings", certificate=files.certificate, key=files.key))
    told = {
        "AWS_ENDPOINT_URL": f"https://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_CA_BUNDLE": str(files.certificate),
    }
    try:
        yield Small(proxy, Raw(told, URL), happened)
    finally:
        proxy.stop()


def test_a_grant_whose_calls_are_refused_over_and_over_is_closed_and_a_stranger_closes_none(small: Small) -> None:
    small.proxy.open(order())
    for _ in range(6):
        assert small.raw.send(sent=b"{}")[1] == "SignatureDoesNotMatch"
    # It got as far as to the cloud, which is not there.
    assert small.raw.send()[1] == "ServiceUnavailable"
    for _ in range(3):
        assert small.raw.send("PurgeQueue")[1] == "AccessDenied"
    wait_for(lambda: [each for each in small.happened if each.happened == "grant_spent"])
    wait_for(lambda: small.raw.send()[1] == "InvalidClientTokenId")
    small.proxy.stop()
    told = [each for each in small.happened if each.happened == "call_refused"]
    # The first by themselves, of the others how many there were.
    assert [each.more > 0 for each in told] == [False, False, True]
    assert {each.grant for each in told} == {"g1"}


def test_a_body_that_is_too_large_is_not_read_on(small: Small) -> None:
    small.proxy.open(order())
    assert small.raw.send(body=b" " * 2_001)[:2] == (413, "RequestEntityTooLarge")
    assert small.raw.send(body=b" " * 1_900 + b"{}")[1] == "ValidationException"


def test_documents_that_are_none_let_nobody_in(small: Small) -> None:
    rights = order().rights.model_copy(update={"granted": document({"Effect": "Allow"})})
    with pytest.raises(MillwrightError, match="2 mistakes"):
        small.proxy.open(order(rights=rights))
    assert small.raw.send()[1] == "InvalidClientTokenId"
    small.proxy.open(order())
    assert small.raw.send()[1] == "ServiceUnavailable"


def test_a_grant_that_is_told_anew_has_its_new_rights(small: Small) -> None:
    small.proxy.open(order())
    assert small.raw.send()[1] == "ServiceUnavailable"
    denying = document(READ, {"Effect": "Deny", "Action": "*", "Resource": "*"})
    small.proxy.open(order(rights=order().rights.model_copy(update={"identity": [denying]})))
    assert small.raw.send()[1] == "AccessDenied"
    with pytest.raises(MillwrightError, match="another grant with this key"):
        small.proxy.open(order("g2"))


def test_a_queues_own_policy_forbids_and_allows_nothing(small: Small) -> None:
    everybody = {"Principal": "*", "Action": "sqs:*", "Resource": QUEUE}
    allowing = Resource(arn=QUEUE, name=URL, policy=document({"Effect": "Allow", **everybody}))
    small.proxy.open(order(resources=[allowing]))
    assert small.raw.send("SendMessage", {"QueueUrl": URL, "MessageBody": "x"})[1] == "AccessDenied"
    assert small.raw.send()[1] == "ServiceUnavailable"
    denying = Resource(arn=QUEUE, name=URL, policy=document({"Effect": "Deny", **everybody}))
    small.proxy.open(order(resources=[denying]))
    assert small.raw.send()[1] == "AccessDenied"


def test_a_signature_comes_again_for_a_moment_only() -> None:
    seen = Seen(5, 600)
    seen.check("a", 100.0)
    seen.check("a", 104.9)
    with pytest.raises(Refused, match="copy"):
        seen.check("a", 105.1)
    seen.check("b", 105.1)
    # What is older than any call that would be taken is forgotten.
    seen.check("c", 701.0)
    seen.check("a", 701.0)


def test_what_messages_hold_and_what_is_secret_is_not_recorded() -> None:
    said = redacted(
        {
            "QueueUrl": URL,
            "Entries": [{"Id": "1", "MessageBody": "body", "MessageAttributes": {"a": {"StringValue": "value"}}}] * 60,
            "SecretString": "secret",
            "NextToken": "page",
            "Label": "l" * 5_000,
        },
        4_096,
    )
    written = json.dumps(said)
    assert all(text not in written for text in ('"body"', '"value"', '"secret"', "lllll"))
    assert (said["QueueUrl"], said["NextToken"], said["Label"]["bytes"]) == (URL, "page", 5_000)
    assert (len(said["Entries"]), said["Entries"][0]["MessageBody"]["bytes"]) == (51, 4)
