"""The labelled demo people: stand-ins with keys made on this machine, for the demo and for tests.

They exist only where every target is local: on a real account their decisions do not verify, whatever files there are.
"""

import fcntl
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from ruamel.yaml import YAML

from factory.document import load_document
from factory.errors import InputError
from factory.gates import Role
from factory.paths import FactoryRoot, private_folder
from factory.settings import Settings

AUTHOR = "demo-author"
MAINTAINER = "demo-maintainer"
OPERATOR = "demo-operator"
SECURITY = "demo-security"
ARCHITECT = "demo-architect"
ROLES: dict[str, list[Role]] = {
    AUTHOR: [],
    MAINTAINER: [Role.MAINTAINER],
    OPERATOR: [Role.OPERATOR],
    SECURITY: [Role.SECURITY],
    ARCHITECT: [Role.ARCHITECT],
}


def ensure(root: FactoryRoot, settings: Settings) -> None:
    """Make the demo people, each of them once. Raises InputError where a target is not local, or for a broken file."""
    if settings.aws != "local":
        raise InputError("demo people are stand-ins for the local cloud only", hint="name real people in people.yaml")
    folder = private_folder(root.demo_people)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        file = folder / "people.yaml"
        known = load_document(file).data.get("people") or {} if file.exists() else {}
        # A factory that an earlier version made has fewer: whoever is there keeps the key.
        if missing := [person for person in ROLES if person not in known]:
            _write(folder, known | _made(folder, missing))


def key_file(root: FactoryRoot, person: str) -> Path:
    """The private key of a demo person. Raises InputError for somebody who is none, or before they are made."""
    path = _key(root.demo_people, person)
    if person not in ROLES or not path.is_file():
        raise InputError(f"{person} is no demo person of this factory", hint="millwright people demo makes them")
    return path


def _key(folder: Path, person: str) -> Path:
    return folder / f"{person}.key"


def _made(folder: Path, wanted: list[str]) -> dict[str, object]:
    people: dict[str, object] = {}
    for person in wanted:
        key = Ed25519PrivateKey.generate()
        path = _key(folder, person)
        path.touch(mode=0o600)
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        name = f"{person.removeprefix('demo-').capitalize()} of the demo (stand-in, nobody real)"
        people[person] = {"name": name, "roles": [role.value for role in ROLES[person]], "keys": [public]}
    return people


def _write(folder: Path, people: dict[str, object]) -> None:
    draft = folder / "people.tmp"
    with draft.open("w") as file:
        YAML(typ="safe").dump({"people": people}, file)
    draft.rename(folder / "people.yaml")
