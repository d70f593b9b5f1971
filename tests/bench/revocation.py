"""How long a revoked grant lives: `python -m tests.bench.revocation [--times 200]`. Nothing passes or fails here.

Each time: a grant, two clients under it (one idle, one in the middle of a query), the word that it ends, and when
each client is dead and no backend is left. All parts are the real ones: the access daemon's two
threads at their own pace, the relay, the embedded PostgreSQL. Then the same of a queue, by the proxy at the local
cloud, and over SSH, where an sshd is here.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pg8000.exceptions import DatabaseError, InterfaceError

sys.path.insert(0, str(Path(__file__).parents[1] / "access"))

from database_place import DatabasePlace, database_place, let_in
from grant_place import GrantPlace, grant_place
from grant_waits import wait_for

from access.broker import Broker
from access.daemon import CUT_SECONDS, LOOK_SECONDS
from access.grants import State
from access.providers.postgres import Postgres
from access.relays import postgres_relay
from tests.bench.revocation_aws import measured as measured_aws
from tests.bench.revocation_ssh import measured_ssh

ENDED = (DatabaseError, InterfaceError, OSError)
SECONDS = 60.0


@dataclass
class Measured:
    """Seconds after the word, each time."""

    idle: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    backends: list[float] = field(default_factory=list)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.revocation", description=__doc__)
    parser.add_argument("--times", type=int, default=200)
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory(prefix="millwright-bench-") as folder:
        root, data = Path(folder) / "factory", Path(folder) / "data"
        for made in (root, data):
            made.mkdir()
        with database_place(data) as server:
            _print("SQL", times, vars(_measured(grant_place(root), server, times)))
        _print("AWS", times, vars(measured_aws(times, _repeat)))
        if (over_ssh := measured_ssh(Path(folder) / "ssh", times)) is not None:
            _print("SSH", times, vars(over_ssh))


def _print(kind: str, times: int, measured: dict[str, list[float]]) -> None:
    load = f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores"
    print(f"{kind}: {times} revocations, seconds until dead; {load}")
    for what, seconds in measured.items():
        ordered = sorted(seconds)
        p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
        print(f"  {what:<9} median {ordered[len(ordered) // 2]:.3f}  p99 {p99:.3f}  max {ordered[-1]:.3f}")


def _measured(place: GrantPlace, server: DatabasePlace, times: int) -> Measured:
    place.wall = datetime.now(UTC)
    provider = Postgres(
        lambda: postgres_relay(place.root, place.database, datetime.now(UTC)),
        lambda _: server.url,
        place.desk.verdicts.statement_kinds,
        "disable",
    )
    broker = Broker(place.desk, place.database, {"postgres": provider})
    stop = threading.Event()
    for do, seconds in ((broker.cut, CUT_SECONDS), (broker.work, LOOK_SECONDS)):
        threading.Thread(target=_repeat, args=(do, seconds, stop), daemon=True).start()
    found = Measured()
    try:
        for number in range(times):
            place.log()
            _once(place, server, found)
            if sys.stderr.isatty():
                print(f"\r{number + 1}/{times}", end="", file=sys.stderr, flush=True)
    finally:
        stop.set()
        broker.close()
    return found


def _once(place: GrantPlace, server: DatabasePlace, measured: Measured) -> None:
    given = place.ask()
    wait_for(lambda: place.state(given.grant) is State.ACTIVE, SECONDS, 0.005)
    role = place.read(given.grant).provider_ref
    idle, busy, dead = let_in(place, given, seconds=SECONDS), let_in(place, given, seconds=SECONDS), threading.Event()

    def run() -> None:
        try:
            busy.run("SELECT pg_sleep(600)")
        except ENDED:
            dead.set()

    threading.Thread(target=run, daemon=True).start()
    wait_for(lambda: server.backends(role) == 2, SECONDS, 0.005)
    said = time.monotonic()
    place.desk.end(place.read(given.grant), "measured", actor="bench")
    # Whoever waits for the other end hears of it as it happens.
    reader = threading.Thread(target=lambda: (idle._usock.recv(1), measured.idle.append(time.monotonic() - said)))
    reader.start()
    dead.wait(SECONDS)
    measured.busy.append(time.monotonic() - said)
    reader.join(SECONDS)
    wait_for(lambda: server.backends(role) == 0, SECONDS, 0.005)
    measured.backends.append(time.monotonic() - said)
    wait_for(lambda: place.state(given.grant) is State.ENDED, SECONDS, 0.005)


def _repeat(do: Callable[[], None], seconds: float, stop: threading.Event) -> None:
    while not stop.wait(seconds):
        do()


if __name__ == "__main__":
    main()
