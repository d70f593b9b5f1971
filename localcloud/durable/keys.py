"""Private keys as bytes and back: OpenSSL's objects can be neither pickled nor drawn again from a seed."""

from typing import Any

from cryptography.hazmat.primitives import serialization

Key = Any


def der(key: Key) -> bytes:
    """PKCS 8, not encrypted: the file it goes to is readable by its owner only."""
    return bytes(
        key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def private_key(data: bytes) -> Key:
    """The key again. It is our own: checking its primes would take longer than making it."""
    return serialization.load_der_private_key(data, None, unsafe_skip_rsa_key_validation=True)
