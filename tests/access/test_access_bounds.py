"""A task uses no more of the egress proxy than its bounds say, and others do not notice."""

import contextlib
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from egress_place import HOST, Host, Recorded, Way, client_hello, connect_to, everything, host, trusting, way

from access.egress.bounds import MIB, Bounds
from access.egress.record import ALLOWED, ENDED, REFUSED


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Host]:
    with host(tmp_path) as found:
        yield found


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


def bounded(there: Host, recorded: Recorded, **bounds: float) -> AbstractContextManager[Way]:
    """A proxy to that host with these bounds, and the usual ones otherwise."""
    return way([f"{HOST}:{there.port}"], recorded, bounds=Bounds(**bounds))  # type: ignore[arg-type]


def fetched(proxy: Way, there: Host, sent: bytes = b"GET / HTTP/1.1\r\n\r\n") -> bytes:
    tunnel = proxy.tunnel(f"{HOST}:{there.port}")
    with trusting(there).wrap_socket(tunnel, server_hostname=HOST) as client:
        client.sendall(sent)
        return everything(client)


def test_a_head_that_is_too_long_is_refused(there: Host, recorded: Recorded) -> None:
    place = f"{HOST}:{there.port}"
    with bounded(there, recorded) as proxy:
        many = {f"X-{number}": "y" * 1000 for number in range(7)}
        with proxy.connect() as client:
            client.sendall(connect_to(place, **many))
            assert client.recv(100).startswith(b"HTTP/1.1 200 ")
        for head in (
            connect_to(place, X="y" * 20_000),
            b"CONNECT " + b"a" * 20_000,
            connect_to(place, **many, X="y" * 9000),
        ):
            assert proxy.says(head).startswith(b"HTTP/1.1 431 ")
        proxy.settled()
    assert recorded.kinds().count(REFUSED) == 4
    assert len(there.reached) == 1


def test_a_client_that_does_not_come_to_an_end_is_ended(there: Host, recorded: Recorded) -> None:
    place = f"{HOST}:{there.port}"
    with bounded(there, recorded, head_seconds=0.1, hello_seconds=0.1) as proxy:
        for slow in (b"", b"C", connect_to(place)[:-1]):
            assert proxy.says(slow).startswith(b"HTTP/1.1 408 ")
        for slow in (b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"):
            with proxy.tunnel(place) as tunnel:
                tunnel.sendall(slow)
                assert everything(tunnel) == b"\x15\x03\x03\x00\x02\x02\x31"
        proxy.settled()
    assert [why.removeprefix("no whole ") for why in recorded.why()] == ["request came in time"] * 3 + [
        "TLS hello came in time"
    ] * 3
    assert there.heard == []


def test_a_client_that_drips_is_ended_whatever_it_drips(there: Host, recorded: Recorded) -> None:
    with bounded(there, recorded, head_seconds=0.2) as proxy, proxy.connect() as client:
        client.settimeout(0.02)
        answer = b""
        for _ in range(1000):
            try:
                client.sendall(b"C")
                answer += client.recv(1000)
            except TimeoutError:
                continue
            except OSError:
                break
            if answer:
                break
        assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_tunnel_that_is_silent_ends(there: Host, recorded: Recorded) -> None:
    with bounded(there, recorded, idle_seconds=0.3) as proxy:
        with proxy.tunnel(f"{HOST}:{there.port}") as tunnel:
            # Half a handshake: the host answers, and waits for the other half.
            tunnel.sendall(client_hello())
            assert everything(tunnel)
        proxy.settled()
    assert recorded.why() == ["silent for 0.3 s"]
    assert recorded.kinds() == [ALLOWED, ENDED]


def test_connections_at_once_are_bounded_and_freed(there: Host, recorded: Recorded) -> None:
    place = f"{HOST}:{there.port}"
    with bounded(there, recorded, connections=3) as proxy:
        kept = [proxy.tunnel(place) for _ in range(3)]
        assert proxy.says(connect_to(place)).startswith(b"HTTP/1.1 503 there are 3 connections already")
        for tunnel in kept:
            tunnel.close()
        proxy.settled()
        assert fetched(proxy, there).endswith(b"hello")
    assert len(there.reached) == 4


def test_requests_in_sum_are_bounded_and_so_is_what_they_leave(there: Host, recorded: Recorded) -> None:
    with bounded(there, recorded, requests=3) as proxy:
        for _ in range(3):
            assert proxy.says(connect_to("evil.example.net:443")).startswith(b"HTTP/1.1 403 ")
        assert proxy.says(connect_to("evil.example.net:443")).startswith(b"HTTP/1.1 429 ")
        for _ in range(10):
            assert proxy.says(connect_to(f"{HOST}:{there.port}")) == b""
        proxy.settled()
    assert recorded.kinds() == [REFUSED] * 4
    assert there.reached == []


def test_what_a_task_sends_in_sum_is_bounded(there: Host, recorded: Recorded) -> None:
    with bounded(there, recorded, sent_bytes=64 * 1024) as proxy:
        assert fetched(proxy, there).endswith(b"hello")
        with pytest.raises(OSError, match=r"EOF|reset|[Bb]roken pipe"):
            fetched(proxy, there, b"x" * MIB)
        proxy.settled()
        # It stays so, for another tunnel of the task: what is left is less. The host may answer, and go, before it has
        # all: then there is one more.
        for _ in range(50):
            with contextlib.suppress(OSError):
                fetched(proxy, there, b"x" * 64 * 1024)
            proxy.settled()
            if len(over_the_bound := [why for why in recorded.why() if "MiB" in why]) > 1:
                break
    assert over_the_bound == ["the task has sent more than 0.0625 MiB"] * 2
    assert sum(event.properties["sent"] for event in recorded if event.kind == ENDED) <= 64 * 1024


def test_what_a_task_receives_in_sum_is_bounded(there: Host, recorded: Recorded) -> None:
    with bounded(there, recorded, received_bytes=100) as proxy:
        with pytest.raises(OSError, match=r"EOF|reset"):
            fetched(proxy, there)
        proxy.settled()
    assert "has received more than" in recorded.why()[0]


def test_a_task_that_ends_takes_its_connections_with_it(there: Host, recorded: Recorded) -> None:
    with bounded(there, recorded) as proxy:
        tunnel: socket.socket = proxy.tunnel(f"{HOST}:{there.port}")
    assert everything(tunnel) == b""
    assert recorded.kinds() == [ALLOWED, REFUSED]
    assert recorded.why() == ["the task has ended"]
