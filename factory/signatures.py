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
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key
from sshsig import InvalidSignature, PublicKey
from sshsig import verify as verify_sshsig

from factory.errors import InputError

DECISION = "decision@millwright"
SUBMIT = "submit@millwright"
MAGIC = b"SSHSIG"
VERSION = 1
LINE = 70
SECONDS = 120


def verify(message: bytes, armored: str, keys: Sequence[str], *, namespace: str = DECISION) -> bool:
    """Whether one of `keys` (OpenSSH public keys) signed `message` for `namespace`."""
    try:
        known = [PublicKey.from_openssh_str(key) for key in keys]
        verify_sshsig(message, armored, known, namespace)
    except (InvalidSignature, NotImplementedError, ValueError):
        return False
    return True


def is_public_key(text: str) -> str:
    """What is wrong with an OpenSSH public key; "" when nothing is."""
    try:
        PublicKey.from_openssh_str(text)
    except NotImplementedError:
        return "keys of this kind cannot be verified: use ssh-ed25519 or ssh-rsa"
    except ValueError as error:
        return f"not an OpenSSH public key: {error}"
    return ""


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


def _strings(*parts: bytes) -> bytes:
    """SSH wire format: each string with its length before it."""
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)
