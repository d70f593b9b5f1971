"""What the service needs of a queue: at least once, in no order."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


class QueueAway(Exception):
    """The queue does not answer now; the message says what is known of it, and holds no secret."""


@dataclass(frozen=True)
class Message:
    """A message that was received. `receipt` is needed to delete it; `receives` is how often it was received so far."""

    id: str
    body: str
    receipt: str = field(repr=False)
    receives: int


class Queue(Protocol):
    """A queue; every method raises QueueAway."""

    def send(self, body: str) -> None:
        """Put a message on the queue."""

    def receive(self) -> Sequence[Message]:
        """Some messages, or none after a while. Nobody else gets them for some time."""

    def delete(self, message: Message) -> None:
        """Take a message off the queue: what it asks for is done."""

    def release(self, message: Message) -> None:
        """Give a message back at once."""
