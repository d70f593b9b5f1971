"""A real daemon that does nothing: `python -m tiny_daemon --root DIR`. TINY says how it misbehaves."""

import os
import signal
import sys
from pathlib import Path

from factory import daemons
from factory.errors import MillwrightError
from factory.paths import FactoryRoot

NAME = "tiny"


def main() -> None:
    wayward = os.environ.get("TINY")
    if wayward == "broken":
        sys.exit("tiny: no bytes left in the jar")
    try:
        claim = daemons.claim(FactoryRoot(Path(sys.argv[2])), NAME)
    except MillwrightError as error:
        sys.exit(error.exit_code)
    ends = {signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    claim.publish({"http": "http://127.0.0.1:9"}, generation="1")
    signal.sigwait({signal.SIGUSR1} if wayward == "deaf" else ends)
    if wayward != "rude":
        claim.release()


if __name__ == "__main__":
    main()
