"""The access plane's daemon: `python -m access.daemon --root ROOT`. One owner per factory.

It takes what happens into the audit logs, within a second, and copies their checkpoints out of the factory's reach.
"""

import argparse
import logging
import sys
import threading
import time
import uuid
from functools import partial
from pathlib import Path
from typing import Final

from factory import daemons
from factory.errors import ExitCode, MillwrightError
from factory.paths import find_root

NAME: Final = daemons.ACCESS
LOG = logging.getLogger("millwright.access")
LOOK_SECONDS: Final = 0.25
# Each copy is an object that stays for a year.
COPY_SECONDS: Final = 60.0
# At most so long between two looks when one after another fails.
MOST_SECONDS: Final = 30.0


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
    from factory import db
    from factory.cloud_clients import client
    from factory.settings import load

    settings = load(claim.root)
    database, key = db.connect(claim.root, settings), audit.signing_key(claim.root)
    clients = partial(client, claim.root, settings)
    claim.publish({}, generation=uuid.uuid4().hex)
    LOG.info("ready")
    copied, failed = float("-inf"), 0
    while not stop.wait(min(MOST_SECONDS, LOOK_SECONDS * 2**failed)):
        try:
            with database.connect() as connection:
                waits = audit.backlog(connection).events
            if waits:
                audit.sequence(database, key)
            if time.monotonic() - copied >= COPY_SECONDS:
                copied = time.monotonic()
                audit.copy(database, clients)
        except Exception:
            # Whatever it is, what happens goes on waiting, and is logged when it is over.
            LOG.exception("the audit logs did not go on; trying again")
            failed += 1
        else:
            failed = 0
    # What happened last, too.
    audit.sequence(database, key)


if __name__ == "__main__":
    sys.exit(main())
