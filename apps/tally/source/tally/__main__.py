"""The command: `python -m tally --port 8080`."""

import argparse
import signal
import threading

from tally import settings
from tally.database import DatabaseAway
from tally.logs import log
from tally.server import Server


def main() -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests under way."""
    parser = argparse.ArgumentParser(prog="tally", description="Counts events over HTTP.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, required=True, help="port to listen on; 0 takes a free one")
    args = parser.parse_args()
    counts, queue = settings.counts(), settings.queue()
    try:
        counts.ask()
    except DatabaseAway as error:
        # It may come back; until then /health says that it is away.
        log("database-awaited", why=str(error))
    with Server((args.host, args.port), queue, counts) as server:
        for number in (signal.SIGTERM, signal.SIGINT):
            # shutdown() waits for the loop that this very handler interrupts, so another thread calls it.
            signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
        print(f"listening on http://{args.host}:{server.server_port}", flush=True)
        server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
