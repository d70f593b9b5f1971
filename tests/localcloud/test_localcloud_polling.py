"""Who waits for messages keeps nobody out, gets what comes, and takes nothing when it has gone."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from localcloud_door import ACCOUNT, REGION
from localcloud_runtime import Declared, wait_for

from factory import daemons
from factory.paths import FactoryRoot

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def cloud(runtime_root: FactoryRoot) -> Iterator[Declared]:
    try:
        yield Declared(daemons.ensure(runtime_root, "localcloud"), "")
    finally:
        daemons.stop(runtime_root, "localcloud")
    assert "Traceback" not in (runtime_root.logs / "localcloud.log").read_text()


def queue(cloud: Declared, name: str, **attributes: str) -> str:
    return str(cloud.aws("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])


def bodies(told: dict[str, Any]) -> list[str]:
    return [each["Body"] for each in told.get("Messages", [])]


@pytest.mark.parametrize("asked", [{"WaitTimeSeconds": 20}, {}], ids=["by the call", "by the queue"])
def test_others_are_answered_meanwhile_and_a_message_ends_the_wait(cloud: Declared, asked: dict[str, int]) -> None:
    url = queue(cloud, f"waited-for-{len(asked)}", ReceiveMessageWaitTimeSeconds="20")
    with ThreadPoolExecutor(1) as beside:
        waiting = beside.submit(cloud.aws("sqs").receive_message, QueueUrl=url, **asked)
        for _ in range(5):
            assert url in cloud.aws("sqs").list_queues()["QueueUrls"]
        assert not waiting.done()
        cloud.aws("sqs").send_message(QueueUrl=url, MessageBody="at last")
        assert bodies(waiting.result(15)) == ["at last"]


def test_an_empty_queue_answers_when_the_time_is_over(cloud: Declared) -> None:
    url = queue(cloud, "empty")
    assert bodies(cloud.aws("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=1)) == []
    assert bodies(cloud.aws("sqs").receive_message(QueueUrl=url)) == []


def test_a_receiver_that_has_gone_takes_no_message(cloud: Declared) -> None:
    url = queue(cloud, "left")
    host, port = cloud.run_file.addresses["http"].removeprefix("http://").split(":")
    scope = f"20260101/{REGION}/sqs/aws4_request, SignedHeaders=host, Signature=" + "a" * 64
    body = f'{{"QueueUrl": "{url}", "WaitTimeSeconds": 20, "VisibilityTimeout": 600}}'
    lines = (
        "POST / HTTP/1.1",
        f"Host: {host}:{port}",
        f"Authorization: AWS4-HMAC-SHA256 Credential={ACCOUNT}/{scope}",
        "Content-Type: application/x-amz-json-1.0",
        "X-Amz-Target: AmazonSQS.ReceiveMessage",
        f"Content-Length: {len(body)}",
        "",
        body,
    )
    for _ in range(3):
        with socket.create_connection((host, int(port)), 5) as door:
            door.sendall("\r\n".join(lines).encode())
    cloud.aws("sqs").send_message(QueueUrl=url, MessageBody="for who is there")
    assert wait_for(lambda: bodies(cloud.aws("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=1)))


def test_many_receivers_of_one_queue_get_each_message_once(cloud: Declared) -> None:
    url = queue(cloud, "shared")
    got: list[str] = []
    done = threading.Event()

    def receive() -> None:
        while not done.is_set():
            got.extend(bodies(cloud.aws("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=1)))

    with ThreadPoolExecutor(4) as beside:
        for _ in range(4):
            beside.submit(receive)
        for number in range(20):
            cloud.aws("sqs").send_message(QueueUrl=url, MessageBody=str(number))
        wait_for(lambda: len(got) >= 20)
        done.set()
    assert sorted(got, key=int) == [str(number) for number in range(20)]


@pytest.mark.parametrize("seconds", [-1, 21])
def test_what_sqs_refuses_is_refused_at_once(cloud: Declared, seconds: int) -> None:
    url = queue(cloud, "limits")
    with pytest.raises(Exception, match="WaitTimeSeconds"):
        cloud.aws("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=seconds)


def test_a_region_that_is_none_is_answered_as_by_any_other_call(cloud: Declared) -> None:
    url = queue(cloud, "somewhere")
    nowhere = Declared(cloud.run_file, "", region="nowhere-1").aws("sqs")
    asked = {"receive_message": {"QueueUrl": url, "WaitTimeSeconds": 20}, "purge_queue": {"QueueUrl": url}}
    said = []
    for call, arguments in asked.items():
        with pytest.raises(ClientError) as refused:
            getattr(nowhere, call)(**arguments)
        said.append(refused.value.response["ResponseMetadata"]["HTTPStatusCode"])
    assert said[0] == said[1]
