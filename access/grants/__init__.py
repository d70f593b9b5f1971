"""Grants: leases on resources, each for one task of an agent or for one person, and each ended by its time."""

from access.clock import Now, utc_now
from access.grants.desk import Desk, Given
from access.grants.model import Grant, Wanted
from access.grants.states import LIVE, OVER, IllegalMove, Move, State, moved
from access.grants.store import Overtaken

__all__ = [
    "LIVE",
    "OVER",
    "Desk",
    "Given",
    "Grant",
    "IllegalMove",
    "Move",
    "Now",
    "Overtaken",
    "State",
    "Wanted",
    "moved",
    "utc_now",
]
