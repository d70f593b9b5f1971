"""The key that signs checkpoints: made once per factory, its owner's only."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from factory.errors import InputError
from factory.own_file import made_once
from factory.paths import FactoryRoot


def key_file(root: FactoryRoot) -> Path:
    """Where the key is."""
    return root.state / "audit.key"


def signing_key(root: FactoryRoot) -> Ed25519PrivateKey:
    """The factory's key, made if there is none. Safe to call from many processes at once.

    Raises InputError for a file that holds no such key.
    """
    path = key_file(root)
    try:
        key = load_pem_private_key(made_once(path, _new), password=None)
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(
            f"{path} holds no Ed25519 key",
            hint="put the key back that was there (a backup has it): another one does not continue the logs it signed",
        )
    return key


def public_pem(key: Ed25519PrivateKey) -> str:
    """What a verifier is given, once: the public half, as PEM."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _new() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
