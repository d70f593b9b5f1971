"""The command: `python -m links --port 8080 --data links.json`."""

import argparse
import signal
import threading
from pathlib import Path

from links.server import Server
from links.store import Store


def main() -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests under way."""
    parser = argparse.ArgumentParser(prog="links", description="A URL shortener over HTTP.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, required=True, help="port to listen on; 0 takes a free one")
    parser.add_argument("--data", type=Path, required=True, help="JSON file that keeps the links")
    args = parser.parse_args()
    with Server((args.host, args.port), Store(args.data)) as server:
        for number in (signal.SIGTERM, signal.SIGINT):
            # shutdown() waits for the loop that this very handler interrupts, so another thread calls it.
            signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
        print(f"listening on http://{args.host}:{server.server_port}", flush=True)
        server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
