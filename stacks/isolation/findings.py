"""What a proof says: a verdict for each two environments, and a finding for whatever stands against it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """What came of two environments, or of all."""

    PROVED = "proved"
    REFUTED = "refuted"
    """Something reaches over: a finding names it."""
    UNKNOWN = "unknown"
    """Nothing was found that does, but something could not be assigned, read or evaluated: a finding names it."""
    NOTHING_STANDS = "nothing stands"


class Rule(StrEnum):
    """What a finding is about. The words are stable: scripts select by them."""

    UNASSIGNED = "unassigned"
    FORGED_TAG = "forged-tag"
    TWO_STACKS = "two-stacks"
    UNREAD = "unread"
    UNREADABLE_POLICY = "unreadable-policy"
    SHARED = "shared"
    DANGLING = "dangling-reference"
    OVERLAP = "overlapping-networks"
    PEERING = "peering"
    TRANSIT = "transit-gateway"
    ROUTE = "route"
    FIREWALL = "firewall-rule"
    RESOURCE_POLICY = "resource-policy"
    ROLE = "role-permission"
    ESCALATION = "role-escalation"
    PENDING = "pending-update"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that refutes the isolation of `one` and `other`, or leaves it unknown.

    Both are stacks. `one` is who reaches over, `other` what is reached. Without `other` it stands between `one` and
    everyone; without `one`, between all. `where` is the ARN or id of what is to be looked at.
    """

    verdict: Verdict
    rule: Rule
    one: str | None
    other: str | None
    where: str
    why: str
    fix: str

    def is_about(self, one: str, other: str) -> bool:
        """Whether it stands between these two stacks."""
        between = {name for name in (self.one, self.other) if name is not None}
        return between <= {one, other}


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two environments that stand, and what came of them."""

    one: str
    other: str
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What came of all. `read` counts the resources that were read, by kind."""

    verdict: Verdict
    stacks: tuple[str, ...]
    pairs: tuple[Pair, ...]
    findings: tuple[Finding, ...]
    read: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        """The proof as a document."""
        return {**asdict(self), "read": dict(self.read)}
