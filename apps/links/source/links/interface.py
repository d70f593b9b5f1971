"""What the service needs of a store, whichever it is."""

from typing import Protocol

from links.store import Link


class LinkStore(Protocol):
    """Links by code, safe to use from many threads; what a method changed is kept once it returns.

    Every method raises StoreUnavailable when the store cannot answer now.
    """

    def __len__(self) -> int: ...

    def add(self, url: str) -> Link:
        """The link of `url`, made when it is new. Raises InvalidUrl."""

    def get(self, code: str) -> Link | None:
        """The link with this code."""

    def follow(self, code: str) -> Link | None:
        """The link with this code, counted as followed once more."""
