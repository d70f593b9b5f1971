"""Checkpoints: what a log was at one moment, signed; anybody who has the key can check them, with any tool.

The text is C2SP's tlog-checkpoint, the signature its signed-note with Ed25519 (RFC 8032), as Go's module mirror and
Certificate Transparency's new logs write them: https://c2sp.org/tlog-checkpoint, https://c2sp.org/signed-note
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ORIGIN: Final = "millwright/"
HASH_BYTES: Final = 32
KEY_ID_BYTES: Final = 4
# Which algorithm a key is of, as signed-note counts them.
ED25519: Final = b"\x01"
LEAST_LINES: Final = 3
_TIME: Final = "time "


class BadNote(ValueError):
    """A text that is no checkpoint, or that the key did not sign. Says why."""


@dataclass(frozen=True)
class Checkpoint:
    """The log of `app` had `size` entries and this root at `time` (UTC, ISO 8601)."""

    app: str
    size: int
    root: bytes
    time: str

    def text(self) -> str:
        """What is signed: origin, size, root, time."""
        return f"{ORIGIN}{self.app}\n{self.size}\n{base64.b64encode(self.root).decode()}\n{_TIME}{self.time}\n"


def signed(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    """The checkpoint as a signed note."""
    text, name = checkpoint.text(), f"{ORIGIN}{checkpoint.app}"
    signature = key_id(name, raw(key.public_key())) + key.sign(text.encode())
    return f"{text}\n— {name} {base64.b64encode(signature).decode()}\n"


def opened(note: str, public: bytes) -> Checkpoint:
    """The checkpoint in a note that this key (32 bytes) signed. Raises BadNote."""
    text, blank, signatures = note.partition("\n\n")
    if not blank:
        raise BadNote("it has no signature")
    checkpoint = _read(f"{text}\n")
    name = f"{ORIGIN}{checkpoint.app}"
    for line in signatures.splitlines():
        dash, _, rest = line.partition(" ")
        signer, _, encoded = rest.partition(" ")
        if (dash, signer) != ("—", name):
            continue
        signature = _decoded(encoded)
        # Of another key with the same name: none of ours to judge.
        if signature[:KEY_ID_BYTES] != key_id(name, public):
            continue
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature[KEY_ID_BYTES:], f"{text}\n".encode())
        except InvalidSignature:
            raise BadNote("its signature is not over what it says") from None
        return checkpoint
    raise BadNote("it is not signed by this key")


def key_id(name: str, public: bytes) -> bytes:
    """By which four bytes a signature says whose it is."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:KEY_ID_BYTES]


def raw(public: Ed25519PublicKey) -> bytes:
    """The 32 bytes of a public key."""
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _read(text: str) -> Checkpoint:
    lines = text.split("\n")[:-1]
    if len(lines) < LEAST_LINES or not lines[0].startswith(ORIGIN):
        raise BadNote("it is no checkpoint of a factory's log")
    size, root = lines[1], _decoded(lines[2])
    if not size.isascii() or not size.isdigit() or str(int(size)) != size or len(root) != HASH_BYTES:
        raise BadNote("its size or its root is none")
    time = next((line.removeprefix(_TIME) for line in lines[LEAST_LINES:] if line.startswith(_TIME)), "")
    return Checkpoint(lines[0].removeprefix(ORIGIN), int(size), root, time)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadNote(f"{text[:60]!r} is no base64") from None
