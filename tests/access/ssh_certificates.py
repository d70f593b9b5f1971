"""Certificates as somebody would forge them, field by field as OpenSSH lays them out (PROTOCOL.certkeys)."""

import os
import struct
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

KIND = b"ssh-ed25519-cert-v01@openssh.com"
USER, HOST = 1, 2


@dataclass(frozen=True)
class Forged:
    """What a certificate says; `nested` is signed by a key that is a certificate itself."""

    principals: tuple[str, ...]
    kind: int = USER
    critical: tuple[tuple[str, bytes], ...] = ()
    extensions: tuple[str, ...] = ("permit-pty",)
    begins: float = -60
    lasts: float = 600
    nested: bool = False

    def other(self, **fields: object) -> "Forged":
        return replace(self, **fields)

    def blob(self, key: Ed25519PrivateKey, authority: Ed25519PrivateKey) -> bytes:
        """As the protocol carries it."""
        now = datetime.now(UTC).timestamp()
        signer = _public(authority)
        if self.nested:
            signer = replace(self, nested=False).blob(authority, authority)
        body = b"".join(
            [
                _text(KIND),
                _text(os.urandom(32)),
                _text(_raw(key)),
                struct.pack(">QI", 7, self.kind),
                _text(b"forged"),
                _text(b"".join(_text(each.encode()) for each in self.principals)),
                struct.pack(">QQ", int(now + self.begins), int(now + self.lasts)),
                _text(b"".join(_text(name.encode()) + _text(value) for name, value in self.critical)),
                _text(b"".join(_text(name.encode()) + _text(b"") for name in self.extensions)),
                _text(b""),
                _text(signer),
            ]
        )
        return body + _text(_text(b"ssh-ed25519") + _text(authority.sign(body)))


def _raw(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _public(key: Ed25519PrivateKey) -> bytes:
    return _text(b"ssh-ed25519") + _text(_raw(key))


def _text(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value
