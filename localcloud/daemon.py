"""The local cloud's daemon: `python -m localcloud.daemon --root ROOT`. One owner per factory, state on disk.

Doors: `http` (AWS over loopback), `provider` (Pulumi's resource provider over gRPC); both in the run file.
"""

import argparse
import gc
import os
import signal
import sys
import time
from pathlib import Path

from factory import daemons
from factory.errors import ExitCode, MillwrightError
from factory.paths import find_root
from localcloud.isolation import isolate

NAME = daemons.LOCAL_CLOUD
HASH_SEED = "PYTHONHASHSEED"
# What wakes the main thread besides the number of a signal.
DISK_FULL = b"\xff"
LAST_ANSWERS_SECONDS = 0.5


def main() -> int:
    """Run until SIGTERM or SIGINT. Returns the process's exit status."""
    parser = argparse.ArgumentParser(prog="python -m localcloud.daemon", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder of the factory (it holds millwright.yaml)")
    arguments = parser.parse_args()
    if os.environ.get(HASH_SEED) != "0":
        # The order of sets must be the same when a logged call is done again.
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | {HASH_SEED: "0"})  # noqa: S606
    stopped, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    daemons.on_stop(lambda: None)
    try:
        claim = daemons.claim(find_root(arguments.root), NAME)
        return _serve(claim, stopped, wake)
    except MillwrightError as error:
        print(error.rendered(), file=sys.stderr)
        return error.exit_code


def _serve(claim: daemons.Claim, stopped: int, wake: int) -> int:
    isolate(os.environ)
    # A snapshot is written in a fork, in which gRPC would start its threads again, on files that are closed there.
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
    # A fifth of the time goes into looking for garbage among what is kept for good.
    gc.disable()
    # time-machine looks for it, and it takes a tenth of a second.
    sys.modules.setdefault("pytest", None)  # type: ignore[arg-type]
    # Only now: it imports moto and boto3, which must find the environment isolated.
    from localcloud.service import Service

    gc.freeze()
    gc.enable()

    def stop() -> None:
        os.write(wake, DISK_FULL)

    service = Service(claim, stop)
    try:
        service.open()
        # Whichever thread the signal came to.
        why = os.read(stopped, 1)
        if why == DISK_FULL:
            # Whoever asked is to read the reason.
            time.sleep(LAST_ANSWERS_SECONDS)
    finally:
        service.close()
    return ExitCode.CLOUD_UNAVAILABLE if why == DISK_FULL else ExitCode.OK


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # State is on disk already: there is nothing to wait for, and gRPC's threads would take a second to end.
    os._exit(status)
