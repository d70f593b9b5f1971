"""The egress proxy as a service: a real process on loopback, told apart by port, recorded before it acts."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from egress_place import HOST, PUBLIC, Host, connect_to, everything, host, trusting

from access.egress.record import ALLOWED, ENDED, REFUSED
from access.egress.service import FORGET_SECONDS, STARTED, Door
from factory.egress_lists import Listening, lists
from factory.spec import Environment, Function

STANDIN = Path(__file__).parent / "egress_service_standin.py"
CLIENT = "127.0.0.7"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@dataclass
class Service:
    """The process; `said` is what was read of its events so far."""

    process: subprocess.Popen[str]
    ports: dict[Function, int]
    said: list[dict[str, object]] = field(default_factory=list)

    def event(self) -> dict[str, object]:
        """The next event that it records."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, "the service has ended"
        self.said.append(json.loads(line))
        return self.said[-1]

    def events(self, *kinds: str) -> list[dict[str, object]]:
        """The next events, which must be of these kinds."""
        found = [self.event() for _ in kinds]
        assert [each["kind"] for each in found] == list(kinds)
        return found

    def connect(self, function: Function) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.ports[function]), 20, source_address=(CLIENT, 0))

    def says(self, function: Function, target: str) -> bytes:
        with self.connect(function) as connection:
            connection.sendall(connect_to(target))
            return everything(connection)

    def tunnel(self, function: Function, there: Host) -> socket.socket:
        connection = self.connect(function)
        connection.sendall(connect_to(f"{HOST}:{there.port}"))
        said = connection.recv(65_536)
        assert said.startswith(b"HTTP/1.1 200 "), said
        return trusting(there).wrap_socket(connection, server_hostname=HOST)

    def fetch(self, function: Function, there: Host) -> bytes:
        with self.tunnel(function, there) as secure:
            secure.sendall(b"GET / HTTP/1.1\r\n\r\n")
            return everything(secure)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with host(tmp_path_factory.mktemp("host")) as found:
        yield found


def started(there: Host, stdout: int = subprocess.PIPE) -> Service:
    ports = {Function.CODER: free_port(), Function.TESTER: free_port()}
    coder = [f"{HOST}:{there.port}", "inside.example.com", "metadata.example.com"]
    told = lists("links", Environment.BUILD, {Function.CODER: coder, Function.TESTER: ["other.example.com"]})
    doors = {function: each.model_copy(update={"port": ports[function]}) for function, each in told.functions.items()}
    told = told.model_copy(update={"functions": doors})
    command = [sys.executable, str(STANDIN), told.model_dump_json()]
    return Service(subprocess.Popen(command, stdout=stdout, text=True, env={"PATH": os.defpath}), ports)


@pytest.fixture
def service(there: Host) -> Iterator[Service]:
    found = started(there)
    try:
        assert found.event()["kind"] == STARTED
        yield found
    finally:
        found.process.kill()
        found.process.communicate()


def test_what_it_lets_through_is_recorded_before_anybody_asks(service: Service, there: Host) -> None:
    (first,) = service.said
    assert (first["app"], first["actor"]) == ("links", "egress")
    assert first["properties"]["environment"] == "build"  # type: ignore[index]
    coder = first["properties"]["functions"]["coder"]  # type: ignore[index]
    assert (coder["port"], coder["hosts"][0]) == (service.ports[Function.CODER], f"{HOST}:{there.port}")


def test_an_allowed_host_is_reached_and_the_record_says_by_which_function_and_from_where(
    service: Service, there: Host
) -> None:
    assert service.fetch(Function.CODER, there).endswith(b"hello")
    allowed, ended = service.events(ALLOWED, ENDED)
    assert (allowed["actor"], allowed["task"], allowed["change"]) == ("agent:links/coder", None, None)
    facts: dict[str, object] = ended["properties"]  # type: ignore[assignment]
    assert (facts["client"], facts["function"], facts["environment"]) == (CLIENT, "coder", "build")
    assert (facts["host"], facts["address"]) == (HOST, PUBLIC)


def test_a_function_has_its_own_list_and_no_other(service: Service, there: Host) -> None:
    reached = len(there.reached)
    assert service.says(Function.TESTER, f"{HOST}:{there.port}").startswith(b"HTTP/1.1 403 ")
    (refused,) = service.events(REFUSED)
    assert refused["actor"] == "agent:links/tester"
    assert len(there.reached) == reached
    assert service.fetch(Function.CODER, there).endswith(b"hello")


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("evil.example.net:443", 403),
        # On the list, and lead to this machine and to the cloud's metadata.
        ("inside.example.com:443", 403),
        ("metadata.example.com:443", 403),
        ("169.254.170.2:443", 400),
        ("10.20.0.5:443", 400),
        ("localhost:443", 400),
    ],
)
def test_nothing_else_is_reached_from_the_network(target: str, status: int, service: Service, there: Host) -> None:
    reached = len(there.reached)
    assert service.says(Function.CODER, target).startswith(f"HTTP/1.1 {status} ".encode())
    while service.event()["kind"] != REFUSED:
        pass
    assert len(there.reached) == reached
    assert service.fetch(Function.CODER, there).endswith(b"hello")


def test_what_cannot_be_recorded_does_not_happen(there: Host) -> None:
    reader, writer = os.pipe()
    service = started(there, stdout=writer)
    os.close(writer)
    try:
        with os.fdopen(reader, encoding="utf-8") as events:
            assert json.loads(events.readline())["kind"] == STARTED
            assert service.fetch(Function.CODER, there).endswith(b"hello")
        reached = len(there.reached)
        # Nobody keeps its events any more.
        assert service.says(Function.CODER, f"{HOST}:{there.port}").startswith(b"HTTP/1.1 503 ")
        assert len(there.reached) == reached
    finally:
        service.process.kill()
        service.process.wait()


def test_when_it_is_told_to_end_it_records_what_was_open(service: Service, there: Host) -> None:
    with service.tunnel(Function.CODER, there):
        service.events(ALLOWED)
        service.process.send_signal(signal.SIGTERM)
        service.events(ENDED)
    assert service.process.wait(20) == 0


def test_a_port_that_somebody_else_has_is_told_at_once(there: Host) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = lists("links", Environment.BUILD, {Function.CODER: [HOST]})
        door = Listening(port=taken.getsockname()[1], hosts=(HOST,))
        told = told.model_copy(update={"functions": {Function.CODER: door}})
        command = [sys.executable, str(STANDIN), told.model_dump_json()]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1
    assert "Address already in use" in ended.stderr
    assert ended.stdout == ""


def test_what_clients_use_is_counted_for_each_and_forgotten_when_one_has_been_silent() -> None:
    now = [0.0]

    def door() -> Door:
        listening = Listening(port=1, hosts=(HOST,))
        return Door(listening, lambda address: address, print, print, print, lambda: now[0])  # type: ignore[arg-type, return-value]

    found = door()
    first = found.egress("10.0.0.1")
    assert found.egress("10.0.0.2") is not first
    now[0] = FORGET_SECONDS
    assert found.egress("10.0.0.1") is first
    now[0] = 2 * FORGET_SECONDS + 1
    assert found.egress("10.0.0.1") is not first
