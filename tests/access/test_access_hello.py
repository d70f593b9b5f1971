"""What is read of a TLS hello is what the server will read in it: OpenSSL is asked as well."""

import ssl
from collections.abc import Callable
from itertools import pairwise

import pytest
from egress_place import HOST, client_hello
from hypothesis import example, given
from hypothesis import strategies as st

from access.egress.hello import server_name
from access.egress.refusals import Refused

NAME = HOST
HELLO = client_hello()


def as_openssl_reads(data: bytes) -> str | None:
    """The name that a server finds; None where it finds none, or refuses before it looks for one."""
    found: list[str | None] = []

    def told(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> int:
        found.append(name)
        return ssl.AlertDescription.ALERT_DESCRIPTION_ACCESS_DENIED

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = told  # type: ignore[assignment]
    incoming = ssl.MemoryBIO()
    incoming.write(data)
    server = context.wrap_bio(incoming, ssl.MemoryBIO(), server_side=True)
    with pytest.raises(ssl.SSLError):
        server.do_handshake()
    return found[0].lower() if found and found[0] else None


def read(data: bytes) -> str | None:
    try:
        return server_name(data)
    except Refused:
        return None


def in_records(data: bytes, *cuts: int) -> bytes:
    """The same message, cut into several records."""
    body = data[5:]
    places = [0, *cuts, len(body)]
    return b"".join(data[:3] + (end - begin).to_bytes(2) + body[begin:end] for begin, end in pairwise(places))


def with_extension(kind: int, body: bytes, *, first: bool = False) -> bytes:
    """The hello with one extension more."""
    message = HELLO[9:]
    at = 2 + 32
    at += 1 + message[at]
    at += 2 + int.from_bytes(message[at : at + 2])
    at += 1 + message[at]
    extensions = message[at + 2 :]
    more = kind.to_bytes(2) + len(body).to_bytes(2) + body
    whole = more + extensions if first else extensions + more
    message = message[:at] + len(whole).to_bytes(2) + whole
    return b"\x16\x03\x01" + (len(message) + 4).to_bytes(2) + b"\x01" + len(message).to_bytes(3) + message


def named(name: bytes, kind: int = 0) -> bytes:
    """A server_name extension's body."""
    entry = bytes([kind]) + len(name).to_bytes(2) + name
    return len(entry).to_bytes(2) + entry


def test_real_hellos_are_read() -> None:
    def only(version: ssl.TLSVersion) -> Callable[[ssl.SSLContext], None]:
        def change(context: ssl.SSLContext) -> None:
            context.maximum_version = version

        return change

    for data in (
        HELLO,
        client_hello(change=only(ssl.TLSVersion.TLSv1_2)),
        client_hello(change=lambda c: c.set_alpn_protocols(["h2"])),
    ):
        assert server_name(data) == as_openssl_reads(data) == NAME
    assert server_name(client_hello("API.Example.COM")) == NAME
    assert server_name(HELLO + b"whatever comes behind it") == NAME


def test_a_hello_without_a_name_is_refused() -> None:
    for name in (None, "127.0.0.1"):
        with pytest.raises(Refused, match="names no host"):
            server_name(client_hello(name))


def test_nothing_is_read_of_a_part() -> None:
    assert [server_name(HELLO[:size]) for size in range(len(HELLO))] == [None] * len(HELLO)


def test_a_hello_in_a_few_records_is_read_and_one_in_many_is_refused() -> None:
    assert server_name(in_records(HELLO, 1, 60)) == as_openssl_reads(in_records(HELLO, 1, 60)) == NAME
    with pytest.raises(Refused, match="malformed"):
        server_name(in_records(HELLO, *range(1, 6)))


@pytest.mark.parametrize(
    "data",
    [
        with_extension(0, named(b"evil.example.net")),
        with_extension(0, named(b"evil.example.net"), first=True),
        in_records(HELLO[:5] + HELLO[5:] + b"\x01\x00\x00\x00"),
        b"\x80" + HELLO[1:],
        b"\x17" + HELLO[1:],
        HELLO[:1] + b"\x02\x00" + HELLO[3:],
        HELLO[:3] + b"\x00\x00" + HELLO[5:],
        HELLO[:3] + b"\xff\xff" + HELLO[5:],
        HELLO[:5] + b"\x02" + HELLO[6:],
        HELLO[:6] + b"\xff\xff\xff" + HELLO[9:],
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
def test_a_hello_that_names_two_hosts_or_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(Refused, match=r"malformed|not TLS"):
        server_name(data)
    assert as_openssl_reads(data) in (None, NAME)


@pytest.mark.parametrize("kind", [0xFE0D, 0xFFCE])
def test_a_hello_that_carries_another_one_encrypted_is_refused(kind: int) -> None:
    # A server that does not know the extension would read the outer name; one that does reads the inner one.
    assert as_openssl_reads(with_extension(kind, b"\x00" * 40)) == NAME
    with pytest.raises(Refused, match="hides"):
        server_name(with_extension(kind, b"\x00" * 40))
    assert server_name(with_extension(0x1234, b"\x00" * 40)) == NAME


# A name that is no text is told by Python's ssl as an error that nobody can catch.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@given(
    st.lists(st.tuples(st.integers(0, len(HELLO) - 1), st.integers(0, 255)), min_size=1, max_size=4),
    st.lists(st.integers(1, len(HELLO) - 6), max_size=3, unique=True).map(sorted),
)
@example([(5, 1)], [])
def test_whatever_is_changed_in_it_no_other_name_is_read_than_openssl_reads(
    changes: list[tuple[int, int]], cuts: list[int]
) -> None:
    data = bytearray(HELLO)
    for at, byte in changes:
        data[at] = byte
    cut = in_records(bytes(data), *cuts)
    found, known = read(cut), as_openssl_reads(cut)
    # It may refuse what OpenSSL takes, and read what OpenSSL refuses for another reason: never anything else.
    assert found is None or known is None or found == known
