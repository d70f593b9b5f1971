"""The access plane as the rooms above see it: grants for agents' tasks, the model's relay, and ways out."""

from access.apis.orders import own_socket
from access.asking import Access
from access.database_ways import DatabaseWays, place_of
from access.door import TaskAsks, Told
from access.egress.proxies import Proxies, Way
from access.egress.record import Asker
from access.messages.forwarding import NotReached, Passed, Upstream, forwarded
from access.secret_reads import SecretRead

__all__ = [
    "Access",
    "Asker",
    "DatabaseWays",
    "NotReached",
    "Passed",
    "Proxies",
    "SecretRead",
    "TaskAsks",
    "Told",
    "Upstream",
    "Way",
    "forwarded",
    "own_socket",
    "place_of",
]
