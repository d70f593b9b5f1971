"""The queue in SQS, found as the AWS SDK finds it: AWS_ENDPOINT_URL, AWS_REGION and the usual credentials."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tally.queues import Message, QueueAway

BATCH = 10
ATTEMPTS = 3
CONNECT_SECONDS = 3
# Beyond the time that SQS itself may wait for messages.
ANSWER_SECONDS = 10


class SqsQueue:
    """One standard queue, safe to use from many threads."""

    def __init__(self, url: str, wait_seconds: int = 0) -> None:
        """`wait_seconds`, at most 20: how long SQS waits for a message. Raises QueueAway when the region is unknown."""
        self._url = url
        self._wait_seconds = wait_seconds
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=wait_seconds + ANSWER_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            # As many as there may be requests at once without a line in the log for each more.
            max_pool_connections=32,
        )
        with _told():
            # The SDK reads the region from AWS_DEFAULT_REGION alone; containers are told AWS_REGION.
            self._client: Any = boto3.client("sqs", region_name=os.environ.get("AWS_REGION") or None, config=config)

    def send(self, body: str) -> None:
        """Put a message on the queue. Raises QueueAway: it may be there all the same."""
        with _told():
            self._client.send_message(QueueUrl=self._url, MessageBody=body)

    def receive(self) -> list[Message]:
        """At most ten messages. Raises QueueAway."""
        with _told():
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=BATCH,
                WaitTimeSeconds=self._wait_seconds,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        return [_message(told) for told in answer.get("Messages", ())]

    def delete(self, message: Message) -> None:
        """Take a message off the queue. Raises QueueAway."""
        with _told():
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message.receipt)

    def release(self, message: Message) -> None:
        """Give a message back at once. Raises QueueAway."""
        with _told():
            self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=message.receipt, VisibilityTimeout=0
            )


def _message(told: dict[str, Any]) -> Message:
    receives = int(told.get("Attributes", {}).get("ApproximateReceiveCount", 0))
    return Message(told["MessageId"], told["Body"], told["ReceiptHandle"], receives)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Raise QueueAway in place of the SDK's errors, whose texts may hold addresses and key ids."""
    try:
        yield
    except ClientError as error:
        raise QueueAway(f"the queue refuses ({error.response.get('Error', {}).get('Code', 'no code')})") from error
    except BotoCoreError as error:
        raise QueueAway(f"the queue does not answer ({type(error).__name__})") from error
