"""The queue in SQS, over boto3 and moto's server."""

import json

import boto3
import pytest
from conftest import Log

from tally.counts import Counts
from tally.events import Event
from tally.queues import QueueAway
from tally.sqs import SqsQueue
from tally.stopping import Stop
from tally.worker import Worker


@pytest.fixture
def url(aws: dict[str, str], request: pytest.FixtureRequest) -> str:
    """A queue whose messages are shown again at once, and become dead letters when they were received twice."""
    client = boto3.client("sqs", region_name=aws["AWS_REGION"])
    name = f"q{abs(hash(request.node.nodeid))}"
    dead = client.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    attributes = {"VisibilityTimeout": "0", "RedrivePolicy": redrive}
    return str(client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])


def test_a_message_travels_and_is_gone_once_it_is_deleted(url: str) -> None:
    queue = SqsQueue(url)
    queue.send("hello")
    (first,) = queue.receive()
    (again,) = queue.receive()
    assert (first.body, first.receives) == ("hello", 1)
    assert (again.id, again.receives) == (first.id, 2)
    queue.release(again)
    queue.delete(again)
    assert queue.receive() == []


def test_ten_messages_are_taken_at_once(url: str) -> None:
    queue = SqsQueue(url)
    for number in range(12):
        queue.send(str(number))
    assert len(queue.receive()) == 10


def test_poison_becomes_a_dead_letter_and_events_beside_it_are_counted_once(url: str, counts: Counts, log: Log) -> None:
    queue, dead = SqsQueue(url), SqsQueue(f"{url}-dead")
    queue.send("poison")
    queue.send(Event("1", "signup", 2).message())
    queue.send(Event("1", "signup", 2).message())
    worker = Worker(queue, counts, Stop())
    for _ in range(3):
        worker.turn()
    assert counts.total("signup") == 2
    assert [line["receives"] for line in log.lines("message-left")] == [1, 2]
    assert [message.body for message in dead.receive()] == ["poison"]
    assert queue.receive() == []


def test_a_queue_that_is_not_there_is_told_by_its_code(url: str) -> None:
    missing = SqsQueue(f"{url}-missing")
    for call in (lambda: missing.send("hello"), missing.receive):
        with pytest.raises(QueueAway, match=r"NonExistentQueue|QueueDoesNotExist"):
            call()


def test_without_credentials_it_is_away_and_names_nothing_secret(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    SqsQueue(url).send("hello")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    boto3.DEFAULT_SESSION = None
    with pytest.raises(QueueAway, match="NoCredentialsError"):
        SqsQueue(url).send("hello")


def test_without_a_region_there_is_no_queue(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    with pytest.raises(QueueAway, match="NoRegionError"):
        SqsQueue(url)
