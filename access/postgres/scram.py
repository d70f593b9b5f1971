"""SCRAM-SHA-256 (RFC 7677) at both ends, by scramp: the relay as a server knows the verifier and never the token.

With channel binding (tls-server-end-point) a client proves besides that its TLS ends here.
"""

import hmac
from base64 import b64decode, b64encode
from typing import Final

from scramp import ScramClient, ScramException, ScramMechanism  # type: ignore[import-untyped]

from access.postgres import wire
from access.postgres.refusals import malformed

PLAIN: Final = "SCRAM-SHA-256"
BOUND: Final = "SCRAM-SHA-256-PLUS"
BINDING: Final = "tls-server-end-point"
MOCK_ITERATIONS: Final = 4096


class NotProved(Exception):
    """Who is there did not prove to know the secret."""


def stored(token: str) -> str:
    """The verifier of a token, as PostgreSQL writes it: who has it can check the token, and not log in with it."""
    salt, stored_key, server_key, iterations = ScramMechanism(PLAIN).make_auth_info(token)
    texts = [b64encode(part).decode() for part in (salt, stored_key, server_key)]
    return f"{PLAIN}${iterations}:{texts[0]}${texts[1]}:{texts[2]}"


class Verifier:
    """The stored form of a token: `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`."""

    def __init__(self, stored: str) -> None:
        _, costs, keys = stored.split("$")
        iterations, salt = costs.split(":")
        stored_key, server_key = keys.split(":")
        self.salt, self.iterations = b64decode(salt), int(iterations)
        self.stored_key, self.server_key = b64decode(stored_key), b64decode(server_key)

    @classmethod
    def mock(cls, login: str, secret: bytes) -> "Verifier":
        """That of a login which is nobody's: always the same for the same name, and of no token that there is."""
        found = cls.__new__(cls)
        found.salt = hmac.digest(secret, b"salt" + login.encode(), "sha256")[:16]
        found.iterations = MOCK_ITERATIONS
        found.stored_key = hmac.digest(secret, b"stored" + login.encode(), "sha256")
        found.server_key = hmac.digest(secret, b"server" + login.encode(), "sha256")
        return found


class Login:
    """One client's login at the relay: `first` with its SASLInitialResponse, `final` with its SASLResponse."""

    def __init__(self, verifier: Verifier, certificate: str) -> None:
        self._verifier, self._certificate = verifier, certificate

    @staticmethod
    def offer() -> bytes:
        """The mechanisms, as AuthenticationSASL has them."""
        return wire.text(BOUND) + wire.text(PLAIN) + b"\0"

    def first(self, body: bytes) -> bytes:
        """The server's first message. Raises Refused, NotProved."""
        reader = wire.Reader(body)
        mechanism, length = reader.text(), reader.int32()
        said = wire.decoded(reader.take(length))
        reader.done()
        if mechanism not in (PLAIN, BOUND):
            raise malformed("a way to log in that was not offered")
        found = self._verifier
        server = ScramMechanism(mechanism).make_server(
            lambda _: (found.salt, found.stored_key, found.server_key, found.iterations),
            channel_binding=(BINDING, self._certificate),
        )
        head, _, bare = said.partition("n=")
        try:
            # PostgreSQL's clients leave the name empty (the start-up packet has it), and scramp wants one; what is
            # signed is what was said.
            server.set_client_first(f"{head}n=named{bare}" if bare.startswith(",") else said)
            server.client_first_bare = f"n={bare}"
            answer: str = server.get_server_first()
        except ScramException as error:
            raise NotProved(str(error)) from None
        self._server = server
        return answer.encode()

    def final(self, body: bytes) -> bytes:
        """The server's last message, when the client knows the token. Raises Refused, NotProved."""
        try:
            self._server.set_client_final(wire.decoded(body))
            answer: str = self._server.get_server_final()
        except ScramException as error:
            raise NotProved(str(error)) from None
        return answer.encode()


class Proof:
    """The relay's own login at a database."""

    def __init__(self, offered: bytes, user: str, password: str, tls: object | None) -> None:
        """`offered` is of AuthenticationSASL; `tls` the connection's SSLObject. Raises NotProved."""
        names = [name.decode("latin-1") for name in offered.split(b"\0") if name]
        known = [name for name in names if name in (PLAIN, BOUND)]
        binding = (BINDING, tls) if tls is not None and BOUND in known else None
        try:
            self._client = ScramClient(known, user, password, channel_binding=binding)
        except ScramException as error:
            raise NotProved(str(error)) from None

    def first(self) -> bytes:
        """The body of SASLInitialResponse."""
        said: bytes = self._client.get_client_first().encode()
        return wire.text(self._client.mechanism_name) + wire.INT32.pack(len(said)) + said

    def second(self, body: bytes) -> bytes:
        """The body of SASLResponse, for what AuthenticationSASLContinue says. Raises NotProved."""
        try:
            self._client.set_server_first(body.decode())
            answer: str = self._client.get_client_final()
        except (ScramException, UnicodeDecodeError) as error:
            raise NotProved(str(error)) from None
        return answer.encode()

    def check(self, body: bytes) -> None:
        """Whether the server knows the password, too: AuthenticationSASLFinal. Raises NotProved."""
        try:
            self._client.set_server_final(body.decode())
        except (ScramException, UnicodeDecodeError) as error:
            raise NotProved(str(error)) from None
