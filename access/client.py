"""The access plane as the rooms above see it: grants for agents' tasks, and ways out for them."""

from access.apis.orders import own_socket
from access.asking import Access
from access.door import TaskAsks, Told
from access.egress.proxies import Proxies, Way
from access.egress.record import Asker
from access.secret_reads import SecretRead

__all__ = ["Access", "Asker", "Proxies", "SecretRead", "TaskAsks", "Told", "Way", "own_socket"]
