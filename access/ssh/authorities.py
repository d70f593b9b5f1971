"""The factory's SSH keys: made once, their owner's only, and what they sign.

Two authorities. What the bastion lets in is signed by one, for a grant's holder; what hosts let in is signed by the
other, for the bastion: neither opens the other one's door.
"""

import contextlib
import os
import secrets
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    SSHCertificateBuilder,
    SSHCertificateType,
    load_ssh_private_key,
    load_ssh_public_key,
)

from factory.errors import InputError
from factory.paths import FactoryRoot, private_folder

# A host's clock may be behind ours.
EARLY: Final = timedelta(minutes=15)
# The one thing that a session needs leave for; what is not named is not allowed.
PTY: Final = b"permit-pty"
# By this name clients know the bastion, wherever it listens.
ALIAS: Final = "millwright-bastion"


class Keys(StrEnum):
    """Which key; the value is its file's name in the access plane's folder."""

    HOLDERS = "ssh-holders"
    """Signs for grants' holders; the bastion takes nobody else's."""
    HOSTS = "ssh-hosts"
    """Signs for the bastion; hosts trust it (sshd's TrustedUserCAKeys)."""
    BASTION = "ssh-bastion"
    """The bastion's own host key."""


@dataclass(frozen=True)
class Certified:
    """A certificate (one line, as in a `-cert.pub` file), and its serial number."""

    line: str
    serial: int


def key_file(root: FactoryRoot, which: Keys) -> Path:
    """Where a key is."""
    return root.access / which.value


def private_key(root: FactoryRoot, which: Keys) -> Ed25519PrivateKey:
    """A key, made if there is none. Safe to call from many processes at once.

    Raises InputError for a file that holds no such key.
    """
    path = key_file(root, which)
    if not path.exists():
        _make(path)
    try:
        key = load_ssh_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"{path} holds no Ed25519 key of SSH", hint="remove it: another one is made")
    return key


def public_line(root: FactoryRoot, which: Keys) -> str:
    """A key's public half as OpenSSH writes it: `ssh-ed25519 AAAA...`. Raises InputError."""
    return private_key(root, which).public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def known_hosts(root: FactoryRoot) -> str:
    """The line of a known_hosts file by which clients know the bastion (`HostKeyAlias`). Raises InputError."""
    return f"{ALIAS} {public_line(root, Keys.BASTION)}"


def public_key(text: str) -> Ed25519PublicKey:
    """What somebody wants to have signed. Raises InputError for anything but one Ed25519 key."""
    try:
        key = load_ssh_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise InputError("this is no Ed25519 public key of SSH", hint="ssh-keygen -t ed25519 -N '' -f key")
    return key


def certify(
    authority: Ed25519PrivateKey, key: Ed25519PublicKey, principal: str, key_id: str, now: datetime, until: datetime
) -> Certified:
    """A user's certificate for one name, until a moment; with a terminal, and without any forwarding."""
    serial = secrets.randbits(63)
    made = (
        SSHCertificateBuilder()
        .public_key(key)
        .serial(serial)
        .type(SSHCertificateType.USER)
        .key_id(key_id.encode())
        .valid_principals([principal.encode()])
        .valid_after(int((now - EARLY).timestamp()))
        .valid_before(int(until.timestamp()))
        .add_extension(PTY, b"")
        .sign(authority)
    )
    return Certified(made.public_bytes().decode(), serial)


def private_text(key: Ed25519PrivateKey) -> str:
    """A private key as OpenSSH writes it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


def _make(path: Path) -> None:
    private_folder(path.parent)
    # Its owner's only from the first moment.
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(private_text(Ed25519PrivateKey.generate()))
            file.flush()
            os.fsync(file.fileno())
        # Not replaced: whoever was first has perhaps signed already.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        Path(draft).unlink()
