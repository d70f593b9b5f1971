"""The certificate authority behind the ingress's TLS door: this factory's own, which nobody else trusts."""

import ssl
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from factory.paths import private_folder
from localcloud.durable import files

NAME: Final = "Millwright local authority (this machine only)"
AUTHORITY_DAYS: Final = 3650
# Certificates live in the daemon's memory; one that serves for longer is made anew.
DAYS: Final = 90
RENEWED_AFTER: Final = timedelta(days=30)
# Clocks differ, also within one machine's containers.
EARLIER: Final = timedelta(hours=1)
Names = Callable[[str], Sequence[str]]


class _Served(NamedTuple):
    names: tuple[str, ...]
    since: datetime
    context: ssl.SSLContext


class Authority:
    """Key and certificate of the authority in a folder of their own, made once, and contexts for TLS servers."""

    def __init__(self, folder: Path) -> None:
        """`folder`: `ca.pem` in it is what clients are given (`curl --cacert`); its key is its owner's only."""
        self._folder = private_folder(folder)
        self._key, self._certificate = self._kept() or self._made()
        self._served: dict[str, _Served] = {}

    def context(self, names: Names) -> ssl.SSLContext:
        """A server's context, TLS 1.2 and newer. `names`: those of the certificate to show to who asks for a host."""

        def show(connection: Any, host: str | None, _: ssl.SSLContext) -> int | None:
            wanted = tuple(names((host or "").lower()))
            if not wanted:
                return int(ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME)
            connection.context = self._serving(wanted)
            return None

        context = _server()
        context.sni_callback = show
        return context

    def _serving(self, names: tuple[str, ...]) -> ssl.SSLContext:
        now, known = datetime.now(UTC), self._served.get(names[0])
        if known is None or known.names != names or now - known.since > RENEWED_AFTER:
            known = self._served[names[0]] = _Served(names, now, self._context_for(names))
        return known.context

    def _context_for(self, names: tuple[str, ...]) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(names[0], key.public_key(), DAYS)
            .issuer_name(self._certificate.subject)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        certificate = builder.sign(self._key, hashes.SHA256())
        context = _server()
        # OpenSSL takes them from a file only.
        with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".pem") as file:
            file.write(_text(key) + certificate.public_bytes(serialization.Encoding.PEM))
            file.flush()
            context.load_cert_chain(file.name)
        return context

    def _kept(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None:
        try:
            key = serialization.load_pem_private_key((self._folder / "ca.key").read_bytes(), None)
            certificate = x509.load_pem_x509_certificate((self._folder / "ca.pem").read_bytes())
        except (OSError, ValueError):
            return None
        own = isinstance(key, ec.EllipticCurvePrivateKey) and key.public_key() == certificate.public_key()
        return (key, certificate) if own and isinstance(key, ec.EllipticCurvePrivateKey) else None

    def _made(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(NAME, key.public_key(), AUTHORITY_DAYS)
            .issuer_name(_name(NAME))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_signs_certificates(), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        certificate = builder.sign(key, hashes.SHA256())
        files.write(self._folder / "ca.key", _text(key))
        files.write(self._folder / "ca.pem", certificate.public_bytes(serialization.Encoding.PEM))
        return key, certificate


def _server() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _builder(name: str, key: ec.EllipticCurvePublicKey, days: int) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(now + timedelta(days=days))
    )


def _name(name: str) -> x509.Name:
    # A common name holds 64 characters; clients look at the alternative names.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _signs_certificates() -> x509.KeyUsage:
    others = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
    )
    return x509.KeyUsage(**others, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False)


def _text(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
