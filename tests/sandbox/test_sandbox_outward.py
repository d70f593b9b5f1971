"""What a sandbox that stays may reach: the places that its gate names, and only for as long as it lets them pass."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sandbox import Confined, Gate, Gates, Worker, python_binds, start_service, start_worker

ALLOWED = ("127.128.1.1", 5432)
OTHER = ("127.128.1.2", 5432)
# Does what it is told by lines of JSON through its door, and answers each.
APP = """
import json, os, socket
kept = {}
def reach(name, address, port):
    kept[name] = socket.create_connection((address, port), 5)
    return "connected"
def say(name, text):
    kept[name].sendall(text.encode())
    return kept[name].recv(100).decode()
def forget():
    kept.clear()
def unix(path, line):
    with socket.socket(socket.AF_UNIX) as way:
        way.settimeout(5)
        way.connect(path)
        way.sendall(line.encode())
        return way.recv(100).decode()
def put(path):
    os.unlink(path)
    return "gone"
print("begins with", end=" ")
try:
    print(reach("first", "127.128.1.1", 5432), flush=True)
except OSError as error:
    print(type(error).__name__, flush=True)
door = socket.create_server(("127.0.0.1", 8080))
while True:
    client, _ = door.accept()
    with client, client.makefile("rw") as lines:
        for line in lines:
            what, *words = json.loads(line)
            try:
                answer = globals()[what](*words)
            except (OSError, KeyError) as error:
                answer = type(error).__name__
            lines.write(json.dumps(answer) + "\\n")
            lines.flush()
"""


@dataclass
class Host:
    """A server on the host that answers in capitals, and what of it may be reached."""

    folder: Path
    allowed: set[tuple[str, int]] = field(default_factory=set)
    asked: list[tuple[str, int]] = field(default_factory=list)

    def connect(self, address: str, port: int) -> socket.socket | None:
        self.asked.append((address, port))
        if (address, port) not in self.allowed:
            return None
        here, there = socket.socketpair()
        threading.Thread(target=shout, args=(there,), daemon=True).start()
        return here


def shout(end: socket.socket) -> None:
    with end:
        while said := end.recv(100):
            end.sendall(said.upper())


@dataclass
class Asked:
    """The confined app, through its door."""

    process: Worker
    door: Path
    log: Path

    def __call__(self, *words: Any) -> Any:
        with socket.socket(socket.AF_UNIX) as client, client.makefile("rw") as lines:
            client.settimeout(10)
            client.connect(str(self.door))
            lines.write(json.dumps(words) + "\n")
            lines.flush()
            return json.loads(lines.readline())


def wait_for(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("did not happen")


@pytest.fixture
def gates() -> Iterator[Gates]:
    made = Gates()
    yield made
    made.close()


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@pytest.fixture
def gate(gates: Gates, host: Host, tmp_path: Path) -> Gate:
    (tmp_path / "way").mkdir(mode=0o700)
    host.allowed.add(ALLOWED)
    made = gates.open(tmp_path / "way" / "s", host.connect)
    made.tell(host.allowed)
    return made


@pytest.fixture
def app(gate: Gate, tmp_path: Path) -> Iterator[Asked]:
    (tmp_path / "door").mkdir()
    door, log = tmp_path / "door" / "s", tmp_path / "log"
    confined = Confined(argv=("python", "-u", "-c", APP), binds=python_binds(), cwd="/")
    served = start_service(confined, port=8080, socket=door, log=log, way=gate.socket)
    try:
        wait_for(lambda: "begins with" in log.read_text() and log.read_text().endswith("\n") and door.exists())
        yield Asked(served, door, log)
    finally:
        served.stop(0)


def test_what_the_gate_names_is_there_when_the_app_begins(app: Asked) -> None:
    assert "begins with connected" in app.log.read_text()
    assert app("say", "first", "hello") == "HELLO"


def test_what_it_does_not_name_is_refused_on_every_address_and_port(app: Asked, host: Host) -> None:
    assert app("reach", "a", *ALLOWED) == "connected"
    for place in (OTHER, (ALLOWED[0], 5433), ("127.0.0.1", 5432), ("127.128.1.3", 1)):
        assert app("reach", "b", *place) == "ConnectionRefusedError"
    # The network of the host is not there at all.
    assert app("reach", "b", "192.0.2.1", 5432) == "OSError"
    assert set(host.asked) == {ALLOWED}


def test_a_line_of_its_own_to_the_gate_opens_nothing_more(app: Asked) -> None:
    way = "/run/way/s"
    assert app("unix", way, f"{ALLOWED[0]} {ALLOWED[1]}\n") == "+"
    for line in (f"{OTHER[0]} {OTHER[1]}\n", "127.0.0.1 22\n", "/run/docker.sock 1\n", "\n", "watch out\n", "x" * 200):
        assert app("unix", way, line if line.endswith("\n") else line + "\n") == ""
    assert app("unix", way, "watch\n") == f'[["{ALLOWED[0]}", {ALLOWED[1]}]]\n'
    # Nothing can be put in its place.
    assert app("put", way) == "OSError"


def test_a_place_that_is_told_later_is_reached_and_one_that_is_taken_back_ends(
    app: Asked, host: Host, gate: Gate
) -> None:
    host.allowed.add(OTHER)
    gate.tell(host.allowed)
    assert wait_for(lambda: app("reach", "b", *OTHER) == "connected")
    assert app("say", "b", "hello") == "HELLO"
    host.allowed.remove(OTHER)
    gate.tell(host.allowed)
    assert wait_for(lambda: app("reach", "c", *OTHER) == "ConnectionRefusedError")
    assert app("say", "b", "still") in ("", "ConnectionResetError", "BrokenPipeError")
    assert app("say", "first", "still") == "STILL"


def test_the_host_decides_at_each_connection_whatever_is_listened_at_inside(app: Asked, host: Host) -> None:
    assert app("reach", "a", *ALLOWED) == "connected"
    host.allowed.clear()
    assert app("unix", "/run/way/s", f"{ALLOWED[0]} {ALLOWED[1]}\n") == ""
    app("reach", "late", *ALLOWED)
    assert app("say", "late", "hello") in ("", "ConnectionResetError", "BrokenPipeError")


def test_two_sandboxes_have_two_gates(app: Asked, gates: Gates, tmp_path: Path) -> None:
    (tmp_path / "way-2").mkdir(mode=0o700)
    other = gates.open(tmp_path / "way-2" / "s", lambda *_: None)
    code = "import os, socket; print(os.listdir('/run/way'), socket.socket().connect_ex(('127.128.1.1', 5432)))"
    log = tmp_path / "log-2"
    confined = Confined(argv=("python", "-u", "-c", code), binds=python_binds(), cwd="/")
    worker = start_worker(confined, log=log, way=other.socket)
    wait_for(lambda: not worker.alive())
    assert log.read_text() == "['s'] 111\n"
    assert app("reach", "a", *ALLOWED) == "connected"


def test_connections_of_one_sandbox_are_bounded_and_freed(app: Asked) -> None:
    for number in range(70):
        app("reach", f"n{number}", *ALLOWED)
    assert app("say", "n0", "hello") == "HELLO"
    # Ended as it began, or so soon that it never was one.
    assert app("say", "n69", "hello") in ("", "ConnectionResetError", "BrokenPipeError", "KeyError")
    app("forget")
    wait_for(lambda: app("reach", "again", *ALLOWED) == "connected" and app("say", "again", "x") == "X")


def test_a_worker_runs_until_it_ends_and_is_reached_by_nobody(tmp_path: Path) -> None:
    code = "import os; print(sorted(os.listdir('/run'))); raise SystemExit(5)"
    confined = Confined(argv=("python", "-u", "-c", code), binds=python_binds(), cwd="/")
    worker = start_worker(confined, log=tmp_path / "log")
    wait_for(lambda: not worker.alive())
    assert (worker.exit_code(), (tmp_path / "log").read_text()) == (5, "['forwarder.py']\n")
