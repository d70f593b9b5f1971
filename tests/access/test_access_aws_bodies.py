"""What a call's body may hold, so that none takes the proxy's time from everybody, or tells what a message holds."""

import json
from typing import Any

import pytest

from access.aws.asked import Asked, Signed
from access.aws.calls import MOST_VALUES, Call, read
from access.aws.refusals import Refused
from access.aws.resources import Places

QUEUE = "arn:aws:sqs:eu-central-1:000000000000:jobs"
URL = "https://sqs.eu-central-1.amazonaws.com/000000000000/jobs"
PLACES = Places("000000000000", "eu-central-1", {QUEUE: URL}, frozenset({"sqs.eu-central-1.amazonaws.com"}))


def called(operation: str, **parameters: Any) -> Call:
    return raw(operation, json.dumps({"QueueUrl": URL, **parameters}).encode())


def raw(operation: str, body: bytes) -> Call:
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": f"AmazonSQS.{operation}"}
    return read(Asked(headers, Signed("K", "20260101", "eu-central-1", "sqs", (), "")), body, PLACES)


def test_a_full_batch_passes_and_more_values_than_any_call_has_do_not() -> None:
    attributes = {f"a{n}": {"DataType": "String", "StringValue": "v"} for n in range(10)}
    entries = [{"Id": str(n), "MessageBody": "b", "MessageAttributes": attributes} for n in range(10)]
    assert called("SendMessageBatch", Entries=entries).parameters["Entries"] == entries
    with pytest.raises(Refused, match="at most 2000 values"):
        called("SendMessageBatch", Entries=[1] * MOST_VALUES)


def test_what_is_nested_too_deep_or_is_no_text_is_refused_as_a_call_and_is_no_fault_of_the_proxy() -> None:
    deep = b'{"QueueUrl": "%s", "X": %s}' % (URL.encode(), b"[" * 700 + b"]" * 700)
    with pytest.raises(Refused, match="20 deep"):
        raw("GetQueueAttributes", deep)
    for text, passes in (("\\ud800", False), ("\\ud83d\\ude00", True)):
        body = f'{{"QueueUrl": "{URL}", "MessageBody": "{text}"}}'.encode()
        if passes:
            assert raw("SendMessage", body).operation == "SendMessage"
            continue
        with pytest.raises(Refused) as refused:
            raw("SendMessage", body)
        assert refused.value.code == "SerializationException"


def test_a_refusal_names_the_parameter_and_not_what_it_holds() -> None:
    assert called("SendMessage", MessageBody="the message").parameters["MessageBody"] == "the message"
    with pytest.raises(Refused) as refused:
        called("SendMessage", MessageBody={"card": "the message"})
    assert refused.value.detail == "Invalid type for parameter MessageBody"
