"""What the environment says: where the queue and the database are."""

import os
import sys
from typing import NoReturn

from tally.counts import Counts
from tally.database import InvalidDatabaseUrl
from tally.queues import QueueAway
from tally.sqs import SqsQueue

DEFAULT_WAIT_SECONDS = 10
MOST_WAIT_SECONDS = 20


def counts() -> Counts:
    """The sums in the database of DATABASE_URL. Ends the program when it names none."""
    try:
        return Counts(_needed("DATABASE_URL"))
    except InvalidDatabaseUrl as error:
        _end(f"DATABASE_URL: {error}")


def queue(wait_seconds: int = 0) -> SqsQueue:
    """The queue of QUEUE_URL. Ends the program when there is none."""
    try:
        return SqsQueue(_needed("QUEUE_URL"), wait_seconds)
    except (QueueAway, ValueError) as error:
        # A ValueError is the SDK's, for an endpoint that is no address; its text would show it.
        _end(f"the AWS SDK's settings are not usable: {error if isinstance(error, QueueAway) else 'no such endpoint'}")


def wait_seconds() -> int:
    """How long SQS waits for messages before it answers that there are none. Ends the program when it is no number."""
    said = os.environ.get("QUEUE_WAIT_SECONDS") or str(DEFAULT_WAIT_SECONDS)
    if not said.isascii() or not said.isdecimal() or int(said) > MOST_WAIT_SECONDS:
        _end(f"QUEUE_WAIT_SECONDS must be a whole number from 0 to {MOST_WAIT_SECONDS}")
    return int(said)


def _needed(name: str) -> str:
    value = os.environ.get(name, "")
    return value or _end(f"{name} must be set in the environment")


def _end(why: str) -> NoReturn:
    sys.stderr.write(f"tally: error: {why}\n")
    raise SystemExit(2)
