"""What every connection leaves behind: events of the task that asked for it."""

import threading
from collections.abc import Callable
from typing import Any, Final, Protocol, TextIO

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine

from factory import db, events

# Decided and about to be done; what came of it; and what went no further.
ALLOWED: Final = "egress.allowed"
ENDED: Final = "egress.ended"
REFUSED: Final = "egress.refused"
# Writes one event, in a transaction of its own, before it returns. Raises when it cannot.
Record = Callable[[events.Event], None]


class Asks(Protocol):
    """Whoever asks, as far as it is known; its text is for the process's own log."""

    def event(self, kind: str, **facts: Any) -> events.Event:
        """An event of theirs."""


class Asker(BaseModel):
    """Whose commands ask."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    app: str
    change: str
    task: str
    function: str

    def __str__(self) -> str:
        return self.task

    def event(self, kind: str, **facts: Any) -> events.Event:
        """An event of this task; `request` among the facts says which of its requests."""
        actor = f"agent:{self.app}/{self.function}/{self.task}"
        return events.new_event(
            kind, actor=actor, app=self.app, change=self.change, task=self.task, function=self.function, **facts
        )


class Caller(BaseModel):
    """Who asks in a network: a task of this function, at this address; which task had it then, the cloud records."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    app: str
    environment: str
    function: str
    address: str

    def __str__(self) -> str:
        return f"{self.function} at {self.address}"

    def event(self, kind: str, **facts: Any) -> events.Event:
        """An event of this caller; `request` among the facts says which of its requests."""
        told = {"environment": self.environment, "function": self.function, "client": self.address}
        return events.new_event(kind, actor=f"agent:{self.app}/{self.function}", app=self.app, **told, **facts)


def lines(stream: TextIO) -> Record:
    """Writes each event as a line of JSON, and waits until whoever reads the stream has it."""
    lock = threading.Lock()

    def record(event: events.Event) -> None:
        with lock:
            stream.write(f"{event.model_dump_json()}\n")
            stream.flush()

    return record


def outbox(database: Engine) -> Record:
    """Writes to the factory's own outbox."""

    def record(event: events.Event) -> None:
        with db.transaction(database) as connection:
            events.append(connection, event)

    return record
