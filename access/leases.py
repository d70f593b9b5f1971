"""How long grants are held, by two clocks, and what is kept of it for a broker that begins anew.

What the rows say is by the wall clock. Who starts when that was set back would take what is left for more than it is:
so both clocks are written down each second, and with them each end that the wall clock does not tell any more.
"""

import logging
from collections.abc import Collection
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict

from access.clock import Clock, Moment, elapsed, wall_seconds
from access.grants.model import Grant, seconds_until
from factory import own_file
from factory.paths import private_folder
from factory.spec import LEASE_MINUTES

LOG = logging.getLogger("millwright.access")
FILE: Final = "leases.json"
KEEP_SECONDS: Final = 1.0
# The clocks are read one after the other, and whoever keeps the wall clock right corrects it by less.
SLACK_SECONDS: Final = 1.0
# No rule gives anything for longer.
MOST_SECONDS: Final = 60.0 * max(LEASE_MINUTES.values())
OVER: Final = "its lease is over"
SET_BACK: Final = f"{OVER}: the clock was set back since it was given"


class _Held(NamedTuple):
    """Until when one is held, and until when at most: as its row says, and by the clock that nobody sets."""

    until: str
    hard_until: str
    ends_at: float
    hard_at: float

    def told_by(self, now: Moment) -> bool:
        """Whether the wall clock says the same, or that it is over sooner."""
        ends = now.ticks + seconds_until(self.until, now.wall) - self.ends_at
        hard = now.ticks + seconds_until(self.hard_until, now.wall) - self.hard_at
        return max(ends, hard) <= SLACK_SECONDS


class _Kept(BaseModel):
    """What is written down: the moment, and what is held otherwise than its row says, by grant."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    moment: Moment
    held: dict[str, _Held]


class Leases:
    """Those of one broker, kept in `folder`. Not for several threads."""

    def __init__(self, clock: Clock, folder: Path) -> None:
        self._clock, self._path = clock, private_folder(folder) / FILE
        self._held: dict[str, _Held] = {}
        # How far the wall clock was set back since what is found held at the first look was given.
        self._back = 0.0
        self._kept_at = float("-inf")
        self._begin()

    def over(self, grant: Grant) -> str:
        """Why an active one's time is over, "" while it is not: by whichever of the two clocks says so first."""
        until, hard_until = str(grant.lease_until), str(grant.hard_until)
        ticks, now = self._clock.ticks(), self._clock.now()
        left = seconds_until(until, now)
        held = self._held.get(grant.id)
        if held is None:
            most = min(seconds_until(hard_until, now), MOST_SECONDS)
            begins = ticks - self._back
            held = self._held[grant.id] = _Held(until, hard_until, begins + min(left, most), begins + most)
        elif held.until != until:
            # Prolonged: never beyond where its hard limit was when it was first seen.
            ends_at = min(ticks + left, held.hard_at)
            held = self._held[grant.id] = held._replace(until=until, ends_at=ends_at)
        if left <= 0:
            return OVER
        return SET_BACK if ticks >= held.ends_at else ""

    def looked(self, active: Collection[str]) -> None:
        """A look is done, and these are all that are active. Now and then what is known is written down."""
        for id in self._held.keys() - active:
            del self._held[id]
        self._back = 0.0
        if self._clock.ticks() - self._kept_at >= KEEP_SECONDS:
            self._keep(self._clock.moment())

    def _begin(self) -> None:
        try:
            kept = _Kept.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            # Nobody has looked at anything yet.
            return
        except (OSError, ValueError) as error:
            LOG.warning("%s cannot be read, so what is held is over: %s", self._path, error)
            self._back = MOST_SECONDS
            return
        now = self._clock.moment()
        gone = elapsed(kept.moment, now)
        if gone < 0:
            LOG.warning("the clock was set back while the machine was down, so what is held is over")
            self._back = MOST_SECONDS
            return
        back = gone - wall_seconds(kept.moment, now)
        if back > SLACK_SECONDS:
            LOG.warning("the clock was set back by %d seconds: what is held ends as if it was not", back)
            self._back = min(back, MOST_SECONDS)
        begins = now.ticks - gone - kept.moment.ticks
        for id, each in kept.held.items():
            self._held[id] = each._replace(ends_at=begins + each.ends_at, hard_at=begins + each.hard_at)

    def _keep(self, now: Moment) -> None:
        held = {id: each for id, each in self._held.items() if not each.told_by(now)}
        self._kept_at = now.ticks
        try:
            own_file.replace(self._path, _Kept(moment=now, held=held).model_dump_json().encode())
        except OSError as error:
            # Whoever begins anew goes by an older one: it ends more, not less.
            LOG.warning("how long grants are held is not written down: %s", error)
