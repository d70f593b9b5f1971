"""The certificate that clients here know the factory's relays by: self-signed, made once, renewed in time."""

import datetime as dt
import ipaddress
import os
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from factory.paths import private_folder

HOST: Final = "localhost"
ADDRESS: Final = "127.0.0.1"
LIFE: Final = dt.timedelta(days=365)
# So long before its end it is replaced.
EARLY: Final = dt.timedelta(days=30)


class Certificate(NamedTuple):
    """Two PEM files: the certificate, which clients are given, and its key, which is its owner's only."""

    certificate: Path
    key: Path


def files(folder: Path) -> Certificate:
    """Where they are in `folder`, whether or not they are there."""
    return Certificate(folder / "relay.pem", folder / "relay.key")


def certificate(folder: Path, now: dt.datetime) -> Certificate:
    """The certificate in `folder`, made where there is none or its end is near. One process at a time calls this."""
    found = files(folder)
    if not _is_good(found, now):
        private_folder(folder)
        _make(found, now)
    return found


def _is_good(found: Certificate, now: dt.datetime) -> bool:
    try:
        read = x509.load_pem_x509_certificate(found.certificate.read_bytes())
        key = serialization.load_pem_private_key(found.key.read_bytes(), password=None)
    except (OSError, ValueError):
        return False
    # Killed between the two files: the key of another one.
    same = key.public_key() == read.public_key()
    return same and read.not_valid_before_utc <= now < read.not_valid_after_utc - EARLY


def _make(made_into: Certificate, now: dt.datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    names = [x509.DNSName(HOST), x509.IPAddress(ipaddress.ip_address(ADDRESS))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=15))
        .not_valid_after(now + LIFE)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(made_into.key, private)
    _write(made_into.certificate, made.public_bytes(serialization.Encoding.PEM))


def _write(path: Path, content: bytes) -> None:
    draft = path.with_suffix(path.suffix + ".tmp")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(content)
    draft.replace(path)
