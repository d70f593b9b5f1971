"""Everything of one account, in the regions that are asked for, part by part."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from stacks.isolation.reading.buckets import read_buckets
from stacks.isolation.reading.databases import read_databases
from stacks.isolation.reading.identities import read_identities
from stacks.isolation.reading.names import read_names
from stacks.isolation.reading.networks import read_networks
from stacks.isolation.reading.others import read_others, read_tagged, unseen
from stacks.isolation.reading.pipelines import read_alarms, read_certificates, read_pipelines, read_trails
from stacks.isolation.reading.reader import Clients, Reader
from stacks.isolation.reading.stores import (
    read_images,
    read_keys,
    read_logs,
    read_queues,
    read_secrets,
    read_topics,
)
from stacks.isolation.reading.workloads import read_workloads
from stacks.isolation.records import Cloud, Identity, Resource, Unread

ROLES, TAGGED = "roles", "tags"
# What is the account's, whatever the region.
_GLOBAL: dict[str, Callable[[Reader], Iterable[Resource]]] = {"buckets": read_buckets}
_REGIONAL: dict[str, Callable[[Reader], Iterable[Resource]]] = {
    "networks": read_networks,
    "names": read_names,
    "keys": read_keys,
    "secrets": read_secrets,
    "logs": read_logs,
    "images": read_images,
    "queues": read_queues,
    "topics": read_topics,
    "databases": read_databases,
    "services and tasks": read_workloads,
    "pipelines": read_pipelines,
    "alarms": read_alarms,
    "audit trails": read_trails,
    "certificates": read_certificates,
    "other services": read_others,
    TAGGED: read_tagged,
}
PARTS = (ROLES, *_GLOBAL, *_REGIONAL)


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one part of the reading gave."""

    resources: tuple[Resource, ...]
    identities: tuple[Identity, ...] = ()
    unread: tuple[Unread, ...] = field(default=())


def read_cloud(
    clients: Clients, account: str, regions: Sequence[str], report: Callable[[str], None] = lambda _: None
) -> Cloud:
    """What the account holds there; roles and buckets are the account's, whatever the region.

    `report` hears what is read next. Raises CloudUnavailable when the cloud cannot be reached.
    """
    return assembled(account, regions, read_parts(clients, account, regions, PARTS, report))


def read_parts(
    clients: Clients,
    account: str,
    regions: Sequence[str],
    parts: Collection[str],
    report: Callable[[str], None] = lambda _: None,
) -> dict[str, Part]:
    """These parts of what the account holds, by name; see `read_cloud`."""
    found: dict[str, Part] = {}
    for name in parts:
        report(name)
        readers = [Reader(clients, region, account) for region in (regions if name in _REGIONAL else regions[:1])]
        resources: list[Resource] = []
        identities: list[Identity] = []
        for reader in readers:
            if name == ROLES:
                roles, identities = read_identities(reader)
                resources += roles
            else:
                resources += (_GLOBAL | _REGIONAL)[name](reader)
        unread = tuple(each for reader in readers for each in reader.unread)
        found[name] = Part(resources=tuple(resources), identities=tuple(identities), unread=unread)
    return found


def assembled(account: str, regions: Sequence[str], parts: Mapping[str, Part]) -> Cloud:
    """One cloud of its parts. What has tags and is in no other part is in it as what this proof does not read."""
    resources = [each for name, part in parts.items() if name != TAGGED for each in part.resources]
    seen = {name for each in resources for name in (each.id, *each.arns)}
    return Cloud(
        account=account,
        regions=tuple(regions),
        resources=(*resources, *unseen(parts[TAGGED].resources, seen)),
        identities=parts[ROLES].identities,
        unread=tuple(each for part in parts.values() for each in part.unread),
    )
