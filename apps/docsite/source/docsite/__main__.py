"""The command: `python -m docsite --port 8080`."""

import argparse
import signal
import threading
from pathlib import Path

from docsite.pages import BadPage, read_pages
from docsite.server import Server
from docsite.site import Site

PAGES = Path(__file__).resolve().parent.parent / "pages"


def main() -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests under way."""
    parser = argparse.ArgumentParser(prog="docsite", description="Pages with a search.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, required=True, help="port to listen on; 0 takes a free one")
    parser.add_argument("--pages", type=Path, default=PAGES, help="folder of the Markdown files")
    args = parser.parse_args()
    try:
        site = Site(read_pages(args.pages))
    except (BadPage, OSError) as error:
        parser.error(str(error))
    with Server((args.host, args.port), site) as server:
        for number in (signal.SIGTERM, signal.SIGINT):
            # shutdown() waits for the loop that this very handler interrupts, so another thread calls it.
            signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
        print(f"listening on http://{args.host}:{server.server_port}", flush=True)
        server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
