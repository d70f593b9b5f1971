"""The files by which OpenSSH's programs come in by a grant: a key of one use, its certificate, and a configuration."""

from pathlib import Path
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from access.asking import Access
from access.door import Signed
from access.grants import Grant
from access.ssh.authorities import ALIAS, private_text
from factory.errors import InputError
from factory.paths import FactoryRoot, private_folder

KEY: Final = "key"
CONFIG: Final = "config"


class Files(NamedTuple):
    """What `ssh -F config name` needs: the configuration, and the name in it."""

    config: Path
    name: str


def write(root: FactoryRoot, grant: Grant, token: str, folder: Path) -> Files:
    """Make them in a folder of its owner's only, with a certificate that the broker gives for the grant's token.

    Raises AccessDenied when the grant is over; InputError where a file is there already; CloudUnavailable.
    """
    key = Ed25519PrivateKey.generate()
    return write_signed(grant.name, key, Access(root).certificate(grant.id, token, public_text(key)), folder)


def public_text(key: Ed25519PrivateKey) -> str:
    """A key's public half as OpenSSH writes it."""
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def write_signed(name: str, key: Ed25519PrivateKey, signed: Signed, folder: Path) -> Files:
    """The same, by a certificate that is there. Raises InputError where a file is there already."""
    host, _, port = signed.door.rpartition(":")
    private_folder(folder)
    config = folder / CONFIG
    settings = {
        "HostName": host,
        "Port": port,
        "User": signed.login,
        "HostKeyAlias": ALIAS,
        "UserKnownHostsFile": _quoted(folder / "known_hosts"),
        "GlobalKnownHostsFile": "none",
        "StrictHostKeyChecking": "yes",
        "IdentityFile": _quoted(folder / KEY),
        "CertificateFile": _quoted(folder / f"{KEY}-cert.pub"),
        # No other key, and no agent: the bastion counts what it refuses.
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "PreferredAuthentications": "publickey",
    }
    lines = [f"Host {name}", *(f"  {name} {value}" for name, value in settings.items())]
    _write(folder / KEY, private_text(key))
    _write(folder / f"{KEY}-cert.pub", f"{signed.certificate}\n")
    _write(folder / "known_hosts", f"{signed.known_hosts}\n")
    _write(config, "\n".join(lines) + "\n")
    return Files(config, name)


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x") as file:
            path.chmod(0o600)
            file.write(text)
    except FileExistsError:
        raise InputError(f"{path} is there already", hint="name another folder") from None


def _quoted(path: Path) -> str:
    # ssh_config takes no escapes, and expands a percent sign.
    return f'"{str(path.resolve()).replace("%", "%%")}"'
