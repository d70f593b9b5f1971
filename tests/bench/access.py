"""`python -m tests.bench.access`: what the PostgreSQL relay costs, beside none at all and beside pgbouncer.

pgbench's select-only script, with the simple protocol and with prepared statements, at one server and in turn within
one run: transactions each second, and the CPU time that whatever stands between took for each. Where others use the
machine, the former tell little; the latter grows as well, of what needs more code more (caches are cold). Client and
pooler speak TLS and SCRAM, as the relay's clients must; `direct` is without TLS, which the embedded server does not
have. Never a pass or a fail.
"""

import argparse
import contextlib
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from access.postgres.kinds import StatementKind
from access.postgres.orders import Begin, Open, Upstream
from access.postgres.process import Relay
from access.postgres.scram import stored
from factory.errors import ExitCode, MillwrightError
from tests.access.egress_place import certificate
from tests.bench import access_server
from tests.bench.access_server import Contestant, Figures
from tests.bench.commands import ContestantFailed

DIRECT, POOLER, RELAY, SYNCED = "direct", "pgbouncer", "relay", "relay, to the disk"
WIDTH = 120
PROTOCOLS = ("simple", "prepared")
TOKEN = "token-of-the-bench"
PATCHABLE = 0o755
ERR, OUT = Console(stderr=True, highlight=False), Console(highlight=False, width=WIDTH)


def main() -> int:
    """Run the benchmark and print it."""
    options = _options()
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(PATCHABLE)
        try:
            found, missing = _measured(folder, options)
        except (ContestantFailed, MillwrightError) as error:
            ERR.print(f"not measured: {error}", markup=False)
            return ExitCode.FAILED
    _print(found, options, before)
    for why in missing:
        print(f"not compared: {why}")
    return ExitCode.OK


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--protocols", nargs="+", choices=PROTOCOLS, default=PROTOCOLS)
    parser.add_argument("--only", nargs="+", choices=(DIRECT, POOLER, RELAY, SYNCED), default=[])
    parser.add_argument("--transactions", type=int, default=20_000, help="in each measurement, all clients together")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=int, default=1)
    return parser.parse_args()


Cell = tuple[str, int]
Found = dict[str, dict[Cell, list[Figures]]]


def _print(found: Found, options: argparse.Namespace, load: float) -> None:
    what = f"medians of {options.rounds} x {options.transactions} transactions, {os.cpu_count()} cores, load {load:.1f}"
    units: dict[str, Callable[[Figures], float]] = {
        "transactions/s": lambda each: each.tps,
        "CPU microseconds a transaction": lambda each: each.cpu,
    }
    columns = [(protocol, clients) for protocol in options.protocols for clients in options.clients]
    for unit, figure in units.items():
        table = Table("", *(f"{protocol}, {n}" for protocol, n in columns), title=f"{unit}; {what}")
        rows = {name: [median(map(figure, cells[column])) for column in columns] for name, cells in found.items()}
        for name, figures in rows.items():
            peers = rows[POOLER] if POOLER in rows and name not in (POOLER, DIRECT) else [0.0] * len(columns)
            # Nothing stands between `direct` and its server.
            if any(figures):
                table.add_row(name, *map(_beside, figures, peers))
        OUT.print(table)


def _beside(mine: float, its: float) -> str:
    """A figure, and its ratio to the peer's."""
    return f"{mine:,.0f} ({mine / its:.2f})" if its else f"{mine:,.0f}"


def _measured(folder: Path, options: argparse.Namespace) -> tuple[Found, list[str]]:
    missing: list[str] = []
    with contextlib.ExitStack() as stack:
        contestants = _contestants(folder, stack, options, missing)
        found: Found = {name: {} for name in contestants}
        for _ in range(options.rounds):
            for cell in [(protocol, clients) for protocol in options.protocols for clients in options.clients]:
                for name, contestant in contestants.items():
                    figures = access_server.measured(contestant, *cell, options.transactions)
                    found[name].setdefault(cell, []).append(figures)
                    told = f"{figures.tps:,.0f}/s, {figures.cpu:.1f} us"
                    ERR.print(f"{name}: {cell[0]}, {cell[1]} clients: {told}", markup=False)
    return found, missing


def _contestants(
    folder: Path, stack: contextlib.ExitStack, options: argparse.Namespace, missing: list[str]
) -> dict[str, Contestant]:
    """They run until the stack ends; of those that are not here `missing` gets the reason."""
    tls = certificate(folder, "localhost")
    place, pooler = folder / "server", folder / "pgbouncer"
    place.mkdir()
    pooler.mkdir()
    server = stack.enter_context(access_server.server(place, _free_port()))
    server.make_tables(options.scale)
    found = {DIRECT: Contestant(access_server.dsn(server.port), 0)}
    try:
        there = access_server.pgbouncer(pooler, server.port, _free_port(), _copies(tls, pooler))
        found[POOLER] = stack.enter_context(there)
    except ContestantFailed as error:
        missing.append(str(error))
    for name, synced in ((RELAY, False), (SYNCED, True)):
        found[name] = stack.enter_context(_relay(folder / name.replace(", ", "-"), server.port, tls, synced))
    return {name: each for name, each in found.items() if name in options.only or not options.only}


@contextlib.contextmanager
def _relay(folder: Path, port: int, tls: tuple[Path, Path], synced: bool) -> Iterator[Contestant]:
    folder.mkdir()
    relay = Relay(folder / "log")
    relay.start(Begin(recordings=folder / "recordings", certificate=tls[0], key=tls[1], synced=synced))
    try:
        upstream = Upstream(
            host="127.0.0.1",
            port=port,
            database=access_server.DATABASE,
            user=access_server.USER,
            password=access_server.PASSWORD,
            tls="disable",
        )
        relay.open(
            Open(
                grant="bench",
                login="agent-bench",
                verifier=stored(TOKEN),
                server=upstream,
                allowed=[StatementKind.READ],
                app="bench",
                principal="agent:bench",
            )
        )
        where = access_server.dsn(relay.port, "agent-bench", TOKEN, sslmode="require", gssencmode="disable")
        yield Contestant(where, relay.pid)
    finally:
        relay.stop()


def _copies(tls: tuple[Path, Path], folder: Path) -> tuple[Path, Path]:
    """The pooler's own, which it may read as another user."""
    pem, key = (folder / each.name for each in tls)
    pem.write_bytes(tls[0].read_bytes())
    key.write_bytes(tls[1].read_bytes())
    return pem, key


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
