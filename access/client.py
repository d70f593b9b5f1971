"""The access plane as the rooms above see it: grants for agents' tasks, the model's relay, and ways out."""

from access.apis.orders import own_socket
from access.asking import Access
from access.door import TaskAsks, Told
from access.egress.proxies import Proxies, Way
from access.egress.record import Asker
from access.grant_ways import GrantWays, api_place_of, place_of
from access.messages.forwarding import NotReached, Passed, Upstream, forwarded
from access.secret_reads import SecretRead

__all__ = [
    "Access",
    "Asker",
    "GrantWays",
    "NotReached",
    "Passed",
    "Proxies",
    "SecretRead",
    "TaskAsks",
    "Told",
    "Upstream",
    "Way",
    "api_place_of",
    "forwarded",
    "own_socket",
    "place_of",
]
