"""What stands before databases and hosts: started with the factory's keys; what happens there is told to the outbox."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from access.certificates import certificate
from access.grants import Grant, store
from access.postgres.orders import Begin, Happened
from access.postgres.process import Relay
from access.ssh import orders as ssh
from access.ssh.authorities import Keys, key_file, private_key, public_line
from access.ssh.process import Bastion
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
    telling = _telling()
    relay = Relay(root.logs / "relay-postgres.log", lambda happened: _submit(telling, database, happened))
    relay.start(Begin(recordings=private_folder(root.recordings), certificate=files.certificate, key=files.key))
    return relay


def ssh_bastion(root: FactoryRoot, database: Engine) -> Bastion:
    """A bastion that runs. Raises MillwrightError."""
    telling = _telling()
    bastion = Bastion(root.logs / "bastion-ssh.log", lambda happened: _submit(telling, database, happened))
    # Made here: the bastion itself writes recordings only.
    private_key(root, Keys.BASTION)
    authority = public_line(root, Keys.HOLDERS)
    recordings = private_folder(root.recordings)
    bastion.start(ssh.Begin(recordings=recordings, host_key=key_file(root, Keys.BASTION), authority=authority))
    return bastion


def _telling() -> ThreadPoolExecutor:
    # One thread, so that what happens is told in order; and not the one that reads what the process answers.
    return ThreadPoolExecutor(1, thread_name_prefix="relay-events")


def told(connection: Any, happened: Happened | ssh.Happened) -> None:
    """Tell what happened at a relay or bastion, of the grant that it happened to."""
    grant = store.read(connection, happened.grant) if happened.grant else None
    facts = happened.model_dump(exclude={"happened", "grant"}, exclude_defaults=True)
    about = _about(grant) if grant else {"actor": ACTOR}
    events.append(connection, events.new_event(KINDS[happened.happened], **about, grant=happened.grant, **facts))


def _about(grant: Grant) -> dict[str, Any]:
    return {"actor": grant.principal, "app": grant.app, "change": grant.change, "task": grant.task}


def _submit(telling: ThreadPoolExecutor, database: Engine, happened: Happened | ssh.Happened) -> None:
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
