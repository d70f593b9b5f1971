"""A queue in memory that behaves as SQS may: what is not deleted comes again."""

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tally.queues import Message, QueueAway


@dataclass
class Kept:
    id: str
    body: str
    receives: int = 0
    hidden: bool = False


@dataclass
class MemoryQueue:
    """`on_receive` runs before each receive, as whatever may happen meanwhile; `away` makes every call fail."""

    on_receive: Callable[[], None] = lambda: None
    away: bool = False
    kept: dict[str, Kept] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, body: str) -> None:
        self._check()
        with self._lock:
            number = f"message-{next(self._numbers)}"
            self.kept[number] = Kept(number, body)

    def receive(self) -> list[Message]:
        self.on_receive()
        self._check()
        with self._lock:
            taken = [kept for kept in self.kept.values() if not kept.hidden]
            for kept in taken:
                kept.hidden, kept.receives = True, kept.receives + 1
            return [Message(kept.id, kept.body, kept.id, kept.receives) for kept in taken]

    def delete(self, message: Message) -> None:
        self._check()
        with self._lock:
            self.kept.pop(message.receipt, None)

    def release(self, message: Message) -> None:
        self._check()
        with self._lock:
            self.kept[message.receipt].hidden = False

    def show_again(self) -> None:
        """The time for which messages are hidden is over."""
        for kept in self.kept.values():
            kept.hidden = False

    def _check(self) -> None:
        if self.away:
            raise QueueAway("the queue does not answer (away)")
