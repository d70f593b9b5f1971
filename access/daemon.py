"""The access plane's daemon: `python -m access.daemon --root ROOT`. One owner per factory.

It takes what happens into the audit logs, within a second, and copies their checkpoints out of the factory's reach; and
it is the broker of grants: lets in who may be let in, and ends each grant in time.
"""

import argparse
import logging
import sys
import threading
import uuid
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

from factory import daemons
from factory.errors import ExitCode, MillwrightError
from factory.paths import find_root

NAME: Final = daemons.ACCESS
LOG = logging.getLogger("millwright.access")
LOOK_SECONDS: Final = 0.25
# What is to end ends within two seconds, and most of that is for what it takes.
CUT_SECONDS: Final = 0.1
# Whoever asks for something waits no longer for what others have asked for.
WORK_SECONDS: Final = 1.0
# Each copy is an object that stays for a year.
COPY_SECONDS: Final = 60.0
# At most so long between two looks when one after another fails; what is to end does not wait for long.
MOST_SECONDS: Final = 30.0
MOST_CUT_SECONDS: Final = 1.0
DOUBLINGS: Final = 10
END_SECONDS: Final = 5.0


def main() -> int:
    """Run until SIGTERM or SIGINT. Returns the process's exit status."""
    parser = argparse.ArgumentParser(prog="python -m access.daemon", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder of the factory (it holds millwright.yaml)")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stop = threading.Event()
    daemons.on_stop(stop.set)
    try:
        claim = daemons.claim(find_root(arguments.root), NAME)
        try:
            _run(claim, stop)
        finally:
            claim.release()
    except MillwrightError as error:
        print(error.rendered(), file=sys.stderr)
        return error.exit_code
    return ExitCode.OK


def _run(claim: daemons.Claim, stop: threading.Event) -> None:
    # Only now: a second one must learn at once that it is one.
    from access import audit
    from access.broker import Broker
    from access.clock import MACHINE
    from access.door import Door, Served
    from access.grants import Desk
    from access.providers.assembly import Place, providers, secrets_of
    from access.secret_reads import SecretReads
    from access.serving import be_a_process
    from factory import db
    from factory.cloud_clients import client
    from factory.settings import load

    be_a_process()
    settings = load(claim.root)
    database, key = db.connect(claim.root, settings), audit.signing_key(claim.root)
    clients = partial(client, claim.root, settings, profile=settings.access_profile)

    def log() -> None:
        began = MACHINE.moment()
        with database.connect() as connection:
            waits = audit.backlog(connection).events
        if waits:
            audit.sequence(database, key)
        audit.all_logged(claim.root, began)

    desk = Desk(claim.root, settings, database)
    opening = providers(Place(claim.root, settings, database, desk, clients))
    broker = Broker(desk, database, opening)
    # A task that asks does not wait for the next look.
    asked = threading.Event()
    with closing(broker):
        threads = [
            _again(broker.cut, CUT_SECONDS, stop, "what is to end did not", MOST_CUT_SECONDS),
            _again(partial(broker.work, WORK_SECONDS), LOOK_SECONDS, stop, "the grants did not go on", wake=asked),
        ]
        # Whoever asks for something the moment this daemon is found must not be told that nothing is logged.
        log()
        # Only now: the next copy comes a minute later.
        copy = partial(audit.copy, database, clients)
        threads.append(_again(copy, COPY_SECONDS, stop, "checkpoints were not copied"))
        reads = SecretReads(desk, database, secrets_of(opening))
        door = Served(Door(desk, database, claim.token, reads, asked.set).app(), claim.root.run)
        claim.publish({}, generation=uuid.uuid4().hex)
        LOG.info("ready")
        _repeat(log, LOOK_SECONDS, stop, "the audit logs did not go on")
        door.close()
        asked.set()
        for thread in threads:
            thread.join(END_SECONDS)
    desk.refused_uses.close()
    # What happened last, too.
    audit.sequence(database, key)


def _again(
    do: Callable[[], object],
    seconds: float,
    stop: threading.Event,
    said: str,
    most: float = MOST_SECONDS,
    wake: threading.Event | None = None,
) -> threading.Thread:
    """A thread that does it over and over; at once when `wake` is set."""
    arguments = (do, seconds, stop, said, most, wake)
    thread = threading.Thread(target=_repeat, args=arguments, name=said, daemon=True)
    thread.start()
    return thread


def _repeat(
    do: Callable[[], object],
    seconds: float,
    stop: threading.Event,
    said: str,
    most: float = MOST_SECONDS,
    wake: threading.Event | None = None,
) -> None:
    failed = 0
    while not stop.is_set():
        if wake is not None:
            wake.clear()
        try:
            do()
        except Exception:
            # Whatever it is, what is to be done goes on waiting, and is done when it is over.
            LOG.exception("%s; trying again", said)
            failed += 1
        else:
            failed = 0
        (wake or stop).wait(min(most, seconds * 2 ** min(failed, DOUBLINGS)))


if __name__ == "__main__":
    sys.exit(main())
