"""The access plane as the rooms above see it: grants for agents' tasks, the model's relay, and ways out."""

from access.asking import Access
from access.database_ways import DatabaseWays, place_of
from access.door import TaskAsks, Told
from access.egress.proxies import Proxies, Way
from access.egress.record import Asker
from access.messages.forwarding import NotReached, Passed, Upstream, forwarded

__all__ = [
    "Access",
    "Asker",
    "DatabaseWays",
    "NotReached",
    "Passed",
    "Proxies",
    "TaskAsks",
    "Told",
    "Upstream",
    "Way",
    "forwarded",
    "place_of",
]
