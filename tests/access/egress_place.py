"""A host that stands for one on the Internet, at a loopback address that is let pass for public, and a task's proxy."""

import asyncio
import contextlib
import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from access.egress.addresses import public
from access.egress.bounds import Bounds
from access.egress.proxy import Egress
from access.egress.record import Asker
from factory.events import Event
from factory.spec import egress_rule

HOST = "api.example.com"
# Of the loopback network, which is never public; the tests alone take it for that.
PUBLIC = "127.99.0.1"
ASKER = Asker(app="links", change="sums", task="links.sums.coder.1", function="coder")
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"


def certificate(folder: Path, *names: str) -> tuple[Path, Path]:
    """A certificate for these names and its key, as files; it is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a host of the tests")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "host.pem", folder / "host.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pem, secret


@dataclass
class Host:
    """A TLS server that says hello to every request. `reached` counts connections, `heard` what came in them."""

    pem: Path
    port: int
    reached: list[str] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)


@contextlib.contextmanager
def host(folder: Path, address: str = PUBLIC) -> Iterator[Host]:
    """It runs until the block ends."""
    pem, key = certificate(folder, HOST, "other.example.com")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    listening = socket.create_server((address, 0))
    found = Host(pem, listening.getsockname()[1])
    threading.Thread(target=_accept, args=(listening, context, found), daemon=True).start()
    try:
        yield found
    finally:
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def _accept(listening: socket.socket, context: ssl.SSLContext, found: Host) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, (address, _) = listening.accept()
            found.reached.append(address)
            threading.Thread(target=_speak, args=(client, context, found), daemon=True).start()


def _speak(client: socket.socket, context: ssl.SSLContext, found: Host) -> None:
    with client, contextlib.suppress(OSError):
        # Also what is no TLS counts as heard.
        client.settimeout(20)
        if not (first := client.recv(1, socket.MSG_PEEK)):
            return
        found.heard.append(first)
        with context.wrap_socket(client, server_side=True) as secure:
            found.heard.append(secure.recv(65_536))
            secure.sendall(ANSWER)


class Recorded(list[Event]):
    """What was recorded. `fails`: kinds that cannot be written."""

    def __init__(self) -> None:
        super().__init__()
        self.fails: set[str] = set()

    def __call__(self, event: Event) -> None:
        if event.kind in self.fails:
            raise OSError("the disk is full")
        self.append(event)

    def kinds(self) -> list[str]:
        """What was recorded, in order."""
        return [event.kind for event in self]

    def why(self) -> list[str]:
        """Why what ended has ended."""
        return [event.properties["why"] for event in self if "why" in event.properties]


@dataclass
class Way:
    """A task's proxy, served by a thread; each call of `connect` is a connection from inside."""

    egress: Egress
    loop: asyncio.AbstractEventLoop

    def connect(self) -> socket.socket:
        here, there = socket.socketpair()
        asyncio.run_coroutine_threadsafe(self.egress.serve(there), self.loop)
        here.settimeout(20)
        return here

    def settled(self) -> None:
        """Until no request is under way: what it leaves is recorded then."""
        deadline = time.monotonic() + 20
        while self.egress._open:
            assert time.monotonic() < deadline, "a request does not end"
            time.sleep(0.005)

    def says(self, sent: bytes) -> bytes:
        """Everything that the proxy answers to these bytes."""
        with self.connect() as client:
            # One that is refused without an answer may be closed before anything is sent.
            with contextlib.suppress(BrokenPipeError):
                client.sendall(sent)
            return everything(client)

    def tunnel(self, target: str, **headers: str) -> socket.socket:
        """A connection whose tunnel was asked for and is open."""
        client = self.connect()
        client.sendall(connect_to(target, **headers))
        said = client.recv(65_536)
        assert said.startswith(b"HTTP/1.1 200 "), said
        return client


def connect_to(target: str, **headers: str) -> bytes:
    """The head of a request for a tunnel."""
    lines = [
        f"CONNECT {target} HTTP/1.1",
        *(f"{name}: {value}" for name, value in ({"Host": target} | headers).items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def client_hello(name: str | None = HOST, change: Callable[[ssl.SSLContext], None] = lambda context: None) -> bytes:
    """The first record that a real TLS client sends."""
    context = ssl.create_default_context()
    context.check_hostname = False
    change(context)
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def everything(client: socket.socket) -> bytes:
    """What comes until the end."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while more := client.recv(65_536):
            found += more
    return found


def trusting(found: Host) -> ssl.SSLContext:
    """A client's context that knows the host."""
    return ssl.create_default_context(cafile=str(found.pem))


def stands_for_public(address: str) -> bool:
    """The decision of the real proxy, and the tests' own address."""
    return address == PUBLIC or public(address)


@contextlib.contextmanager
def way(
    rules: Sequence[str],
    record: Callable[[Event], None],
    *answers: Sequence[str],
    bounds: Bounds | None = None,
    **injected: Any,
) -> Iterator[Way]:
    """A proxy whose resolver gives one of `answers` after the other, and then the last again."""
    left = list(answers or [[PUBLIC]])

    async def resolve(name: str, port: int) -> Sequence[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    facts = {"resolve": resolve, "public": stands_for_public} | injected
    egress = Egress(ASKER, [egress_rule(rule) for rule in rules], record, bounds=bounds, **facts)
    try:
        yield Way(egress, loop)
    finally:
        asyncio.run_coroutine_threadsafe(egress.close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
