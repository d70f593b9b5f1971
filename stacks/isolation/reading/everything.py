"""Everything of one account, in the regions that are asked for."""

from collections.abc import Callable, Sequence

from stacks.isolation.reading.buckets import read_buckets
from stacks.isolation.reading.identities import read_identities
from stacks.isolation.reading.networks import read_networks
from stacks.isolation.reading.others import read_others, read_tagged
from stacks.isolation.reading.reader import Clients, Reader
from stacks.isolation.reading.stores import read_stores
from stacks.isolation.reading.workloads import read_workloads
from stacks.isolation.records import Cloud, Identity, Resource

PARTS = (
    ("networks", read_networks),
    ("keys, secrets, logs, images, queues, databases", read_stores),
    ("services and tasks", read_workloads),
    ("other services", read_others),
)


def read_cloud(
    clients: Clients, account: str, regions: Sequence[str], report: Callable[[str], None] = lambda _: None
) -> Cloud:
    """What the account holds there; roles and buckets are the account's, whatever the region.

    `report` hears what is read next. Raises CloudUnavailable when the cloud cannot be reached.
    """
    resources: list[Resource] = []
    identities: list[Identity] = []
    unread = []
    for number, region in enumerate(regions):
        reader = Reader(clients, region, account)
        if number == 0:
            report("roles")
            roles, identities = read_identities(reader)
            report("buckets")
            resources += [*roles, *read_buckets(reader)]
        for what, read in PARTS:
            report(f"{what} of {region}")
            resources += read(reader)
        seen = frozenset(name for each in resources for name in (each.id, *each.arns))
        resources += read_tagged(reader, seen)
        unread += reader.unread
    return Cloud(
        account=account,
        regions=tuple(regions),
        resources=tuple(resources),
        identities=tuple(identities),
        unread=tuple(unread),
    )
