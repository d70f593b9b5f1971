"""The command: `python -m links --port 8080 --data links.json`."""

import argparse
import os
import signal
import threading
from pathlib import Path

from links.database import InvalidDatabaseUrl
from links.interface import LinkStore
from links.logs import log
from links.postgres import PostgresStore
from links.server import Server
from links.store import Store, StoreUnavailable

DATABASE_URL = "DATABASE_URL"


def main() -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests under way."""
    parser = argparse.ArgumentParser(prog="links", description="A URL shortener over HTTP.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, required=True, help="port to listen on; 0 takes a free one")
    parser.add_argument("--data", type=Path, help=f"JSON file that keeps the links, unless {DATABASE_URL} is set")
    args = parser.parse_args()
    try:
        store = open_store(os.environ.get(DATABASE_URL, ""), args.data)
    except InvalidDatabaseUrl as error:
        parser.error(f"{DATABASE_URL}: {error}")
    if store is None:
        parser.error(f"--data or {DATABASE_URL} must say where the links are kept")
    with Server((args.host, args.port), store) as server:
        for number in (signal.SIGTERM, signal.SIGINT):
            # shutdown() waits for the loop that this very handler interrupts, so another thread calls it.
            signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
        print(f"listening on http://{args.host}:{server.server_port}", flush=True)
        server.serve_forever(poll_interval=0.1)


def open_store(database_url: str, data: Path | None) -> LinkStore | None:
    """The store that was asked for; None when none was. Raises InvalidDatabaseUrl."""
    if not database_url:
        return Store(data) if data else None
    store = PostgresStore(database_url)
    try:
        log("database", links=len(store))
    except StoreUnavailable:
        # It may come back; until then /health says that it is away.
        log("database-awaited")
    return store


if __name__ == "__main__":
    main()
