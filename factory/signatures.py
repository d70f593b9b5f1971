"""SSHSIG signatures: made with a person's SSH key, verified without any tool (ed25519 and RSA keys).

The format is OpenSSH's PROTOCOL.sshsig; `ssh-keygen -Y sign|verify` makes and takes the same ones. A namespace keeps
a signature for one purpose from being used for another.
"""

import base64
import shutil
import struct
import subprocess
from collections.abc import Sequence
from hashlib import sha512
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_private_key,
    load_ssh_public_key,
)
from sshsig import InvalidSignature, PublicKey
from sshsig import verify as verify_sshsig
from sshsig.binary_io import ssh_read_string_pair
from sshsig.sshsig import SshsigSignature, ssh_dearmor_sshsig

from factory.errors import InputError

DECISION = "decision@millwright"
SUBMIT = "submit@millwright"
EXCEPTION_REQUEST = "exception-request@millwright"
EXCEPTION = "exception@millwright"
ACCESS = "access@millwright"
MAGIC = b"SSHSIG"
VERSION = 1
LINE = 70
SECONDS = 120
# What PROTOCOL.sshsig allows; the library takes every hash that Python knows, broken ones too.
HASHES = frozenset({b"sha256", b"sha512"})
# Shorter ones can be factored; NIST SP 800-131A disallows them.
RSA_BITS = 2048
# The beginning of what ssh-keygen writes, OpenSSH's PROTOCOL.key; the public half stands in it unencrypted.
PRIVATE = b"openssh-key-v1\0"


def verify(message: bytes, armored: str, keys: Sequence[str], *, namespace: str = DECISION) -> bool:
    """Whether one of `keys` (OpenSSH public keys) signed `message` for `namespace`; False for what is no signature."""
    try:
        known = [PublicKey.from_openssh_str(key) for key in keys]
        if not _is_strict(ssh_dearmor_sshsig(armored)):
            return False
        verify_sshsig(message, armored, known, namespace)
    # The library asserts that the kind of the signature is the kind of the key.
    except (InvalidSignature, NotImplementedError, ValueError, AssertionError):
        return False
    return True


def is_public_key(text: str) -> str:
    """What is wrong with an OpenSSH public key; "" when nothing is."""
    if len(text.strip().splitlines()) > 1:
        return "more than one line: one public key each"
    try:
        PublicKey.from_openssh_str(text)
        key = load_ssh_public_key(text.strip().encode())
    except NotImplementedError:
        return "keys of this kind cannot be verified: use ssh-ed25519 or ssh-rsa"
    except ValueError as error:
        return f"not an OpenSSH public key: {error or 'it cannot be read'}"
    if isinstance(key, RSAPublicKey) and key.key_size < RSA_BITS:
        return f"an RSA key of {key.key_size} bits is too short: at least {RSA_BITS}, or ssh-ed25519"
    return ""


def key_id(public: str) -> str:
    """`SHA256:...`, as `ssh-keygen -l` prints it: the same for one key, however it is written down."""
    return PublicKey.from_openssh_str(public).sha256_str()


def public_key_of(key_file: Path) -> str:
    """The public half of a private key's file, without its passphrase: from `.pub` beside it, or else from itself.

    Raises InputError when neither says it.
    """
    beside = key_file.with_name(key_file.name + ".pub")
    try:
        text = beside.read_text().strip() if beside.is_file() else _public_half(key_file.read_text())
    except (OSError, ValueError, IndexError, struct.error) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no OpenSSH private key"
        raise InputError(f"{key_file} cannot be read: {said}", hint="name another with --key") from None
    if wrong := is_public_key(text):
        raise InputError(f"{key_file}: {wrong}", hint="name another with --key")
    return text


def sign(message: bytes, key_file: Path, *, namespace: str = DECISION) -> str:
    """The armored signature over `message` with a private key (by ssh-keygen, so agents and passphrases work).

    Raises InputError when the key cannot be used.
    """
    program = shutil.which("ssh-keygen")
    if program is None:
        raise InputError("ssh-keygen is not here: it signs with your key", hint="apt-get install openssh-client")
    ran = subprocess.run(
        [program, "-q", "-Y", "sign", "-f", str(key_file), "-n", namespace],
        input=message,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    if ran.returncode:
        said = ran.stderr.decode(errors="replace").strip()
        raise InputError(f"{key_file} does not sign: {said}", hint="name another with --key")
    return ran.stdout.decode()


def sign_unattended(message: bytes, key_file: Path, *, namespace: str = DECISION) -> str:
    """The same for an ed25519 key without passphrase, in this process: for the demo people, where no tool is needed."""
    key = load_ssh_private_key(key_file.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"{key_file} is no ed25519 key")
    public = base64.b64decode(key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1])
    head = (namespace.encode(), b"", b"sha512")
    signature = key.sign(MAGIC + _strings(*head, sha512(message).digest()))
    blob = MAGIC + struct.pack(">I", VERSION) + _strings(public, *head, _strings(b"ssh-ed25519", signature))
    text = base64.b64encode(blob).decode()
    lines = [text[at : at + LINE] for at in range(0, len(text), LINE)]
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""])


def _is_strict(blob: bytes) -> bool:
    """Whether a signature is written byte for byte as PROTOCOL.sshsig says: the library reads on past wrong lengths."""
    read = SshsigSignature(blob)
    public = PublicKey.from_ssh_encoding(read.public_key).openssh_str().split()[1]
    return (
        read.hash_algo in HASHES
        and bytes(read) == blob
        and base64.b64encode(read.public_key).decode() == public
        and _strings(*ssh_read_string_pair(read.signature)) == read.signature
    )


def _public_half(armored: str) -> str:
    """From a private key: after the magic stand three strings (cipher, kdf, its options), a count, the public key."""
    blob = base64.b64decode(armored.split("-----")[2])
    if not blob.startswith(PRIVATE):
        raise ValueError("no OpenSSH private key")
    at = len(PRIVATE)
    for _ in range(3):
        at = _after(blob, at)
    at += 4
    public = blob[at + 4 : _after(blob, at)]
    return f"{public[4 : _after(public, 0)].decode()} {base64.b64encode(public).decode()}"


def _after(blob: bytes, at: int) -> int:
    """Where the string that begins at `at` ends."""
    length: int = struct.unpack_from(">I", blob, at)[0]
    return at + 4 + length


def _strings(*parts: bytes) -> bytes:
    """SSH wire format: each string with its length before it."""
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)
