"""Which exceptions are needed still: used, unused, expiring, expired. Pure; for `millwright policy report`."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from factory.exceptions import Accepted
from policies.accepted import Accepting, project_of, stack_urn
from policies.model import Control
from policies.offline import check
from policies.resources import Stack
from policies.settings import PolicySettings

SOON: Final = timedelta(days=14)
"""So long before its end an exception is said to be expiring."""


class Use(StrEnum):
    """Whether something is covered by an exception. `unseen`: nobody showed the stack that it is about."""

    USED = "used"
    UNUSED = "unused"
    UNSEEN = "unseen"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Reported:
    """One exception, and whether it is needed."""

    entry: Accepted
    use: Use
    expiring: bool

    def as_json(self) -> dict[str, Any]:
        """As a document."""
        entry = self.entry
        return {
            **entry.as_json(),
            "rule": entry.rule,
            "about": about(entry),
            "fingerprint": entry.fingerprint,
            "requester": entry.requester,
            "state": self.use.value,
            "expiring": self.expiring,
        }


def about(entry: Accepted) -> str:
    """What it is about: a URN, a pattern of one, or a file of an app."""
    return entry.urn or f"{entry.app}: {entry.path}"


def reported(
    entries: Sequence[Accepted], used: Collection[str], seen: Collection[str], now: datetime
) -> list[Reported]:
    """Every exception; `used` are the ids of those that covered something, `seen` the stacks and apps looked at."""
    return [Reported(entry, _use(entry, used, seen, now), _expiring(entry, now)) for entry in entries]


def used_in(
    stacks: Mapping[str, Stack],
    entries: Sequence[Accepted],
    controls: Sequence[Control],
    settings: PolicySettings,
    clock: Callable[[], datetime],
) -> set[str]:
    """The ids of the exceptions that cover something in these stacks, by name."""
    return {id for name, stack in stacks.items() for id in _ids(name, stack, entries, controls, settings, clock)}


def _ids(
    name: str,
    stack: Stack,
    entries: Sequence[Accepted],
    controls: Sequence[Control],
    settings: PolicySettings,
    clock: Callable[[], datetime],
) -> Iterable[str]:
    own = tuple(entry for entry in entries if not entry.tool and entry.stack == name)
    wanted = {entry.rule for entry in own}
    asked = [control for control in controls if control.id in wanted]
    accepting = Accepting(own, stack_urn(name, project_of(stack)), clock)
    for told in check(asked, name, stack, settings, accepting).accepted:
        if told.exception:
            yield told.exception.id


def _use(entry: Accepted, used: Collection[str], seen: Collection[str], now: datetime) -> Use:
    if entry.expired(now):
        return Use.EXPIRED
    if entry.id in used:
        return Use.USED
    return Use.UNUSED if (entry.app or entry.stack) in seen else Use.UNSEEN


def _expiring(entry: Accepted, now: datetime) -> bool:
    return now < entry.ends <= now + SOON
