"""What was made for which URN: how what an engine that was killed had made, and no state names, is found again.

It outlives the daemon, as what was made does.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from localcloud.provider.config import Scope

# Longer than any create takes; a create that hangs must not hang whoever asks.
PATIENCE_SECONDS: Final = 20.0
# A create that the engine sent before it was killed may still wait for its turn in the server.
QUIET_SECONDS: Final = 0.5
MADE: Final = "provider.made"
GONE: Final = "provider.gone"
SETTLED: Final = "provider.settled"


def identity(id: str, properties: Mapping[str, Any]) -> str:
    """What tells a thing from every other: its ARN. Ids do not always: all revisions of a task definition share one."""
    return str(properties.get("arn") or id)


class Kept(NamedTuple):
    """A resource of a state, as little of it as tells it from every other; `arn` is "" where the state tells none.

    Not by its URN: a thing that is renamed in the state is the same thing.
    """

    type: str
    id: str
    arn: str


@dataclass(frozen=True, kw_only=True)
class Thing:
    """One thing that was made: all that is needed to delete it. Inputs and outputs are without secret marks."""

    type: str
    name: str
    scope: Scope
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]

    @property
    def identity(self) -> str:
        """What tells it from every other."""
        return identity(self.id, self.outputs)


class Keeper(Protocol):
    """Where it is kept: the local cloud's backends."""

    def register(self, kind: str, change: Callable[[Any], Any]) -> None:
        """`apply(kind, data)` is to call `change(data)`."""

    def share(self, name: str, tell: Callable[[], Any], take: Callable[[Any], None]) -> None:
        """Keep what `tell` returns in snapshots; `take` gets it back."""

    def apply(self, kind: str, data: Any) -> Any:
        """Make a registered change and keep it."""

    def operation(self) -> AbstractContextManager[None]:
        """What this thread changes meanwhile counts together, or not at all."""


class Made:
    """The newest thing made for each URN since somebody saw its stack settled; a deleted thing is forgotten."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._changed = threading.Condition()
        self._things: dict[str, Thing] = {}
        self._under_way: Counter[str] = Counter()
        keeper.register(MADE, self._note)
        keeper.register(GONE, self._strike)
        keeper.register(SETTLED, self._forget_all)
        keeper.share("made", lambda: self._things, self._take)

    def create(self, urn: str, make: Callable[[], Thing]) -> Thing:
        """Run `make` and remember what it answers; a replacement takes the place of what it replaces."""
        with self._changed:
            self._under_way[urn] += 1
            self._changed.notify_all()
        try:
            with self._keeper.operation():
                thing = make()
                self._keeper.apply(MADE, (urn, thing))
            return thing
        finally:
            with self._changed:
                self._under_way[urn] -= 1
                self._changed.notify_all()

    def forget(self, urn: str, identity: str) -> None:
        """A thing is gone; when its URN has a newer one, that one stays."""
        if (thing := self._things.get(urn)) and thing.identity == identity:
            self._keeper.apply(GONE, (urn, identity))

    def settled(self, prefix: str) -> None:
        """What was made for URNs that start with `prefix` was seen: a state names it, or it was let go on purpose."""
        if any(urn.startswith(prefix) for urn in self._things):
            self._keeper.apply(SETTLED, prefix)

    def discard(self, prefix: str, kept: Collection[Kept], undo: Callable[[Thing], None]) -> list[str]:
        """Delete what was made for URNs that start with `prefix` since it was settled and is not `kept`; newest first.

        For a stack whose engine was killed: what no state names, nobody could ever delete. What is being made is waited
        for: it may still be what the dead engine asked for. `undo` deletes a thing. The URNs of what went.
        """
        by_arn = {(each.type, each.arn) for each in kept if each.arn}
        # Where a state tells no ARN, ids that are shared count as the same: better kept than deleted.
        by_id = {(each.type, each.id) for each in kept if not each.arn}
        with self._changed:
            self._until_quiet()
            unknown = [
                (urn, thing)
                for urn, thing in self._things.items()
                if urn.startswith(prefix)
                and (thing.type, thing.identity) not in by_arn
                and (thing.type, thing.id) not in by_id
            ]
        for urn, thing in reversed(unknown):
            with self._keeper.operation():
                undo(thing)
                self.forget(urn, thing.identity)
        return [urn for urn, _ in unknown]

    def clear(self) -> None:
        """The cloud was emptied."""
        with self._changed:
            self._things.clear()

    # Called by the keeper, under its lock, also when what was kept is done again.

    def _note(self, made: tuple[str, Thing]) -> None:
        urn, thing = made
        with self._changed:
            # Taken out first: the order of the URNs is that of the last creations.
            self._things.pop(urn, None)
            self._things[urn] = thing

    def _strike(self, gone: tuple[str, str]) -> None:
        urn, identity = gone
        with self._changed:
            if (thing := self._things.get(urn)) and thing.identity == identity:
                del self._things[urn]

    def _forget_all(self, prefix: str) -> None:
        with self._changed:
            self._things = {urn: thing for urn, thing in self._things.items() if not urn.startswith(prefix)}

    def _take(self, things: dict[str, Thing]) -> None:
        with self._changed:
            self._things = things

    def _until_quiet(self) -> None:
        """Wait until nothing is being made, and nothing has begun or ended for a while; for so long at most."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            self._changed.wait_for(lambda: not any(self._under_way.values()), left)
            if not self._changed.wait(QUIET_SECONDS):
                return
