"""Connections at the AWS proxy on which no request comes: they go, and others find their place."""

import contextlib
import socket
import ssl
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx2
from connection_ends import closed, is_open
from grant_waits import wait_for

from access.aws.orders import Begin
from access.aws.process import AwsProxy
from access.certificates import certificate

SECONDS = 60
# For another host than the proxy is: it says so itself.
UNSIGNED = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}"
# More patience than any test has: what goes, goes for the reason that is tested.
NEVER = 600


@dataclass
class Listening:
    port: int
    trusted: ssl.SSLContext

    def plain(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), SECONDS / 2)

    def secured(self, plain: socket.socket) -> ssl.SSLSocket:
        return self.trusted.wrap_socket(plain, server_hostname="127.0.0.1")

    def connection(self) -> ssl.SSLSocket:
        return self.secured(self.plain())

    def status(self) -> int:
        """Of a call that nobody has signed: 403 from the proxy itself, 503 where there is no room."""
        with httpx2.Client(verify=self.trusted, trust_env=False, timeout=SECONDS) as client:
            return client.post(f"https://127.0.0.1:{self.port}/", content=b"{}").status_code


@contextlib.contextmanager
def listening(folder: Path, **limits: float) -> Iterator[Listening]:
    said = ", ".join(f"{name}={value}" for name, value in limits.items())
    code = (
        "import asyncio; from access.aws.serve import serve; from access.aws.limits import Limits; "
        f"asyncio.run(serve(Limits({said})))"
    )
    files = certificate(folder / "access", datetime.now(UTC))
    proxy = AwsProxy(folder / "proxy.log", command=(sys.executable, "-P", "-c", code))
    port = proxy.start(Begin(recordings=folder / "recordings", certificate=files.certificate, key=files.key))
    try:
        yield Listening(port, ssl.create_default_context(cafile=str(files.certificate)))
    finally:
        proxy.stop()


def test_whoever_sends_no_whole_request_is_let_go_and_others_are_answered(tmp_path: Path) -> None:
    with listening(tmp_path, connections=4, head_seconds=2) as proxy, contextlib.ExitStack() as idle:
        assert proxy.status() == httpx2.codes.FORBIDDEN
        silent = [idle.enter_context(proxy.connection()) for _ in range(4)]
        for each in silent[:2]:
            each.sendall(b"POST / HTTP/1.1\r\nHost: 127")
        # Each is closed, which a client sees as the end.
        assert [each.recv(1) for each in silent] == [b""] * 4
        wait_for(lambda: proxy.status() == httpx2.codes.FORBIDDEN)


def test_whoever_does_not_finish_the_handshake_is_let_go(tmp_path: Path) -> None:
    with listening(tmp_path, handshake_seconds=2, head_seconds=NEVER) as proxy, contextlib.ExitStack() as idle:
        slow = idle.enter_context(proxy.connection())
        silent = [idle.enter_context(proxy.plain()) for _ in range(2)]
        silent[0].sendall(b"\x16\x03\x01")
        assert all(closed(each) for each in silent)
        # Who has finished it has the time that a request has.
        slow.sendall(UNSIGNED)
        assert slow.recv(1000).startswith(b"HTTP/1.1 421 ")


def test_those_that_wait_are_so_many_at_most_and_keep_nobody_out(tmp_path: Path) -> None:
    bounds = {"handshake_seconds": NEVER, "head_seconds": NEVER, "waiting": 4}
    with listening(tmp_path, **bounds) as proxy, contextlib.ExitStack() as idle:
        silent: list[socket.socket] = []
        for _ in range(6):
            silent += [idle.enter_context(proxy.plain()), idle.enter_context(proxy.connection())]
            assert proxy.status() == httpx2.codes.FORBIDDEN
        assert all(closed(each) for each in silent[:8])
        assert all(is_open(each) for each in silent[-3:])


def test_a_slow_client_is_answered_while_fewer_wait_than_may(tmp_path: Path) -> None:
    bounds = {"handshake_seconds": NEVER, "head_seconds": NEVER, "waiting": 4}
    with listening(tmp_path, **bounds) as proxy, contextlib.ExitStack() as idle:
        plain = proxy.plain()
        for _ in range(2):
            idle.enter_context(proxy.plain())
            assert proxy.status() == httpx2.codes.FORBIDDEN
        slow = idle.enter_context(proxy.secured(plain))
        slow.sendall(UNSIGNED[:20])
        assert proxy.status() == httpx2.codes.FORBIDDEN
        slow.sendall(UNSIGNED[20:])
        assert slow.recv(1000).startswith(b"HTTP/1.1 421 ")
