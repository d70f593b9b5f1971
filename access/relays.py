"""The relays of the access plane: started with what they need, and what happens at them told to the outbox."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from access.certificates import certificate
from access.grants import Grant, store
from access.messages.forwarding import Upstream
from access.messages.relay import ModelRelay
from access.postgres.orders import Begin, Happened
from access.postgres.process import Relay
from factory import db, events
from factory.paths import FactoryRoot, private_folder

LOG = logging.getLogger("millwright.access")
ACTOR: Final = "access"
# Seconds between the tries to tell something.
PAUSES: Final = (0.1, 0.5, 2.0, 10.0)
KINDS: Final = {
    "session_began": "session.began",
    "session_ended": "session.ended",
    "login_refused": "login.refused",
    "statement_refused": "statement.refused",
}


def postgres_relay(root: FactoryRoot, database: Engine, now: datetime) -> Relay:
    """A relay that runs. Raises MillwrightError."""
    files = certificate(root.access, now)
    # One thread, so that what happens is told in order; and not the one that reads what the relay answers.
    telling = ThreadPoolExecutor(1, thread_name_prefix="relay-events")

    def watch(happened: Happened) -> None:
        _submit(telling, database, partial(told, happened=happened), happened.model_dump_json())

    relay = Relay(root.logs / "relay-postgres.log", watch)
    relay.start(Begin(recordings=private_folder(root.recordings), certificate=files.certificate, key=files.key))
    return relay


def model_relay(root: FactoryRoot, database: Engine, upstream: Callable[[], Upstream]) -> ModelRelay:
    """A relay before the model, in this process."""
    telling = ThreadPoolExecutor(1, thread_name_prefix="relay-events")

    def tell(kind: str, grant: Grant, facts: dict[str, Any]) -> None:
        event = events.new_event(kind, **_about(grant), grant=grant.id, **facts)
        _submit(telling, database, partial(events.append, event=event), event.model_dump_json())

    def refuse(token_digest: str, why: str) -> None:
        # As at the broker's door: what is told is that somebody who holds, or held, a grant tries to do more.
        with db.transaction(database) as connection:
            if (own := store.by_token(connection, token_digest)) is not None:
                store.refused(connection, own, own.principal, why)

    return ModelRelay(root, upstream, tell, refuse)


def told(connection: Connection, happened: Happened) -> None:
    """Tell what happened at a relay, of the grant that it happened to."""
    grant = store.read(connection, happened.grant) if happened.grant else None
    facts = happened.model_dump(exclude={"happened", "grant"}, exclude_defaults=True)
    about = _about(grant) if grant else {"actor": ACTOR}
    events.append(connection, events.new_event(KINDS[happened.happened], **about, grant=happened.grant, **facts))


def _about(grant: Grant) -> dict[str, Any]:
    return {"actor": grant.principal, "app": grant.app, "change": grant.change, "task": grant.task}


def _submit(telling: ThreadPoolExecutor, database: Engine, append: Callable[[Connection], None], said: str) -> None:
    def tell() -> None:
        for pause in PAUSES:
            try:
                with db.transaction(database) as connection:
                    append(connection)
            except SQLAlchemyError:
                LOG.warning("not told yet: %s", said, exc_info=True)
                time.sleep(pause)
            else:
                return
        # It stands in the recording; a backlog of the log itself is what keeps others from being let in.
        LOG.error("not told: %s", said)

    telling.submit(tell)
