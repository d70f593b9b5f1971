"""A broker as a process of its own, for tests that kill it: `python broker_process.py ROOT URL`; it says `ready`."""

import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.engine import make_url

from access import audit
from access.broker import Broker
from access.daemon import CUT_SECONDS
from access.grants import Desk
from access.providers.postgres import Postgres
from access.relays import postgres_relay
from factory import db
from factory.paths import FactoryRoot
from factory.settings import Settings


def main(folder: str, url: str) -> None:
    root, settings = FactoryRoot(Path(folder)), Settings()
    database, key = db.connect(root, settings), audit.signing_key(root)
    desk = Desk(root, settings, database)
    provider = Postgres(
        lambda: postgres_relay(root, database, datetime.now(UTC)),
        lambda _: make_url(url),
        desk.verdicts.statement_kinds,
        "disable",
    )
    broker = Broker(desk, database, {"postgres": provider})
    stop = threading.Event()

    def again(do: object, seconds: float) -> None:
        while not stop.wait(seconds):
            do()

    for do in (broker.cut, broker.work, lambda: audit.sequence(database, key)):
        threading.Thread(target=again, args=(do, CUT_SECONDS), daemon=True).start()
    print("ready", flush=True)
    # Until whoever started it is gone.
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
