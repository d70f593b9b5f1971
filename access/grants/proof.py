"""What proves that a person asked for exactly this: their signature over it, kept with the grant."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from access.grants.model import Grant
from factory import signatures
from factory.errors import AccessDenied
from factory.fingerprints import canonical
from factory.people import People

Sign = Callable[[bytes], str]
"""Makes an armored SSH signature over a message, in the namespace `signatures.ACCESS`."""


def proved(grant: Grant, sign: Sign) -> Grant:
    """The grant with its proof."""
    signed = _payload(grant)
    proof = canonical({"payload": signed.decode(), "signature": sign(signed)}).decode()
    return grant.model_copy(update={"proof": proof})


def require_proved(people: People, grant: Grant) -> None:
    """Raises AccessDenied when a person is said to have asked for it, and nothing proves that."""
    signed = _payload(grant)
    person = people.find(grant.principal)
    try:
        proof = json.loads(grant.proof)
        same = proof["payload"] == signed.decode()
        signature = str(proof["signature"])
    except (ValueError, KeyError, TypeError):
        same, signature = False, ""
    keys = person.keys if person is not None else ()
    if not same or not signatures.verify(signed, signature, keys, namespace=signatures.ACCESS):
        raise AccessDenied(f"nothing proves that {grant.principal} asked for exactly this")


def require_said(people: People, person: str, what: Mapping[str, Any], sign: Sign) -> None:
    """Raises AccessDenied when `sign` makes no signature of this person's over `what` (plain JSON data)."""
    known, said = people.find(person), canonical({"person": person, **what})
    if known is None or not signatures.verify(said, sign(said), known.keys, namespace=signatures.ACCESS):
        raise AccessDenied(f"nothing proves that it is {person} who says so")


def _payload(grant: Grant) -> bytes:
    fields = {"id", "app", "environment", "resource", "scope", "principal", "reason", "minutes", "requested_at"}
    told = {"token": grant.token_digest, "verifier": grant.verifier}
    if grant.change is not None:
        # It says which branch the repository's door takes.
        told["change"] = grant.change
    return canonical({**grant.model_dump(mode="json", include=fields), **told})
