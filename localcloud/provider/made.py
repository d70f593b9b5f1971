"""What was made for which URN: how an update finds what an engine that was killed had begun to create."""

import threading
from collections.abc import Iterable


class Made:
    """The newest id made for each URN since the daemon started; a deleted thing is forgotten."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids: dict[str, str] = {}

    def add(self, urn: str, id: str) -> None:
        """Remember a creation; a replacement takes the place of what it replaces."""
        with self._lock:
            self._ids[urn] = id

    def forget(self, urn: str, id: str) -> None:
        """A thing is gone; when its URN has a newer one, that one stays."""
        with self._lock:
            if self._ids.get(urn) == id:
                del self._ids[urn]

    def clear(self) -> None:
        """The cloud was emptied."""
        with self._lock:
            self._ids.clear()

    def known(self, urns: Iterable[str]) -> dict[str, str]:
        """Id by URN, of those that exist."""
        with self._lock:
            return {urn: self._ids[urn] for urn in urns if urn in self._ids}
