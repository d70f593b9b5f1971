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
import pytest
from grant_waits import wait_for

from access.aws.orders import Begin
from access.aws.process import AwsProxy
from access.certificates import certificate

SECONDS = 60
COMMAND = (
    sys.executable,
    "-P",
    "-c",
    "import asyncio; from access.aws.serve import serve; from access.aws.limits import Limits; "
    "asyncio.run(serve(Limits(connections=4, head_seconds=2)))",
)


@dataclass
class Listening:
    port: int
    trusted: ssl.SSLContext

    def connection(self) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.port), SECONDS)
        return self.trusted.wrap_socket(plain, server_hostname="127.0.0.1")

    def status(self) -> int:
        """Of a call that nobody has signed: 403 from the proxy itself, 503 where there is no room."""
        with httpx2.Client(verify=self.trusted, trust_env=False, timeout=SECONDS) as client:
            return client.post(f"https://127.0.0.1:{self.port}/", content=b"{}").status_code


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Listening]:
    files = certificate(tmp_path / "access", datetime.now(UTC))
    proxy = AwsProxy(tmp_path / "proxy.log", command=COMMAND)
    port = proxy.start(Begin(recordings=tmp_path / "recordings", certificate=files.certificate, key=files.key))
    try:
        yield Listening(port, ssl.create_default_context(cafile=str(files.certificate)))
    finally:
        proxy.stop()


def test_whoever_sends_no_whole_request_is_let_go_and_others_are_answered(listening: Listening) -> None:
    assert listening.status() == httpx2.codes.FORBIDDEN
    with contextlib.ExitStack() as idle:
        silent = [idle.enter_context(listening.connection()) for _ in range(4)]
        for each in silent[:2]:
            each.sendall(b"POST / HTTP/1.1\r\nHost: 127")
        # Each is closed, which a client sees as the end.
        assert [each.recv(1) for each in silent] == [b""] * 4
        wait_for(lambda: listening.status() == httpx2.codes.FORBIDDEN)
