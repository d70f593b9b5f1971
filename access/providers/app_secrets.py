"""The provider for the app's secrets: nothing is made for a grant, and its holder asks for the value at the door."""

from collections.abc import Callable, Collection

from access.grants import Grant
from access.providers.provider import Issued, Place
from access.providers.standing import SecretValue
from factory.errors import AccessDenied

ValueOf = Callable[[Place], SecretValue]


class Secrets:
    """Secrets of the factory's environments; `value_of` reads one."""

    def __init__(self, value_of: ValueOf) -> None:
        self._value_of = value_of
        self._open: set[str] = set()

    def ref(self, grant: Grant) -> str:
        """There is no object of its own: its name only."""
        return f"secret-{grant.id}"

    def issue(self, grant: Grant) -> Issued:
        """Let the grant's holder read it, if it can be read. Raises MillwrightError."""
        self._value_of(_place(grant))
        self._open.add(grant.id)
        return Issued(self.ref(grant), f"/grants/{grant.id}/secret", str(grant.hard_until))

    def read(self, grant: Grant) -> SecretValue:
        """The value. Raises AccessDenied for whom nobody lets in, MillwrightError."""
        if grant.id not in self._open:
            raise AccessDenied(f"the grant {grant.id} is not open")
        return self._value_of(_place(grant))

    def serves(self, grant: Grant) -> bool:
        """Whether its holder is let in."""
        return grant.id in self._open

    def cut(self, grants: Collection[Grant]) -> None:
        """From now on nothing is read by them."""
        self._open.difference_update(grant.id for grant in grants)

    def remove(self, grant: Grant) -> None:
        """Nothing was made. What was read by then is known to whoever read it: only another value ends that."""

    def sweep(self, place: Place, live: Collection[str]) -> list[str]:
        """Nothing can stand for no grant."""
        del place, live
        return []

    def close(self) -> None:
        """Let nobody in any more."""
        self._open.clear()


def _place(grant: Grant) -> Place:
    return Place(grant.app, grant.environment.value, grant.resource)
