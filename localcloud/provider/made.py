"""What was made for which URN: how what an engine that was killed had made, and no state names, is found again."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

# Longer than any create takes; a create that hangs must not hang whoever asks.
PATIENCE_SECONDS: Final = 20.0
# A create that the engine sent before it was killed may still wait for its turn in the server.
QUIET_SECONDS: Final = 0.5


def identity(id: str, properties: Mapping[str, Any]) -> str:
    """What tells a thing from every other: its ARN. Ids do not always: all revisions of a task definition share one."""
    return str(properties.get("arn") or id)


@dataclass(frozen=True)
class _Thing:
    identity: str
    undo: Callable[[], None]


class Made:
    """The newest thing made for each URN since the daemon started; a deleted thing is forgotten."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._things: dict[str, _Thing] = {}
        self._under_way: Counter[str] = Counter()

    def create(
        self,
        urn: str,
        make: Callable[[], tuple[str, dict[str, Any]]],
        undo: Callable[[str, dict[str, Any]], None],
    ) -> tuple[str, dict[str, Any]]:
        """Run `make` and remember what it answers; a replacement takes the place of what it replaces.

        `undo` deletes what was made, given its id and properties.
        """
        with self._changed:
            self._under_way[urn] += 1
            self._changed.notify_all()
        try:
            id, properties = make()
            with self._changed:
                # Taken out first: the order of the URNs is that of the last creations.
                self._things.pop(urn, None)
                self._things[urn] = _Thing(identity(id, properties), lambda: undo(id, properties))
            return id, properties
        finally:
            with self._changed:
                self._under_way[urn] -= 1
                self._changed.notify_all()

    def forget(self, urn: str, identity: str) -> None:
        """A thing is gone; when its URN has a newer one, that one stays."""
        with self._changed:
            if (thing := self._things.get(urn)) and thing.identity == identity:
                del self._things[urn]

    def discard(self, prefix: str, kept: Collection[tuple[str, str]]) -> list[str]:
        """Delete what was made for URNs that start with `prefix` and is not `kept` (URN, identity); newest first.

        For a stack whose engine was killed: what no state names, nobody could ever delete. What is being made is waited
        for: it may still be what the dead engine asked for. The URNs of what went.
        """
        named = set(kept)
        with self._changed:
            self._until_quiet()
            unknown = [
                (urn, thing)
                for urn, thing in self._things.items()
                if urn.startswith(prefix) and (urn, thing.identity) not in named
            ]
        for urn, thing in reversed(unknown):
            thing.undo()
            self.forget(urn, thing.identity)
        return [urn for urn, _ in unknown]

    def clear(self) -> None:
        """The cloud was emptied."""
        with self._changed:
            self._things.clear()

    def _until_quiet(self) -> None:
        """Wait until nothing is being made, and nothing has begun or ended for a while; for so long at most."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            self._changed.wait_for(lambda: not any(self._under_way.values()), left)
            if not self._changed.wait(QUIET_SECONDS):
                return
