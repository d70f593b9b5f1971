"""`python -m agents.twin --apps DIR [--port N | --check]`: serve the scripts of a folder of apps, or check them."""

import argparse
import signal
import sys
import threading
from pathlib import Path

from agents.twin.scripts import load_script, scripts_of
from agents.twin.server import Twin
from factory.errors import InputError


def main() -> int:
    """Serve until a signal comes, or check; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m agents.twin", description=__doc__)
    parser.add_argument("--apps", type=Path, required=True, help="the folder that holds one folder per app")
    parser.add_argument("--port", type=int, default=0, help="where to listen on loopback; 0: any free port")
    parser.add_argument("--check", action="store_true", help="read every script and say what is wrong")
    asked = parser.parse_args()
    return check(asked.apps) if asked.check else serve(asked.apps, asked.port)


def check(apps: Path) -> int:
    """Print every mistake of every script; 4 (invalid input) when there is one."""
    wrong = 0
    paths = scripts_of(apps)
    for path in paths:
        try:
            load_script(path)
        except InputError as error:
            wrong += 1
            print(error.rendered())
    print(f"{len(paths)} scripts, {wrong} with mistakes")
    return int(InputError.exit_code) if wrong else 0


def serve(apps: Path, port: int) -> int:
    """Answer until SIGINT or SIGTERM."""
    twin = Twin(apps, port)
    print(f"{twin.start()} plays the scripts below {apps} (stand-in: scripted, no model)", flush=True)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()
    twin.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
