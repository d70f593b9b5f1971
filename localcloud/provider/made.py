"""What was made for which URN: how an update finds what an engine that was killed had begun to create."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

# Longer than any create takes; a create that hangs must not hang whoever asks.
PATIENCE_SECONDS: Final = 20.0
# A create that the engine sent before it was killed may still wait for its turn in the server.
QUIET_SECONDS: Final = 0.5


class Made:
    """The newest id made for each URN since the daemon started; a deleted thing is forgotten."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._ids: dict[str, str] = {}
        self._undo: dict[str, Callable[[], None]] = {}
        self._under_way: Counter[str] = Counter()

    def create(
        self,
        urn: str,
        make: Callable[[], tuple[str, dict[str, Any]]],
        undo: Callable[[str, dict[str, Any]], None],
    ) -> tuple[str, dict[str, Any]]:
        """Run `make` and remember the id it answers; a replacement takes the place of what it replaces.

        `undo` deletes what was made, given its id and properties.
        """
        with self._changed:
            self._under_way[urn] += 1
            self._changed.notify_all()
        try:
            id, properties = make()
            with self._changed:
                # Taken out first: the order of the URNs is that of the last creations.
                self._ids.pop(urn, None)
                self._ids[urn] = id
                self._undo[urn] = lambda: undo(id, properties)
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
                self._undo.pop(urn, None)

    def discard(self, prefix: str, kept: Iterable[tuple[str, str]]) -> list[str]:
        """Delete what was made for URNs that start with `prefix` and is not among `kept` (URN, id); newest first.

        For a stack whose engine was killed: what no state names, nobody could ever delete. The URNs of what went.
        """
        named = set(kept)
        with self._changed:
            self._until_quiet()
            unknown = [(urn, id) for urn, id in self._ids.items() if urn.startswith(prefix) and (urn, id) not in named]
            undo = [self._undo[urn] for urn, _ in unknown]
        for step in reversed(undo):
            step()
        for urn, id in unknown:
            self.forget(urn, id)
        return [urn for urn, _ in unknown]

    def _until_quiet(self) -> None:
        """Wait until nothing is being made, and nothing has begun or ended for a while; for so long at most."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            self._changed.wait_for(lambda: not any(self._under_way.values()), left)
            if not self._changed.wait(QUIET_SECONDS):
                return

    def clear(self) -> None:
        """The cloud was emptied."""
        with self._changed:
            self._ids.clear()
            self._undo.clear()

    def known(self, urns: Iterable[str]) -> dict[str, str]:
        """Id by URN, of those that exist; creates under way are waited for: their engine may be dead already."""
        wanted = list(urns)
        with self._changed:
            self._changed.wait_for(lambda: not any(self._under_way[urn] for urn in wanted), PATIENCE_SECONDS)
            return {urn: self._ids[urn] for urn in wanted if urn in self._ids}
