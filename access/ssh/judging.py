"""Whether a key that somebody offers is a certificate by which they may come in as whom they say. Pure.

Read by another library than the one that speaks the protocol, which has to agree as well.
"""

import base64
import struct
from collections.abc import Collection
from datetime import datetime
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    SSHCertificateType,
    load_ssh_public_identity,
)

from access.ssh.authorities import PTY
from access.ssh.refusals import Reason, Refused

MARK: Final = b"-cert-v01@openssh.com"
UNREADABLE: Final = (ValueError, TypeError, UnsupportedAlgorithm, struct.error)


def require_certificate(offered: bytes, login: str, authority: str, known: Collection[str], now: datetime) -> None:
    """Raises Refused unless `offered` (a key as the protocol carries it) lets its owner in as `login`.

    `authority`: the OpenSSH public key of whoever signs; `known`: the logins of grants that are open.
    """
    certificate = _read(offered)
    _require_ours(certificate, authority)
    if certificate.type is not SSHCertificateType.USER:
        raise Refused(Reason.HOST_CERTIFICATE, "a host's certificate lets nobody in")
    if certificate.critical_options or set(certificate.extensions) - {PTY}:
        names = b", ".join([*certificate.critical_options, *certificate.extensions]).decode(errors="replace")
        raise Refused(Reason.OPTION, f"no certificate of ours says: {names}")
    if list(certificate.valid_principals) != [login.encode()]:
        raise Refused(Reason.PRINCIPAL, "the certificate is not for exactly this name")
    if not certificate.valid_after <= now.timestamp() < certificate.valid_before:
        raise Refused(Reason.EXPIRED, "the certificate's time is over, or has not begun")
    if login not in known:
        raise Refused(Reason.LOGIN, "the name is of no grant that is open")


def _read(offered: bytes) -> SSHCertificate:
    kind = _first(offered)
    if not kind.endswith(MARK):
        raise Refused(Reason.KEY, "a key without a certificate lets nobody in")
    try:
        found = load_ssh_public_identity(kind + b" " + base64.b64encode(offered))
    except UNREADABLE as error:
        raise Refused(Reason.CERTIFICATE, f"this is no certificate: {error}") from None
    if not isinstance(found, SSHCertificate):
        raise Refused(Reason.CERTIFICATE, "this is no certificate")
    return found


def _require_ours(certificate: SSHCertificate, authority: str) -> None:
    try:
        signer = certificate.signature_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    except UNREADABLE as error:
        raise Refused(Reason.CERTIFICATE, f"nobody can have signed it: {error}") from None
    if signer.split()[:2] != authority.split()[:2]:
        raise Refused(Reason.AUTHORITY, "the certificate is signed by somebody else")
    try:
        certificate.verify_cert_signature()
    except (InvalidSignature, *UNREADABLE):
        raise Refused(Reason.AUTHORITY, "the certificate's signature is not true") from None


def _first(offered: bytes) -> bytes:
    """The name of the key's kind, with which it begins; empty where it has none."""
    length = int.from_bytes(offered[:4], "big")
    return offered[4 : 4 + length] if 0 < length <= len(offered) - 4 else b""
