"""Cases of the controls of isolation."""

from . import (
    isolation_addresses,
    isolation_defaults,
    isolation_groups,
    isolation_managed,
    isolation_namespaces,
    isolation_peering,
    isolation_ways,
)
from .case import Case

CASES: tuple[Case, ...] = (
    *isolation_groups.CASES,
    *isolation_ways.CASES,
    *isolation_defaults.CASES,
    *isolation_addresses.CASES,
    *isolation_peering.CASES,
    *isolation_managed.CASES,
    *isolation_namespaces.CASES,
)
