"""What was made for which URN: how an update finds what an engine that was killed had begun to create."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

# Longer than any create takes; a create that hangs must not hang whoever asks.
PATIENCE_SECONDS: Final = 20.0


class Made:
    """The newest id made for each URN since the daemon started; a deleted thing is forgotten."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._ids: dict[str, str] = {}
        self._under_way: Counter[str] = Counter()

    def create(self, urn: str, make: Callable[[], tuple[str, dict[str, Any]]]) -> tuple[str, dict[str, Any]]:
        """Run `make` and remember the id it answers; a replacement takes the place of what it replaces."""
        with self._changed:
            self._under_way[urn] += 1
        try:
            id, properties = make()
            with self._changed:
                self._ids[urn] = id
            return id, properties
        finally:
            with self._changed:
                self._under_way[urn] -= 1
                self._changed.notify_all()

    def forget(self, urn: str, id: str) -> None:
        """A thing is gone; when its URN has a newer one, that one stays."""
        with self._changed:
            if self._ids.get(urn) == id:
                del self._ids[urn]

    def clear(self) -> None:
        """The cloud was emptied."""
        with self._changed:
            self._ids.clear()

    def known(self, urns: Iterable[str]) -> dict[str, str]:
        """Id by URN, of those that exist; creates under way are waited for: their engine may be dead already."""
        wanted = list(urns)
        with self._changed:
            self._changed.wait_for(lambda: not any(self._under_way[urn] for urn in wanted), PATIENCE_SECONDS)
            return {urn: self._ids[urn] for urn in wanted if urn in self._ids}
