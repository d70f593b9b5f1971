"""`python -m tests.bench.access`: what the PostgreSQL relay costs, beside none at all and beside pgbouncer.

pgbench's select-only script, with the simple protocol and with prepared statements, at one server and in turn within
one run. Client and pooler speak TLS and SCRAM, as the relay's clients must; `direct` is without TLS, which the embedded
server does not have. Never a pass or a fail.
"""

import argparse
import contextlib
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
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
from tests.bench.commands import ContestantFailed

ERR = Console(stderr=True, highlight=False)
DIRECT, POOLER, RELAY, SYNCED = "direct", "pgbouncer", "relay", "relay, to the disk"
PROTOCOLS = ("simple", "prepared")
TOKEN = "token-of-the-bench"
PATCHABLE = 0o755


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
    out = Console(highlight=False)
    title = (
        f"transactions/s, median of {options.rounds} x {options.seconds} s, {os.cpu_count()} cores, load {before:.1f}"
    )
    table = Table("", *(f"{protocol}, {n}" for protocol in PROTOCOLS for n in options.clients), title=title)
    for contestant, figures in found.items():
        table.add_row(contestant, *(f"{median(figures[cell]):,.0f}" for cell in sorted(figures)))
    out.print(table)
    for why in missing:
        out.print(f"not compared: {why}", markup=False)
    return ExitCode.OK


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=int, default=1)
    return parser.parse_args()


Cell = tuple[int, int]


def _measured(folder: Path, options: argparse.Namespace) -> tuple[dict[str, dict[Cell, list[float]]], list[str]]:
    missing: list[str] = []
    with contextlib.ExitStack() as stack:
        tls = certificate(folder, "localhost")
        place = folder / "server"
        place.mkdir()
        server = stack.enter_context(access_server.server(place, _free_port()))
        server.make_tables(options.scale)
        where = {DIRECT: access_server.dsn(server.port)}
        with contextlib.suppress(FileExistsError):
            (folder / "pgbouncer").mkdir()
        try:
            pooler = access_server.pgbouncer(folder / "pgbouncer", server.port, _free_port(), _copies(tls, folder))
            where[POOLER] = stack.enter_context(pooler)
        except ContestantFailed as error:
            missing.append(str(error))
        for name, synced in ((RELAY, False), (SYNCED, True)):
            where[name] = stack.enter_context(
                _relay(folder / name.replace(", ", "-").replace(" ", "-"), server.port, tls, synced)
            )
        found: dict[str, dict[Cell, list[float]]] = {name: {} for name in where}
        for _ in range(options.rounds):
            for protocol in PROTOCOLS:
                for clients in options.clients:
                    for name, dsn in where.items():
                        cell = (PROTOCOLS.index(protocol), clients)
                        tps = access_server.tps(dsn, protocol, clients, options.seconds)
                        found[name].setdefault(cell, []).append(tps)
                        ERR.print(f"{name}: {protocol}, {clients} clients: {tps:,.0f}", markup=False)
    return found, missing


@contextlib.contextmanager
def _relay(folder: Path, port: int, tls: tuple[Path, Path], synced: bool) -> Iterator[str]:
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
        yield access_server.dsn(relay.port, "agent-bench", TOKEN, sslmode="require", gssencmode="disable")
    finally:
        relay.stop()


def _copies(tls: tuple[Path, Path], folder: Path) -> tuple[Path, Path]:
    """The pooler's own, which it may read as another user."""
    pem, key = (folder / "pgbouncer" / each.name for each in tls)
    pem.write_bytes(tls[0].read_bytes())
    key.write_bytes(tls[1].read_bytes())
    return pem, key


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
