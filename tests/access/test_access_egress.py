"""The egress proxy takes a task's commands to the hosts of their list, and nobody to anything else."""

import socket
import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from egress_place import ASKER, HOST, PUBLIC, Host, Recorded, Way, connect_to, everything, host, trusting, way

from access.egress.record import ALLOWED, ENDED, REFUSED


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Host]:
    with host(tmp_path) as found:
        yield found


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


@pytest.fixture
def proxy(there: Host, recorded: Recorded) -> Iterator[Way]:
    with way([f"{HOST}:{there.port}", "*.files.example.com"], recorded) as found:
        yield found


def fetched(proxy: Way, there: Host, target: str = "", name: str = HOST) -> bytes:
    """What an https client gets through the proxy."""
    tunnel = proxy.tunnel(target or f"{HOST}:{there.port}")
    with trusting(there).wrap_socket(tunnel, server_hostname=name) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        return everything(client)


def test_an_allowed_host_is_reached_and_both_ends_of_it_are_recorded(
    proxy: Way, there: Host, recorded: Recorded
) -> None:
    assert fetched(proxy, there).endswith(b"hello")
    proxy.settled()
    allowed, ended = recorded
    assert (allowed.kind, ended.kind) == (ALLOWED, ENDED)
    assert {(event.app, event.change, event.task) for event in recorded} == {("links", "sums", ASKER.task)}
    assert allowed.actor == "agent:links/coder/links.sums.coder.1"
    assert (allowed.properties["host"], allowed.properties["port"]) == (HOST, there.port)
    assert (ended.properties["request"], ended.properties["address"]) == (1, PUBLIC)
    assert min(ended.properties["sent"], ended.properties["received"]) > 200
    assert ended.properties["function"] == "coder"
    assert ended.properties["seconds"] >= 0


def test_the_way_a_name_is_written_changes_nothing_where_it_is_the_same_name(proxy: Way, there: Host) -> None:
    assert fetched(proxy, there, f"API.Example.COM:{there.port}").endswith(b"hello")


@pytest.mark.parametrize(
    ("target", "status", "why"),
    [
        ("evil.example.net:443", 403, "not on the egress list"),
        ("example.com:443", 403, "not on the egress list"),
        (f"x.{HOST}:443", 403, "not on the egress list"),
        (f"{HOST}.evil.example.net:443", 403, "not on the egress list"),
        (f"{HOST}:443", 403, "not on the egress list"),
        (f"{HOST}:22", 403, "not on the egress list"),
        ("files.example.com:443", 403, "not on the egress list"),
        ("a.b.files.example.com:443", 403, "not on the egress list"),
        ("a.files.example.com:22", 403, "not on the egress list"),
        ("xn--pi-example-ifb.com:443", 403, "not on the egress list"),
        ("127.0.0.1:443", 400, "no address"),
        ("127.1:443", 400, "no address"),
        ("0x7f000001:443", 400, "no address"),
        ("2130706433:443", 400, "no address"),
        ("[::1]:443", 400, "no address"),
        ("[::ffff:127.0.0.1]:443", 400, "no address"),
        ("localhost:443", 400, "full host name"),
        (f"{HOST}.:443", 400, "no final dot"),
        (f"{HOST}..:443", 400, "no final dot"),
        (f"{HOST}@evil.example.net:443", 400, "no user"),
        (f"evil.example.net@{HOST}:443", 400, "no user"),
        (f"user:word@{HOST}:443", 400, "no user"),
        (f"{HOST}#evil.example.net:443", 400, "full host name"),
        (f"{HOST}%2eevil.example.net:443", 400, "full host name"),
        (f"{HOST}\\evil.example.net:443", 400, "full host name"),
        (f"https://{HOST}:443/", 400, "full host name"),
        (f"{HOST}:443/", 400, "full host name"),
        (f"{HOST}:0443", 400, "a port"),
        (f"{HOST}:+443", 400, "a port"),
        (f"{HOST}:443:22", 400, "a port"),
        (f"{HOST}:", 400, "a port"),
        (f"{HOST}:70000", 400, "a port"),
        (HOST, 400, "a port"),
        ("*.files.example.com:443", 400, "full host name"),
        # Full-width letters, an ideographic full stop, a letter of another alphabet, a zero-width space.
        ("ａpi.example.com:443", 400, "not a request"),  # noqa: RUF001
        ("api。example.com:443", 400, "not a request"),
        ("аpi.example.com:443", 400, "not a request"),  # noqa: RUF001
        ("api\u200b.example.com:443", 400, "not a request"),
        ("api.example.com:٤٤٣", 400, "not a request"),
    ],
)
def test_no_other_place_and_no_other_spelling_is_taken_for_it(
    target: str, status: int, why: str, proxy: Way, there: Host, recorded: Recorded
) -> None:
    assert proxy.says(connect_to(target)).startswith(f"HTTP/1.1 {status} ".encode())
    proxy.settled()
    assert recorded.kinds() == [REFUSED]
    assert why in recorded.why()[0]
    assert there.reached == []
    assert fetched(proxy, there).endswith(b"hello")


@pytest.mark.parametrize(
    ("request_line", "headers", "why"),
    [
        ("GET http://{place}/ HTTP/1.1", "", "only TLS passes"),
        ("GET http://user:word@{place}/?token=word HTTP/1.1", "", "only TLS passes"),
        ("POST / HTTP/1.1", "Content-Length: 5\r\n", "only TLS passes"),
        ("CONNECT {place} HTTP/1.1", "Content-Length: 5\r\n", "no body"),
        ("CONNECT {place} HTTP/1.1", "Transfer-Encoding: chunked\r\n", "no body"),
        ("CONNECT {place} HTTP/1.1", "Host: evil.example.net\r\n", "not a request"),
        ("CONNECT {place} HTTP/1.1", "Content-Length: 0\r\nContent-Length: 5\r\n", "not a request"),
        ("CONNECT {place} HTTP/1.1", "X : y\r\n", "not a request"),
        ("CONNECT {place} evil.example.net:443 HTTP/1.1", "", "not a request"),
        ("CONNECT  {place} HTTP/1.1", "", "not a request"),
        ("CONNECT {place}", "", "not a request"),
        ("CONNECT {place}\tHTTP/1.1", "", "not a request"),
        ("\x16\x03\x01 {place} HTTP/1.1", "", "not a request"),
    ],
)
def test_what_two_readers_could_read_in_two_ways_is_refused(
    request_line: str, headers: str, why: str, proxy: Way, there: Host, recorded: Recorded
) -> None:
    place = f"{HOST}:{there.port}"
    head = f"{request_line.format(place=place)}\r\nHost: {place}\r\n{headers}\r\n".encode()
    assert proxy.says(head + connect_to(place)).startswith(b"HTTP/1.1 4")
    proxy.settled()
    assert why in recorded.why()[0]
    assert "word" not in str(recorded)
    assert there.reached == []
    assert fetched(proxy, there).endswith(b"hello")


def test_a_host_header_that_names_another_place_is_refused(proxy: Way, there: Host, recorded: Recorded) -> None:
    place = f"{HOST}:{there.port}"
    assert proxy.says(connect_to(place, Host="other.example.com")).startswith(b"HTTP/1.1 400 ")
    assert proxy.says(connect_to(place, Host="")).startswith(b"HTTP/1.1 400 ")
    assert there.reached == []
    # Without a port some clients write it, and HTTP/1.0 without a header at all.
    for head in (connect_to(place, Host=HOST), f"CONNECT {place} HTTP/1.0\r\n\r\n".encode()):
        with proxy.connect() as client:
            client.sendall(head)
            assert client.recv(100).startswith(b"HTTP/1.1 200 ")


def test_a_second_request_behind_the_first_is_no_request(proxy: Way, there: Host, recorded: Recorded) -> None:
    place = f"{HOST}:{there.port}"
    for behind in (connect_to("evil.example.net:443"), b"GET / HTTP/1.1\r\n\r\n", b"SSH-2.0-x\r\n", b"\x80\x2e\x01"):
        answer = proxy.says(connect_to(place) + behind)
        # The tunnel is open, and in it an alert of TLS: access denied.
        assert answer == b"HTTP/1.1 200 OK\r\n\r\n\x15\x03\x03\x00\x02\x02\x31"
    proxy.settled()
    assert recorded.kinds() == [ALLOWED, REFUSED] * 4
    assert set(recorded.why()) == {"what comes through the tunnel is not TLS"}
    assert there.heard == []


def test_a_hello_sent_together_with_the_request_is_passed_on(proxy: Way, there: Host) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    secure = trusting(there).wrap_bio(incoming, outgoing, server_hostname=HOST)
    with pytest.raises(ssl.SSLWantReadError):
        secure.do_handshake()
    with proxy.connect() as client:
        client.sendall(connect_to(f"{HOST}:{there.port}") + outgoing.read())
        answer = client.recv(len(b"HTTP/1.1 200 OK\r\n\r\n"))
        incoming.write(client.recv(65_536))
        assert answer == b"HTTP/1.1 200 OK\r\n\r\n"
        while True:
            try:
                secure.do_handshake()
                break
            except ssl.SSLWantReadError:
                incoming.write(client.recv(65_536))
    assert secure.getpeercert()


@pytest.mark.parametrize("name", ["other.example.com", "evil.example.net", f"x.{HOST}", "api.example.co"])
def test_a_tunnel_is_for_the_host_it_was_asked_for(name: str, proxy: Way, there: Host, recorded: Recorded) -> None:
    with pytest.raises(ssl.SSLError, match="ALERT_ACCESS_DENIED"):
        fetched(proxy, there, name=name)
    proxy.settled()
    assert recorded.kinds() == [ALLOWED, REFUSED]
    assert "names another host" in recorded.why()[0]
    assert there.heard == []
    assert fetched(proxy, there, name="API.example.com").endswith(b"hello")


def test_a_hello_that_names_no_host_is_refused(proxy: Way, there: Host, recorded: Recorded) -> None:
    context = trusting(there)
    context.check_hostname = False
    tunnel = proxy.tunnel(f"{HOST}:{there.port}")
    with pytest.raises(ssl.SSLError, match="ALERT_ACCESS_DENIED"), context.wrap_socket(tunnel):
        pass
    # An address is never sent as a name: OpenSSL leaves it out.
    with pytest.raises(ssl.SSLError, match="ALERT_ACCESS_DENIED"):
        fetched(proxy, there, name="127.0.0.1")
    proxy.settled()
    assert recorded.why() == ["the TLS hello names no host (SNI)"] * 2
    assert there.heard == []


PRIVATE = [
    "127.0.0.1",
    "169.254.169.254",
    "10.0.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104 -- an address to refuse
    "::1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "fd00:ec2::254",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_allowed_name_that_leads_inside_is_refused(address: str, there: Host, recorded: Recorded) -> None:
    rules, place = [f"{HOST}:{there.port}"], f"{HOST}:{there.port}"
    for answers in ([address], [PUBLIC, address], [address, PUBLIC], []):
        with way(rules, recorded, answers) as proxy:
            assert proxy.says(connect_to(place)).split()[1] == (b"403" if answers else b"502")
    assert recorded.kinds() == [ALLOWED, REFUSED] * 4
    assert there.reached == []
    with way(rules, recorded, [PUBLIC]) as proxy:
        assert fetched(proxy, there).endswith(b"hello")


def test_a_name_is_looked_up_once_and_its_second_answer_is_never_used(
    there: Host, recorded: Recorded, tmp_path: Path
) -> None:
    asked: list[str] = []

    async def rebinding(name: str, port: int) -> Sequence[str]:
        asked.append(name)
        return [PUBLIC] if len(asked) == 1 else ["127.0.0.1"]

    with way([f"{HOST}:{there.port}"], recorded, resolve=rebinding) as proxy:
        assert fetched(proxy, there).endswith(b"hello")
        assert asked == [HOST]
        # The next request asks again, and is judged by what it gets.
        assert proxy.says(connect_to(f"{HOST}:{there.port}")).startswith(b"HTTP/1.1 403 ")
    assert [event.properties["address"] for event in recorded if event.kind == ENDED] == [PUBLIC]
    assert len(there.reached) == 1


def test_what_cannot_be_recorded_does_not_happen(there: Host, recorded: Recorded) -> None:
    looked_up: list[str] = []

    async def resolve(name: str, port: int) -> Sequence[str]:
        looked_up.append(name)
        return [PUBLIC]

    place = f"{HOST}:{there.port}"
    with way([place], recorded, resolve=resolve) as proxy:
        recorded.fails = {ALLOWED, REFUSED}
        for target in (place, "evil.example.net:443"):
            assert proxy.says(connect_to(target)).startswith(b"HTTP/1.1 503 the factory cannot record this")
        assert (there.reached, looked_up, recorded) == ([], [], [])
        recorded.fails = set()
        assert fetched(proxy, there).endswith(b"hello")
        assert looked_up == [HOST]
        proxy.settled()
        # What came of it is lost; that it was about to happen is not.
        recorded.fails = {ENDED}
        assert fetched(proxy, there).endswith(b"hello")
        proxy.settled()
    assert recorded.kinds() == [ALLOWED, ENDED, ALLOWED]


def test_a_host_that_does_not_answer_is_told_as_that(recorded: Recorded) -> None:
    with socket.create_server((PUBLIC, 0)) as closed:
        port = closed.getsockname()[1]
    with way([f"{HOST}:{port}"], recorded) as proxy:
        assert proxy.says(connect_to(f"{HOST}:{port}")).startswith(b"HTTP/1.1 502 ")
        proxy.settled()
    assert recorded.why() == [f"{HOST}:{port} does not answer"]
