"""The worker's daemon: `python -m pipeline.worker --root ROOT`. Runs every change's flow; one owner per factory.

It takes up submitted changes, goes on with those a dead worker left, and holds the one door that agents' tasks have.
"""

import argparse
import logging
import os
import sys
import threading
from pathlib import Path
from typing import NoReturn

from factory import daemons
from factory.errors import ExitCode, MillwrightError
from factory.paths import find_root
from pipeline.faults import POINTS

NAME = daemons.WORKER
LOG = logging.getLogger("millwright.worker")


def run_to_the_end() -> NoReturn:
    """Run, and end this process, whatever happens: flows wait in threads, which would go on without an owner.

    The engine has their state, and the next worker goes on from it. The kernel gives the claim back when all is over.
    """
    status: int | str | None = ExitCode.FAILED
    try:
        status = main()
    except SystemExit as end:
        # What argparse says of wrong arguments.
        status = end.code
    except BaseException:
        LOG.critical("the worker failed; the next one goes on from where it was", exc_info=True)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status if isinstance(status, int) else ExitCode.FAILED)


def main() -> int:
    """Run until SIGTERM or SIGINT. Returns the process's exit status; the claim is still held then."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.worker", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder of the factory (it holds millwright.yaml)")
    parser.add_argument("--die-at", nargs="*", default=[], choices=POINTS, help="kill this process there (for tests)")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Each look at what a task holds would be a line.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    stop = threading.Event()
    daemons.on_stop(stop.set)
    try:
        claim = daemons.claim(find_root(arguments.root), NAME)
    except MillwrightError as error:
        print(error.rendered(), file=sys.stderr)
        return error.exit_code
    # Only now: it imports the SDKs, which is slow, and a second worker must learn at once that it is one.
    from pipeline.service import Service

    try:
        service = Service(claim, arguments.die_at)
        service.run(stop)
    except MillwrightError as error:
        print(error.rendered(), file=sys.stderr)
        return error.exit_code
    finally:
        claim.withdraw()
    return ExitCode.OK


if __name__ == "__main__":
    run_to_the_end()
