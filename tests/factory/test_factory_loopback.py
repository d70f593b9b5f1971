"""Connections on which no request comes, at an application of ours on loopback or at a Unix socket: others come in."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest
from connection_ends import closed, is_open
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from factory import loopback
from factory.doorway import Patience
from factory.loopback import Loopback, Serving

# More patience than any test has: what goes, goes for the reason that is tested.
NEVER = 600


async def _answer(request: Request) -> Response:
    return PlainTextResponse(f"{len(await request.body())} bytes")


async def _large(_: Request) -> Response:
    return PlainTextResponse("x" * LARGE)


async def _slow(_: Request) -> Response:
    await asyncio.sleep(0.5)
    return PlainTextResponse("slow")


LARGE = 32 << 20
ROUTES = [Route("/", _answer, methods=["GET", "POST"]), Route("/large", _large), Route("/slow", _slow)]
APP = Starlette(routes=ROUTES)
ASKS = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@contextlib.contextmanager
def served(patience: Patience) -> Iterator[Loopback]:
    made = Loopback(APP, patience=patience)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def connection(made: Loopback) -> socket.socket:
    return socket.create_connection((loopback.HOST, int(made.url.rpartition(":")[2])), NEVER / 10)


def status(made: Loopback) -> int:
    return httpx2.get(made.url, trust_env=False, timeout=NEVER / 10).status_code


def held_for(client: socket.socket) -> bool:
    """Whether this process still has the other end of a client's connection."""
    there = client.getsockname()
    return any(each.raddr == there for each in psutil.Process().net_connections("tcp") if each.status == "ESTABLISHED")


def test_whoever_asks_for_nothing_is_let_go(tmp_path: Path) -> None:
    with served(Patience(head=0.3)) as made, contextlib.ExitStack() as idle:
        silent = [idle.enter_context(connection(made)) for _ in range(3)]
        silent[0].sendall(b"GET / HTTP/1.1\r\nHost: 127")
        # One that asked, and asks for nothing more.
        silent[1].sendall(ASKS)
        assert silent[1].recv(1000).startswith(b"HTTP/1.1 200 ")
        assert all(closed(each) for each in silent)
        assert status(made) == httpx2.codes.OK


def test_a_slow_request_that_has_begun_is_answered() -> None:
    with served(Patience(head=0.2)) as made, connection(made) as slow:
        slow.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n1")
        time.sleep(0.5)
        slow.sendall(b"23")
        assert b"3 bytes" in slow.recv(1000)


def test_those_that_wait_are_so_many_at_most_and_keep_nobody_out() -> None:
    with served(Patience(head=NEVER, waiting=4)) as made, contextlib.ExitStack() as idle:
        silent: list[socket.socket] = []
        for _ in range(12):
            silent.append(idle.enter_context(connection(made)))
            silent[-1].sendall(b"GET / ")
            assert status(made) == httpx2.codes.OK
        assert all(closed(each) for each in silent[:8])
        assert all(is_open(each) for each in silent[-3:])


def test_who_has_asked_once_waits_as_others_do() -> None:
    with served(Patience(head=NEVER, waiting=4)) as made, contextlib.ExitStack() as idle:
        silent: list[socket.socket] = []
        for _ in range(12):
            silent.append(idle.enter_context(connection(made)))
            silent[-1].sendall(ASKS)
            assert silent[-1].recv(1000).startswith(b"HTTP/1.1 200 ")
            # Begun, and not ended: this is not taken for a pause between two requests.
            silent[-1].sendall(ASKS[:10])
        assert status(made) == httpx2.codes.OK
        assert all(closed(each) for each in silent[:8])


def test_who_does_not_take_their_answer_is_let_go_and_who_takes_it_has_it_whole() -> None:
    with served(Patience(head=0.5)) as made, connection(made) as deaf:
        deaf.sendall(ASKS.replace(b"/ ", b"/large "))
        began = time.monotonic()
        with httpx2.stream("GET", f"{made.url}/large", trust_env=False, timeout=NEVER / 10) as answer:
            got = 0
            for part in answer.iter_raw(1 << 20):
                got += len(part)
                # Slowly: as a whole it takes longer than anything is waited for.
                time.sleep(0.05)
        assert (got, time.monotonic() - began > 2 * 0.5) == (LARGE, True)
        deadline = time.monotonic() + 20
        while held_for(deaf):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        # Cut off: what came is not whole.
        had = 0
        with contextlib.suppress(ConnectionResetError):
            while part := deaf.recv(1 << 20):
                had += len(part)
        assert had < LARGE


def test_those_that_come_all_at_once_keep_no_request_from_its_turn() -> None:
    with served(Patience(head=NEVER, waiting=8)) as made, contextlib.ExitStack() as idle:
        for _ in range(300):
            idle.enter_context(connection(made)).setblocking(False)
        assert [status(made) for _ in range(5)] == [httpx2.codes.OK] * 5


def test_nobody_comes_in_while_what_is_under_way_ends() -> None:
    made = Loopback(APP, patience=Patience(head=NEVER))
    made.start()
    with connection(made) as busy:
        busy.sendall(ASKS.replace(b"/ ", b"/slow "))
        time.sleep(0.1)
        stopping = threading.Thread(target=made.stop)
        stopping.start()
        time.sleep(0.3)
        with pytest.raises(OSError, match="refused"):
            connection(made)
        assert b"slow" in busy.recv(1000) + busy.recv(1000)
        stopping.join()


def test_what_is_open_at_all_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loopback, "CONNECTIONS", 4)
    with served(Patience(head=NEVER)) as made, contextlib.ExitStack() as idle:
        for _ in range(4):
            idle.enter_context(connection(made)).sendall(b"GET / ")
        assert status(made) == httpx2.codes.SERVICE_UNAVAILABLE
        idle.close()
        deadline = time.monotonic() + 20
        while status(made) != httpx2.codes.OK:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_unix_socket_is_served_alike(tmp_path: Path) -> None:
    path = tmp_path / "door.sock"
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bound.bind(str(path))
    made = Serving(APP, bound, Patience(head=NEVER, waiting=2))
    made.start()
    try:
        with contextlib.ExitStack() as idle:
            silent = []
            for _ in range(6):
                silent.append(idle.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)))
                silent[-1].connect(str(path))
            with httpx2.Client(transport=httpx2.HTTPTransport(uds=str(path))) as client:
                assert client.get("http://door/").status_code == httpx2.codes.OK
            assert all(closed(each) for each in silent[:4])
    finally:
        made.stop()
    with pytest.raises(ConnectionRefusedError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as late:
        late.connect(str(path))
