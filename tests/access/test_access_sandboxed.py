"""Real clients in a real sandbox, behind the proxy's own process: the hosts of the task's list and nothing else."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from egress_place import HOST, PUBLIC, Host, host
from sqlalchemy import Engine

from access.client import Asker, Proxies, Way
from factory import db, events
from factory.errors import MillwrightError
from factory.paths import FactoryRoot
from factory.settings import Settings
from sandbox import Bind, Confined, Limits, Ran, python_binds, run, through

COMMAND = (sys.executable, "-P", str(Path(__file__).parent / "egress_standin.py"))
URLLIB = """
import ssl, sys, urllib.request
context = ssl.create_default_context(cafile="host.pem")
try:
    print(urllib.request.urlopen(sys.argv[1], timeout=20, context=context).read().decode())
except OSError as error:
    print(error)
"""
HTTPX = """
import ssl, sys, httpx2
context = ssl.create_default_context(cafile="host.pem")
try:
    print(httpx2.get(sys.argv[1], timeout=20, verify=context).text)
except httpx2.HTTPError as error:
    print(error)
"""
# Every other way out that a program could try. Each answers with what came of it.
WAYS = """
import json, socket, sys
def tried(family, kind, address, said=b""):
    try:
        with socket.socket(family, kind) as s:
            s.settimeout(5)
            s.connect(address)
            s.sendall(said)
            return "answered" if s.recv(100) else "closed"
    except OSError as error:
        return type(error).__name__
host, port = sys.argv[1], int(sys.argv[2])
found = {
    "the host itself": tried(socket.AF_INET, socket.SOCK_STREAM, (host, port)),
    "the host of the factory": tried(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port)),
    "another port of the proxy": tried(socket.AF_INET, socket.SOCK_STREAM, ("127.128.0.1", 3129)),
    "another address": tried(socket.AF_INET, socket.SOCK_STREAM, ("192.0.2.1", 443)),
    "IPv6": tried(socket.AF_INET6, socket.SOCK_STREAM, ("2001:db8::1", 443)),
    "UDP": tried(socket.AF_INET, socket.SOCK_DGRAM, ("192.0.2.1", 53), b"x"),
    "a raw socket": tried(socket.AF_INET, socket.SOCK_RAW, ("192.0.2.1", 0), b"x"),
    "another place at the gate": tried(socket.AF_UNIX, socket.SOCK_STREAM, "/run/way/s", b"127.0.0.1 22\\n"),
    "the gate": tried(socket.AF_UNIX, socket.SOCK_STREAM, "/run/way/s", b"127.128.0.1 3128\\n"),
}
try:
    found["a name"] = socket.getaddrinfo("api.example.com", 443)
except OSError as error:
    found["a name"] = type(error).__name__
print(json.dumps(found))
"""


@dataclass
class Place:
    """A factory with its database, and the proxies of its worker."""

    root: FactoryRoot
    database: Engine
    proxies: Proxies
    there: Host

    def opened(self, *hosts: str, task: str = "links.sums.coder.1") -> AbstractContextManager[Way | None]:
        asker = Asker(app="links", change="sums", task=task, function="coder")
        return self.proxies.opened(self.root, self.database, asker, hosts, self.root.tasks / task / "way")

    def run(self, way: Way, *argv: str) -> str:
        """What a program prints in a sandbox with that way out."""
        told = {"HTTPS_PROXY": way.proxy, "https_proxy": way.proxy}
        confined = Confined(
            argv=argv,
            binds=(*python_binds(), Bind(self.there.pem.parent, "/work")),
            env=told,
            limits=Limits(seconds=60),
        )
        ran: Ran = run(through(confined, way.socket))
        return (ran.out + ran.err).strip()

    def recorded(self) -> list[tuple[str, str | None, str | None]]:
        """Kind, host and task of every event of a proxy."""
        with db.transaction(self.database) as connection:
            found = events.recent(connection, app="links")
        return [(event.kind, event.properties["host"], event.task) for event in found]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("factory")
    root = FactoryRoot(folder / "a-factory-that-lies-so-deep-that-no-socket-of-its-has-a-path-of-a-hundred-bytes" / "x")
    root.path.mkdir(parents=True)
    root.settings_file.write_text("aws: local\n")
    certificates = folder / "certificates"
    certificates.mkdir()
    with host(certificates) as there:
        made = Place(root, db.connect(root, Settings()), Proxies(COMMAND), there)
        yield made
        made.proxies.close()


def clients() -> Sequence[tuple[str, ...]]:
    curl = ("curl", "-sS", "--cacert", "host.pem")
    return (("python", "-c", URLLIB), ("python", "-c", HTTPX), *([curl] if shutil.which("curl") else []))


def test_the_clients_that_people_use_reach_the_hosts_of_the_list_and_no_others(place: Place) -> None:
    port = place.there.port
    with place.opened(f"{HOST}:{port}", f"inside.example.com:{port}", f"metadata.example.com:{port}") as way:
        assert way
        for client in clients():
            assert place.run(way, *client, f"https://{HOST}:{port}/") == "hello"
            # Also those on the list, when they lead inside.
            for other in ("evil.example.net", "127.0.0.1", PUBLIC, "inside.example.com", "metadata.example.com"):
                said = place.run(way, *client, f"https://{other}:{port}/")
                assert "403" in said or "400" in said, said
    assert len(place.there.reached) == len(clients())
    assert [name for kind, name, _ in place.recorded() if kind == "egress.ended"] == [HOST] * len(clients())
    refused = [name for kind, name, _ in place.recorded() if kind == "egress.refused"]
    assert refused.count("evil.example.net") == refused.count("metadata.example.com") == len(clients())


def test_there_is_no_other_way_out_of_the_sandbox(place: Place) -> None:
    port = place.there.port
    before = len(place.there.reached)
    with place.opened(f"{HOST}:{port}") as way:
        assert way
        found = json.loads(place.run(way, "python", "-c", WAYS, PUBLIC, str(port)))
        # The gate lets in, and behind it is the proxy, which is told nothing here.
        assert found.pop("the gate") == "answered"
        assert set(found.values()) <= {"OSError", "ConnectionRefusedError", "closed", "gaierror", "PermissionError"}
        assert len(place.there.reached) == before
        assert place.run(way, "python", "-c", URLLIB, f"https://{HOST}:{port}/") == "hello"


def test_two_tasks_have_two_lists_and_each_is_told_apart(place: Place) -> None:
    port = place.there.port
    fetch = ("python", "-c", URLLIB, f"https://{HOST}:{port}/")
    with place.opened(f"{HOST}:{port}", task="links.sums.coder.2") as one:
        with place.opened("other.example.com", task="links.sums.coder.3") as other:
            assert one
            assert other
            assert place.run(one, *fetch) == "hello"
            assert "403" in place.run(other, *fetch)
        # The first has ended with its block, the second goes on.
        assert "refused" in place.run(other, *fetch)
        assert place.run(one, *fetch) == "hello"
    told = {(kind, task[-1]) for kind, _, task in place.recorded() if task and task[-1] in "23"}
    assert told == {("egress.allowed", "2"), ("egress.ended", "2"), ("egress.refused", "3")}


def test_without_a_list_there_is_no_gate_and_no_process(place: Place) -> None:
    proxies = Proxies(("/bin/false",))
    asker = Asker(app="links", change="sums", task="links.sums.coder.4", function="coder")
    folder = place.root.tasks / "links.sums.coder.4" / "way"
    with proxies.opened(place.root, place.database, asker, [], folder) as way:
        assert way is None
    assert not folder.exists()
    # With one, and nothing that could decide, the task does not begin.
    with (
        pytest.raises(MillwrightError, match=r"does not (run|answer)"),
        proxies.opened(place.root, place.database, asker, [HOST], folder),
    ):
        pass
    proxies.close()


def test_when_the_proxy_is_killed_nothing_passes_until_a_task_begins_with_a_new_one(place: Place) -> None:
    port = place.there.port
    fetch = ("python", "-c", URLLIB, f"https://{HOST}:{port}/")
    with place.opened(f"{HOST}:{port}", task="links.sums.coder.5") as way:
        assert way
        assert place.run(way, *fetch) == "hello"
        proxy = psutil.Process(place.proxies._running["links"].pid)
        proxy.kill()
        proxy.wait()
        assert "refused" in place.run(way, *fetch)
        with place.opened(f"{HOST}:{port}", task="links.sums.coder.6") as new:
            assert new
            assert place.run(new, *fetch) == "hello"


def test_a_worker_that_is_killed_takes_its_proxy_with_it(place: Place) -> None:
    folder = place.root.tasks / "links.sums.coder.7" / "way"
    worker = f"""
import os, pathlib
from access.client import Asker, Proxies
from factory import db
from factory.paths import FactoryRoot
from factory.settings import Settings
root, proxies = FactoryRoot(pathlib.Path({str(place.root.path)!r})), Proxies()
asker = Asker(app="links", change="sums", task="links.sums.coder.7", function="coder")
with proxies.opened(root, db.connect(root, Settings()), asker, ["api.example.com"], pathlib.Path({str(folder)!r})):
    print(proxies._running["links"].pid, flush=True)
    os.kill(os.getpid(), 9)
"""
    killed = subprocess.run([sys.executable, "-c", worker], capture_output=True, check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    pid = int(killed.stdout)
    deadline = time.monotonic() + 20
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the proxy lives on"
        time.sleep(0.02)
    # The next worker's takes its place, also that of the socket it left.
    with place.opened(HOST, task="links.sums.coder.7") as way:
        assert way
        assert "403" in place.run(way, "python", "-c", URLLIB, "https://evil.example.net/")
