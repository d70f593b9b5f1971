"""Who acts is proved by an SSH signature: the options that name person and key, and the signing itself."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from console.session import Session
from console.show import ERR
from factory import demo_people, signatures
from factory.errors import InputError
from factory.people import load_people

As = Annotated[
    str, typer.Option("--as", metavar="PERSON", help="Who you are: an id in people.yaml.", show_default=False)
]
KeyFile = Annotated[
    Path | None,
    typer.Option("--key", help="Your SSH private key; demo people need none.", show_default=False),
]


def sign(session: Session, person: str, key: Path | None, message: bytes, *, namespace: str) -> str:
    """An SSH signature of `person` over `message`, armored.

    Raises InputError: nobody has that id, no key was named, or the key is not one of that person's.
    """
    who = load_people(session.root, session.settings).person(person)
    if key is None and not who.demo:
        raise InputError(f"{person} signs with a key of their own", hint="name it: --key FILE")
    file = demo_people.key_file(session.root, person) if key is None else key
    signer = signatures.sign_unattended if who.demo and key is None else signatures.sign
    signature = signer(message, file, namespace=namespace)
    # Told here, where the key's file is known, and not by whoever is asked to believe it.
    if not signatures.verify(message, signature, who.keys, namespace=namespace):
        raise InputError(f"the key {file} is none of {person}'s", hint="people.yaml lists each person's public keys")
    return signature


def agreed(*, yes: bool) -> bool:
    """Whether whoever sits at the terminal says that it is so; asked where somebody can answer, and not after --yes."""
    if yes or not sys.stdin.isatty():
        return True
    # Not typer's own question: it writes to standard output, which is for the answer.
    ERR.print("Is that so? [y/N] ", end="", markup=False)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
