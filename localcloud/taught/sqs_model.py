"""A receiver gets what is there: the waiting for messages is done before the call (`localcloud.polling`)."""

from functools import wraps
from typing import Any

from moto.sqs.models import SQSBackend

Json = Any


def teach() -> None:
    """Let moto's SQS in this process never wait. Calling it again changes nothing."""
    plain: Json = SQSBackend.receive_message
    if hasattr(plain, "__wrapped__"):
        return

    @wraps(plain)
    def receive_message(
        self: Json, queue_name: str, count: int, wait_seconds_timeout: int, *arguments: Json, **named: Json
    ) -> Json:
        del wait_seconds_timeout
        return plain(self, queue_name, count, 0, *arguments, **named)

    backend: Json = SQSBackend
    backend.receive_message = receive_message
