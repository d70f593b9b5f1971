"""SQS's long polling: a receiver waits for messages outside the lock of the backends, and then asks once.

moto waits inside the call, which would keep everybody out of the whole cloud, and by the clock that a call has: it
stands still, so that its changes can be done again at a restart.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

from localcloud.durable.operations import operation
from localcloud.isolation import DEFAULT_ACCOUNT

RECEIVE: Final = "ReceiveMessage"
PAUSE_SECONDS: Final = 0.1
LONGEST_SECONDS: Final = 20.0
REGION: Final = re.compile(r"Credential=[^/]+/\d{8}/([a-z0-9-]+)/sqs/")


@dataclass(frozen=True)
class Receiver:
    """Who waits: at which queue, and for how many seconds (None: as long as the queue says)."""

    account: str
    region: str
    queue: str
    seconds: float | None


def receiver(url: str, headers: Mapping[str, str], body: bytes) -> Receiver | None:
    """The receiver that a call is of; None for any other call, and for one that SQS itself will refuse."""
    region = REGION.search(headers.get("authorization", ""))
    if region is None or operation(url, headers, body) != RECEIVE:
        return None
    try:
        named = _parameters(headers, body)
        seconds = named.get("WaitTimeSeconds")
        queue = str(named["QueueUrl"]).rpartition("/")[2]
        account = headers.get("x-moto-account-id", DEFAULT_ACCOUNT)
        return Receiver(account, region[1], queue, None if seconds is None else float(seconds))
    except (ValueError, KeyError, TypeError):
        return None


def wait(who: Receiver, held: Callable[[], AbstractContextManager[None]], wanted: Callable[[], bool]) -> bool:
    """Return when there are messages, the time is over, or nobody wants the answer any more: then False."""
    began = time.monotonic()
    while True:
        with held():
            seconds = _left_to_wait(who)
        if not wanted():
            return False
        if time.monotonic() - began >= seconds:
            return True
        time.sleep(PAUSE_SECONDS)


def _left_to_wait(who: Receiver) -> float:
    """For how many seconds in all it is to wait for what is not there; none when there is something."""
    from moto.sqs.models import sqs_backends

    try:
        queue: Any = sqs_backends[who.account][who.region].queues.get(who.queue)
    except KeyError:
        # No such region: the call itself says so.
        return 0.0
    if queue is None or queue.messages:
        return 0.0
    seconds = float(queue.receive_message_wait_time_seconds or 0) if who.seconds is None else who.seconds
    # What is beyond the limits SQS refuses, at once.
    return seconds if seconds <= LONGEST_SECONDS else 0.0


def _parameters(headers: Mapping[str, str], body: bytes) -> Mapping[str, Any]:
    if "x-www-form-urlencoded" in headers.get("content-type", ""):
        return {name: values[0] for name, values in parse_qs(body.decode()).items()}
    return dict(json.loads(body))
