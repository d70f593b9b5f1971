"""The provider for an app's repository: whoever may write a change's branch is written down, and opens no door by it.

What is granted is used by the factory itself, which commits a task's steps while the task's grant is active.
"""

from collections.abc import Collection

from access.grants import Grant
from access.providers.provider import Issued, Place


class Branches:
    """Nothing is made: that it is active is all that a grant of a repository is."""

    def __init__(self) -> None:
        self._open: set[str] = set()

    def ref(self, grant: Grant) -> str:
        """There is no object of its own: the grant's id."""
        return grant.id

    def issue(self, grant: Grant) -> Issued:
        """Remember it."""
        self._open.add(grant.id)
        return Issued(self.ref(grant), "", str(grant.hard_until))

    def serves(self, grant: Grant) -> bool:
        """Whether it is remembered."""
        return grant.id in self._open

    def cut(self, grants: Collection[Grant]) -> None:
        """Forget them."""
        self._open.difference_update(grant.id for grant in grants)

    def remove(self, grant: Grant) -> None:
        """Nothing is left once it is cut."""

    def sweep(self, place: Place, live: Collection[str]) -> list[str]:
        """Nothing can be left."""
        del place, live
        return []

    def close(self) -> None:
        """Forget everything."""
        self._open.clear()
