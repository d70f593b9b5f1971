"""A queue's grant whole, on real parts: asked for, used by boto3 as it is, recorded, and ended while it is used."""

import json
from collections.abc import Iterator

import pytest
from aws_place import AwsPlace, aws_place
from botocore.exceptions import ClientError
from grant_waits import wait_for

from access.grants import State

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsPlace]:
    with aws_place(tmp_path_factory.mktemp("aws")) as made:
        yield made


def test_what_is_asked_for_is_used_recorded_ended_and_told(place: AwsPlace) -> None:
    given = place.given()
    sqs = place.boto(given)
    sent = sqs.send_message(QueueUrl=place.url, MessageBody="a-message-with-a-secret")
    (message,) = sqs.receive_message(QueueUrl=place.url)["Messages"]
    assert (message["Body"], message["MessageId"]) == ("a-message-with-a-secret", sent["MessageId"])
    sqs.delete_message(QueueUrl=place.url, ReceiptHandle=message["ReceiptHandle"])
    records = place.records(given.grant)
    calls = [each for each in records if each["kind"] == "call"]
    assert [each["operation"] for each in calls] == ["SendMessage", "ReceiveMessage", "DeleteMessage"]
    assert calls[0]["parameters"]["MessageBody"]["bytes"] == len("a-message-with-a-secret")
    assert "secret" not in json.dumps(calls)
    assert "session policy" in calls[0]["decision"]
    assert "permissions boundary" in calls[0]["decision"]
    outcomes = [each for each in records if each["kind"] == "outcome"]
    assert [(each["status"], each["error"]) for each in outcomes] == [(200, "")] * 3
    place.end(given)
    assert place.place.state(given.grant) is State.ENDED
    with pytest.raises(ClientError) as refused:
        sqs.receive_message(QueueUrl=place.url)
    assert refused.value.response["Error"]["Code"] == "InvalidClientTokenId"
    (ended,) = wait_for(lambda: place.told("session.ended", given.grant))
    assert (ended.app, ended.properties["calls"]) == ("tally", 3)
    assert wait_for(lambda: place.told("call.refused", given.grant))[0].properties["reason"] == "credentials"
