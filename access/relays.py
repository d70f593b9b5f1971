"""The relays, started with what they need to know, and what happens at them told to the outbox."""

import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from access.apis import orders as apis
from access.apis.process import COMMAND, ApiRelay
from access.certificates import certificate
from access.grants import Grant, store
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
    "request_refused": "request.refused",
}


def postgres_relay(root: FactoryRoot, database: Engine, now: datetime) -> Relay:
    """A relay that runs. Raises MillwrightError."""
    files = certificate(root.access, now)
    # One thread, so that what happens is told in order; and not the one that reads what the relay answers.
    telling = ThreadPoolExecutor(1, thread_name_prefix="relay-events")
    relay = Relay(root.logs / "relay-postgres.log", lambda happened: _submit(telling, database, happened))
    relay.start(Begin(recordings=private_folder(root.recordings), certificate=files.certificate, key=files.key))
    return relay


def api_relay(root: FactoryRoot, database: Engine, command: Sequence[str] = COMMAND) -> ApiRelay:
    """A relay before APIs that runs. Raises MillwrightError."""
    telling = ThreadPoolExecutor(1, thread_name_prefix="relay-events")
    relay = ApiRelay(root.logs / "relay-apis.log", lambda happened: _submit(telling, database, happened), command)
    relay.start(apis.Begin(recordings=private_folder(root.recordings), sockets=private_folder(root.run / apis.SOCKETS)))
    return relay


def told(connection: Any, happened: Happened | apis.Happened) -> None:
    """Tell what happened at a relay, of the grant that it happened to."""
    grant = store.read(connection, happened.grant) if happened.grant else None
    facts = happened.model_dump(exclude={"happened", "grant"}, exclude_defaults=True)
    about = _about(grant) if grant else {"actor": ACTOR}
    events.append(connection, events.new_event(KINDS[happened.happened], **about, grant=happened.grant, **facts))


def _about(grant: Grant) -> dict[str, Any]:
    return {"actor": grant.principal, "app": grant.app, "change": grant.change, "task": grant.task}


def _submit(telling: ThreadPoolExecutor, database: Engine, happened: Happened | apis.Happened) -> None:
    def tell() -> None:
        for pause in PAUSES:
            try:
                with db.transaction(database) as connection:
                    told(connection, happened)
            except SQLAlchemyError:
                LOG.warning("not told yet: %s", happened.happened, exc_info=True)
                time.sleep(pause)
            else:
                return
        # It stands in the recording; a backlog of the log itself is what keeps others from being let in.
        LOG.error("not told: %s", happened.model_dump_json())

    telling.submit(tell)
