"""Where the ingress sends a request: a table that the reconciler swaps, and leases on the targets in it."""

import random
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Forward:
    """To one of some target groups, by weight."""

    weights: Mapping[str, int]


@dataclass(frozen=True)
class Fixed:
    """An answer that the listener itself gives."""

    status: int
    content_type: str
    body: str


@dataclass(frozen=True)
class Redirect:
    """To another address, in ELB's words: `#{host}` and the like stand for those of the request."""

    status: int
    protocol: str
    host: str
    port: str
    path: str
    query: str


@dataclass(frozen=True)
class Unserved:
    """A balancer that leads nowhere, and why."""

    reason: str


Route = Forward | Fixed | Redirect | Unserved


@dataclass(frozen=True)
class Secure:
    """A route over TLS, and the names of the certificate that is shown first."""

    route: Route
    names: Sequence[str]


@dataclass(frozen=True)
class Target:
    """One healthy copy and the socket it is reached through."""

    task: str
    socket: Path


@dataclass(frozen=True)
class Table:
    """Routes by host, in the clear and over TLS, and the targets that may serve by target group's ARN."""

    routes: Mapping[str, Route] = field(default_factory=dict)
    targets: Mapping[str, Sequence[Target]] = field(default_factory=dict)
    secure: Mapping[str, Secure] = field(default_factory=dict)


class Switch:
    """The current table. A target is leased for a request, so that nobody stops what still answers."""

    def __init__(self, chance: random.Random | None = None) -> None:
        self._table = Table()
        self._leases: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._chance = chance or random.Random()  # noqa: S311  it spreads load

    def swap(self, table: Table) -> None:
        """From now on requests go by `table`; leases already taken go on."""
        with self._lock:
            self._table = table

    def route(self, host: str) -> Route | None:
        """What the balancer of `host` does; None when there is none."""
        return self._table.routes.get(host)

    def secure_route(self, host: str) -> Route | None:
        """What the balancer of `host` does over TLS; None when it has no certificate, or there is none."""
        found = self._table.secure.get(host)
        return found.route if found else None

    def names(self, host: str) -> Sequence[str]:
        """The names of the certificate of `host`; empty when it has none."""
        found = self._table.secure.get(host)
        return found.names if found else ()

    def lease(self, route: Forward, shunned: frozenset[str] = frozenset()) -> Target | None:
        """A healthy target that is not shunned, the least busy one; None when there is none. Release it."""
        with self._lock:
            there = {
                arn: [target for target in self._table.targets.get(arn, ()) if target.task not in shunned]
                for arn in route.weights
            }
            groups = [arn for arn, targets in there.items() if targets]
            if not groups:
                return None
            (group,) = self._chance.choices(groups, [route.weights[arn] for arn in groups])
            # Ties are broken by chance, so that idle targets take turns.
            target = min(there[group], key=lambda each: (self._leases[each.task], self._chance.random()))
            self._leases[target.task] += 1
            return target

    def release(self, target: Target) -> None:
        """The request has ended."""
        with self._lock:
            self._leases[target.task] -= 1
            if self._leases[target.task] <= 0:
                del self._leases[target.task]

    def busy(self, task: str) -> bool:
        """Whether requests are under way at a task."""
        with self._lock:
            return self._leases[task] > 0
