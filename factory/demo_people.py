"""The labelled demo people: stand-ins with keys made on this machine, for the demo and for tests.

They exist only where every target is local: on a real account their decisions do not verify, whatever files there are.
"""

import fcntl
from collections.abc import Collection
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from ruamel.yaml import YAML

from factory.document import load_document
from factory.errors import InputError
from factory.gates import Role
from factory.paths import FactoryRoot, private_folder
from factory.people import Person
from factory.settings import Settings

AUTHOR = "demo-author"
MAINTAINER = "demo-maintainer"
OPERATOR = "demo-operator"
SECURITY = "demo-security"
ARCHITECT = "demo-architect"
DEPUTY = "demo-deputy"
ROLES: dict[str, list[Role]] = {
    AUTHOR: [],
    MAINTAINER: [Role.MAINTAINER],
    OPERATOR: [Role.OPERATOR],
    SECURITY: [Role.SECURITY],
    ARCHITECT: [Role.ARCHITECT],
}
# Made when asked for: who approves second, at every gate that app.yaml lets two people decide.
WITH_DEPUTY = ROLES | {DEPUTY: [Role.MAINTAINER, Role.OPERATOR, Role.SECURITY, Role.ARCHITECT]}


def ensure(root: FactoryRoot, settings: Settings) -> None:
    """Make the demo people, each of them once. Raises InputError where a target is not local, or for a broken file."""
    _ensure(root, settings, ROLES)


def ensure_with_deputy(root: FactoryRoot, settings: Settings) -> None:
    """The same, and one more who holds every role that decides."""
    _ensure(root, settings, WITH_DEPUTY)


def where_more_are_named(people: Collection[Person]) -> str:
    """Where somebody is named who decides beside these: in people.yaml, or by a command while all are stand-ins."""
    stand_ins_only = bool(people) and all(person.demo and person.id != DEPUTY for person in people)
    return "people.yaml, or millwright people demo --deputy" if stand_ins_only else "people.yaml"


def _ensure(root: FactoryRoot, settings: Settings, roles: dict[str, list[Role]]) -> None:
    if settings.aws != "local":
        raise InputError("demo people are stand-ins for the local cloud only", hint="name real people in people.yaml")
    folder = private_folder(root.demo_people)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        file = folder / "people.yaml"
        known = load_document(file).data.get("people") or {} if file.exists() else {}
        # A factory that an earlier version made has fewer: whoever is there keeps the key.
        if missing := [person for person in roles if person not in known]:
            _write(folder, known | _made(folder, missing))


def key_file(root: FactoryRoot, person: str) -> Path:
    """The private key of a demo person. Raises InputError for somebody who is none, or before they are made."""
    path = _key(root.demo_people, person)
    if person not in WITH_DEPUTY or not path.is_file():
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
        people[person] = {"name": name, "roles": [role.value for role in WITH_DEPUTY[person]], "keys": [public]}
    return people


def _write(folder: Path, people: dict[str, object]) -> None:
    draft = folder / "people.tmp"
    with draft.open("w") as file:
        YAML(typ="safe").dump({"people": people}, file)
    draft.rename(folder / "people.yaml")
