"""What happened at the access plane's processes is told to the outbox, and so to the audit log."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from sqlalchemy import Connection, Engine

from access.grants import Grant, Move, State, store
from access.orders import Happened
from access.persisting import persistently
from factory import events

LOG = logging.getLogger("millwright.access")
ACTOR: Final = "access"
# A budget of the grant is used up, and it was closed for that where it happened.
SPENT: Final = "grant_spent"
MOST_WAITING: Final = 10_000


def teller(database: Engine, name: str) -> Callable[[Happened], None]:
    """Tells what it is called with, in that order, by a thread of its own: whoever calls it is not held up."""
    telling = ThreadPoolExecutor(1, thread_name_prefix=f"{name}-events")
    room = threading.BoundedSemaphore(MOST_WAITING)

    def tell(happened: Happened) -> None:
        # A database that takes nothing for hours must not fill this process.
        if room.acquire(blocking=False):
            telling.submit(_tell, database, happened).add_done_callback(lambda _: room.release())
        else:
            LOG.error("not told, for too much waits: %s", happened.model_dump_json())

    return tell


def told(connection: Connection, happened: Happened) -> None:
    """Tell what happened, of the grant that it happened to. One that has used up a budget ends.

    `session_began` is the event `session.began`. Raises Overtaken.
    """
    grant = store.read(connection, happened.grant) if happened.grant else None
    if happened.happened == SPENT:
        if grant is not None and grant.state in (State.ISSUING, State.ACTIVE):
            why = happened.detail
            store.move(connection, grant, Move.REVOKE, actor=ACTOR, why=why, ended_reason=why)
        return
    facts = happened.model_dump(exclude={"happened", "grant"}, exclude_defaults=True)
    about = _about(grant) if grant else {"actor": ACTOR}
    kind = happened.happened.replace("_", ".", 1)
    events.append(connection, events.new_event(kind, **about, grant=happened.grant, **facts))


def _about(grant: Grant) -> dict[str, Any]:
    return {"actor": grant.principal, "app": grant.app, "change": grant.change, "task": grant.task}


def _tell(database: Engine, happened: Happened) -> None:
    # Where it is not told it stands in the recording; a backlog of the log itself is what keeps others from being let
    # in.
    persistently(database, lambda connection: told(connection, happened), happened.model_dump_json())
