"""The labelled demo people: stand-ins with keys made on this machine, for the demo and for tests.

They exist only where every target is local: on a real account their decisions do not verify, whatever files there are.
"""

import fcntl
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from ruamel.yaml import YAML

from factory.errors import InputError
from factory.gates import Role
from factory.paths import FactoryRoot, private_folder
from factory.settings import Settings

AUTHOR = "demo-author"
MAINTAINER = "demo-maintainer"
OPERATOR = "demo-operator"
SECURITY = "demo-security"
ROLES: dict[str, list[Role]] = {
    AUTHOR: [],
    MAINTAINER: [Role.MAINTAINER],
    OPERATOR: [Role.OPERATOR],
    SECURITY: [Role.SECURITY],
}


def ensure(root: FactoryRoot, settings: Settings) -> None:
    """Make the demo people, once. Raises InputError where a target is not local."""
    if settings.aws != "local":
        raise InputError("demo people are stand-ins for the local cloud only", hint="name real people in people.yaml")
    folder = private_folder(root.demo_people)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "people.yaml").exists():
            _make(folder)


def key_file(root: FactoryRoot, person: str) -> Path:
    """The private key of a demo person. Raises InputError for somebody who is none, or before they are made."""
    path = root.demo_people / f"{person}.key"
    if person not in ROLES or not path.is_file():
        raise InputError(f"{person} is no demo person of this factory", hint="millwright people demo makes them")
    return path


def _make(folder: Path) -> None:
    people = {}
    for person, roles in ROLES.items():
        key = Ed25519PrivateKey.generate()
        path = folder / f"{person}.key"
        path.touch(mode=0o600)
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        name = f"{person.removeprefix('demo-').capitalize()} of the demo (stand-in, nobody real)"
        people[person] = {"name": name, "roles": [role.value for role in roles], "keys": [public]}
    draft = folder / "people.tmp"
    with draft.open("w") as file:
        YAML(typ="safe").dump({"people": people}, file)
    draft.rename(folder / "people.yaml")
