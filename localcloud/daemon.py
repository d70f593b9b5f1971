"""The local cloud's daemon: `python -m localcloud.daemon --root ROOT`. One owner per factory, state in memory.

Doors: `http` (AWS over loopback), `provider` (Pulumi's resource provider over gRPC); both in the run file.
"""

import argparse
import os
import signal
import sys
from pathlib import Path

from factory import daemons
from factory.errors import ExitCode, MillwrightError
from factory.paths import find_root
from localcloud.isolation import isolate

NAME = daemons.LOCAL_CLOUD


def main() -> int:
    """Run until SIGTERM or SIGINT. Returns the process's exit status."""
    parser = argparse.ArgumentParser(prog="python -m localcloud.daemon", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder of the factory (it holds millwright.yaml)")
    arguments = parser.parse_args()
    stopped, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    daemons.on_stop(lambda: None)
    try:
        claim = daemons.claim(find_root(arguments.root), NAME)
    except MillwrightError as error:
        print(f"{error}\n{error.hint}", file=sys.stderr)
        return error.exit_code
    isolate(os.environ)
    # Only now: it imports moto and boto3, which must find the environment isolated.
    from localcloud.service import Service

    service = Service(claim)
    try:
        service.open()
        # Whichever thread the signal came to.
        os.read(stopped, 1)
    finally:
        service.close()
    return ExitCode.OK


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # State is in memory only: there is nothing to wait for, and gRPC's threads would take a second to end.
    os._exit(status)
