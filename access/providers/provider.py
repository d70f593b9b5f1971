"""What the broker needs of a provider, whatever it opens."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from access.grants import Grant


@dataclass(frozen=True)
class Issued:
    """What was made for a grant: its name at the provider, where a client finds it (of a database:
    `host:port/database`), and when the provider itself ends it (UTC, ISO 8601)."""

    ref: str
    door: str
    expires_at: str


@dataclass(frozen=True)
class Place:
    """One resource of one environment, as rules name it."""

    app: str
    environment: str
    resource: str


class Provider(Protocol):
    """Opens and closes. Every call may come again after a kill, and then does what is left to do."""

    def ref(self, grant: Grant) -> str:
        """What the grant's own object at the provider is called: known before there is one."""

    def issue(self, grant: Grant) -> Issued:
        """Make what the grant needs, and let its holder in. Raises MillwrightError."""

    def serves(self, grant: Grant) -> bool:
        """Whether its holder is let in by this process: nobody is after a restart, until it is issued again."""

    def cut(self, grants: Collection[Grant]) -> None:
        """Let nobody in by them any more, and end what is under way; at once, without asking what cannot be reached."""

    def remove(self, grant: Grant) -> None:
        """Take away what was made. Returns when nothing of it is left. Raises MillwrightError when it cannot tell."""

    def sweep(self, place: Place, live: Collection[str]) -> list[str]:
        """Take away what stands at a place for no live grant (`live` are refs); what that was. Raises
        MillwrightError."""

    def close(self) -> None:
        """Let nobody in any more."""
