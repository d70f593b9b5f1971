"""What the flow needs of a durable engine; DBOS fulfils it (pipeline.dbos_engine), a test may with a plain list."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Protocol

Json = dict[str, Any]


class Lane(StrEnum):
    """Where a stage waits for its turn, per app: so many stages of one app run at once, no more."""

    WORK = "work"
    MERGE = "merge"
    STAGING = "staging"
    PRODUCTION = "production"


# How many stages of one app run at once. One merge: a second would have to be tested again on top of the first. One
# deployment to each environment: two would fight over the same stack.
CAPS: dict[Lane, int] = {Lane.WORK: 3, Lane.MERGE: 1, Lane.STAGING: 1, Lane.PRODUCTION: 1}


class Durable(Protocol):
    """Runs a flow so that it goes on where it was, whatever kills its process.

    A step runs at least once: whatever it does outside the database carries a key or looks before it acts.
    """

    def step(self, name: str, work: Callable[[], Json]) -> Json:
        """Do `work` in the flow's own process and remember its answer."""
        ...

    def stage(self, lane: Lane, name: str, key: str, argument: Json) -> Json:
        """Run the stage `name` as a queued child in the lane of the flow's app; `key` names this run for good."""
        ...
