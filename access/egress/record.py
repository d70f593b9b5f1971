"""What every connection leaves behind: events of the task that asked for it."""

from collections.abc import Callable
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine

from factory import db, events

# Decided and about to be done; what came of it; and what went no further.
ALLOWED: Final = "egress.allowed"
ENDED: Final = "egress.ended"
REFUSED: Final = "egress.refused"
# Writes one event, in a transaction of its own, before it returns. Raises when it cannot.
Record = Callable[[events.Event], None]


class Asker(BaseModel):
    """Whose commands ask."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    app: str
    change: str
    task: str
    function: str

    def event(self, kind: str, **facts: Any) -> events.Event:
        """An event of this task; `request` among the facts says which of its requests."""
        actor = f"agent:{self.app}/{self.function}/{self.task}"
        return events.new_event(
            kind, actor=actor, app=self.app, change=self.change, task=self.task, function=self.function, **facts
        )


def outbox(database: Engine) -> Record:
    """Writes to the factory's own outbox."""

    def record(event: events.Event) -> None:
        with db.transaction(database) as connection:
            events.append(connection, event)

    return record
