"""Who acts at this terminal: a person that is named, or the one whose key it is. Never the name of a login."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.session import Session
from console.show import ERR, escaped
from factory.errors import InputError

if TYPE_CHECKING:
    from factory.people import Person

Who = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="PERSON",
        help="Who you are: an id in people.yaml. Default: whose key it is.",
        show_default=False,
    ),
]
OwnKey = Annotated[
    Path | None,
    typer.Option("--key", help="Your SSH private key; default ~/.ssh/id_ed25519.", show_default=False),
]


def identify(session: Session, person: str | None, key: Path | None) -> tuple["Person", Path | None]:
    """Who acts, and the key to sign with; no key for demo people, who have theirs here. A stand-in is said to be one.

    Nothing is proved by this: the signature does that. Raises InputError for a stranger, and where there is no key.
    """
    # Imported late: the options above are of commands that seldom sign (0.1 s).
    from factory import signatures
    from factory.people import load_people

    people = load_people(session.root, session.settings)
    found = people.person(person) if person is not None else None
    if found is None or not found.demo:
        key = key or _usual_key()
    if found is None:
        if key is None:
            raise InputError("nobody is named, and there is no ~/.ssh/id_ed25519", hint="--as PERSON, or --key FILE")
        mine = signatures.key_id(signatures.public_key_of(key))
        holders = [each for each in people if mine in map(signatures.key_id, each.keys)]
        if len(holders) != 1:
            raise InputError(f"{key} is nobody's key in people.yaml ({mine})", hint="--as PERSON, or --key FILE")
        found = holders[0]
    if found.demo:
        ERR.print(f"[yellow]{escaped(found.id)} is a stand-in of the demo: nobody real acts here[/]")
    return found, key


def _usual_key() -> Path | None:
    path = Path.home() / ".ssh" / "id_ed25519"
    return path if path.is_file() else None
