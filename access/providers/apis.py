"""The provider for other people's HTTP APIs: the relay that puts the credential in, opened for each grant."""

import base64
import binascii
from collections.abc import Callable, Collection
from typing import Final

from access.apis.orders import Credential, Open
from access.apis.process import ApiRelay
from access.grants import Grant
from access.providers.holding import Holding, seconds_left
from access.providers.provider import Issued, Place
from access.providers.standing import SecretValue
from factory.errors import InputError
from factory.paths import FactoryRoot
from factory.spec import ApiSpec, load_app

SpecOf = Callable[[Place], ApiSpec]
ValueOf = Callable[[Place, str], SecretValue]
ADDRESS: Final = "127.0.0.1"
# A password that is shorter stands in every answer by chance.
SHORTEST_SHOWN: Final = 4


class Apis:
    """APIs that apps declare: `spec_of` knows them, `value_of` reads an app's secret for one."""

    def __init__(self, relay: Callable[[], ApiRelay], spec_of: SpecOf, value_of: ValueOf) -> None:
        self._relay, self._spec_of, self._value_of = Holding(relay), spec_of, value_of

    def ref(self, grant: Grant) -> str:
        """There is no object of its own: its name only."""
        return f"api-{grant.id}"

    def issue(self, grant: Grant) -> Issued:
        """Let the grant's holder in at the relay, with the credential's present value. Raises MillwrightError."""
        return self._relay.issued(lambda relay: self._issued(grant, relay))

    def _issued(self, grant: Grant, relay: ApiRelay) -> Issued:
        place = Place(grant.app, grant.environment.value, grant.resource)
        spec = self._spec_of(place)
        found = self._value_of(place, spec.secret)
        until = str(grant.hard_until)
        self._relay.open(
            relay,
            grant,
            Open(
                grant=grant.id,
                token_digest=grant.token_digest,
                url=spec.url,
                credential=credential(spec, found.text),
                scope=grant.scope,
                app=grant.app,
                principal=grant.principal,
                version=found.version,
                seconds=seconds_left(grant),
            ),
        )
        return Issued(self.ref(grant), f"http://{ADDRESS}:{relay.port}", until)

    def serves(self, grant: Grant) -> bool:
        """Whether its holder is let in."""
        return self._relay.serves(grant)

    def cut(self, grants: Collection[Grant]) -> None:
        """End what is under way by them, all at once."""
        self._relay.cut(grants)

    def remove(self, grant: Grant) -> None:
        """Nothing was made at the API: once it is cut there is nothing left."""

    def sweep(self, place: Place, live: Collection[str]) -> list[str]:
        """Nothing can stand for no grant."""
        del place, live
        return []

    def close(self) -> None:
        """End the relay, and every request with it."""
        self._relay.close()


def declared(root: FactoryRoot, place: Place) -> ApiSpec:
    """What app.yaml says of an API. Raises InputError where it says nothing."""
    found = load_app(root, place.app).apis.get(place.resource.partition(".")[2])
    if found is None:
        raise InputError(f"{place.app} declares no {place.resource}", hint="declare it under `apis:`")
    return found


def credential(spec: ApiSpec, value: str) -> Credential:
    """What is put into each request. Raises InputError for a value that no header can hold."""
    # A file's last line end is no part of a credential.
    secret = value.rstrip("\r\n")
    if not secret or not secret.isascii() or not secret.isprintable() or secret != secret.strip():
        raise InputError(f"what the secret {spec.secret} holds cannot stand in a header", hint="give it another value")
    said = [secret]
    # Of `user:password` in base64 an answer may show what it stands for.
    try:
        plain = base64.b64decode(secret, validate=True).decode()
        said += [part for part in (plain, plain.partition(":")[2]) if ":" in plain and len(part) >= SHORTEST_SHOWN]
    except (binascii.Error, UnicodeDecodeError):
        pass
    header = spec.format.replace("{secret}", secret)
    return Credential(header=spec.header, value=header, form=spec.format, secrets=list(dict.fromkeys(said)))
