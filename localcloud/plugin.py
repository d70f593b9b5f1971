"""The program the engine starts as `pulumi-resource-aws`: it says where the running local cloud's provider listens.

`python -m localcloud.plugin --root ROOT`. It prints the port of the daemon's provider door (the engine then talks to
the daemon itself) and stays until the engine ends it. The warm path uses only the standard library.

Installed as `$PULUMI_HOME/plugins/resource-aws-v<version of pulumi-aws>/pulumi-resource-aws`, mode 0755:

    #!/bin/sh
    exec PYTHON -m localcloud.plugin --root ROOT "$@"
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Final

from factory.processes import start_ticks

RUN_FILE: Final = Path(".millwright", "run", "localcloud.json")
ORPHAN_CHECK_SECONDS: Final = 1.0


def provider_port(root: Path) -> str:
    """The port of the provider door, from the run file when it is fresh; otherwise the daemon is started."""
    try:
        run_file = json.loads((root / RUN_FILE).read_text())
        if start_ticks(int(run_file["pid"])) == run_file["started"]:
            return _port(run_file["addresses"]["provider"])
    except (OSError, ValueError, KeyError, IndexError):
        pass
    return _started(root)


def _started(root: Path) -> str:
    from factory import daemons
    from factory.paths import find_root

    return _port(daemons.ensure(find_root(root), daemons.LOCAL_CLOUD).addresses["provider"])


def _port(address: str) -> str:
    return address.rpartition(":")[2]


def main(arguments: list[str]) -> int:
    """Print the port and wait for SIGTERM, SIGINT or the engine's end. Returns the exit status."""
    stop = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)
    engine = os.getppid()
    try:
        # The engine appends its own arguments (its address, logging and tracing flags): none matters here.
        root = Path(arguments[arguments.index("--root") + 1])
    except (ValueError, IndexError):
        print("usage: python -m localcloud.plugin --root ROOT", file=sys.stderr)
        return 2
    try:
        print(provider_port(root), flush=True)
    except Exception as error:  # noqa: BLE001  whatever stops the start must reach the user as one line
        print(f"the local cloud cannot be reached: {error}", file=sys.stderr)
        return 9
    while signal.sigtimedwait(stop, ORPHAN_CHECK_SECONDS) is None:
        if os.getppid() != engine:
            break
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
