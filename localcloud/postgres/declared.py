"""What an RDS record declares of its server, and what there is to tell about it, as plain data."""

from dataclasses import dataclass, field
from typing import Final

# The changes of the records that are kept with the calls.
TELL: Final = "rds.tell"

CREATING: Final = "creating"
STARTING: Final = "starting"
MODIFYING: Final = "modifying"
AVAILABLE: Final = "available"
STOPPED: Final = "stopped"
FAILED: Final = "failed"


@dataclass(frozen=True, kw_only=True)
class Declared:
    """One instance. `key` is its resource id, which no other instance ever has.

    `address` and `port` are where clients reach it; `database` is "" where none is declared besides PostgreSQL's own;
    `runs`: whether it is to run (RDS can stop an instance and keep its data); `settled`: whether the record says that
    what is declared is so. `revision` counts what was asked of it; `problem`: why its server cannot follow.
    """

    account: str
    region: str
    key: str
    identifier: str
    address: str
    port: int
    database: str
    owner: str
    password: str = field(repr=False)
    storage_mib: int
    revision: int = 0
    problem: str = ""
    runs: bool = True
    settled: bool = field(default=False, compare=False)


@dataclass(frozen=True, kw_only=True)
class Placed:
    """Where an instance that takes connections stands in the cloud's networks.

    `address` and `port` as in its Declared; `ranges`: the IPv4 ranges of its subnets; `groups`: its security groups.
    """

    account: str
    region: str
    key: str
    address: str
    port: int
    vpc: str
    ranges: tuple[str, ...]
    groups: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Status:
    """What became of an instance; `reason` when it failed.

    `revision`: which of the things asked of it this is about; None in those that were kept before there were any.
    """

    account: str
    region: str
    key: str
    status: str
    reason: str = ""
    revision: int | None = None
