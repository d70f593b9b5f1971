"""The relay's process: carries out the broker's orders, and ends with whoever started it."""

import asyncio
import logging
import time
from functools import partial
from pathlib import Path
from typing import Final

import uvloop
from pydantic import ValidationError

from access.orders import Answer, Close, Sessions
from access.postgres.front import Front
from access.postgres.judging import Elsewhere
from access.postgres.limits import Limits
from access.postgres.orders import ORDER, Begin, Done, Happened, Open
from access.postgres.recording import Recording
from access.postgres.refusals import Refused
from access.postgres.session import Around
from access.postgres.syncing import Syncing
from access.serving import Orders, be_a_process

LOG: Final = logging.getLogger("millwright.postgres")
REFUSALS: Final = "refusals"
REFUSAL_BYTES: Final = 64 << 20


class RefusedLogins:
    """A file of them: who is let in by no grant has no recording."""

    def __init__(self, recordings: Path) -> None:
        """Raises Refused where it cannot be made."""
        self._file = Recording(recordings / REFUSALS / f"{time.time_ns() // 1_000_000}.jsonl", REFUSAL_BYTES)
        self._recorded = True

    def record(self, what: Happened) -> None:
        """Of a login that was refused."""
        try:
            self._file.write([{"at": time.time(), **what.model_dump(exclude_defaults=True)}])
            self._recorded = True
        except Refused:
            # It was refused all the same.
            if self._recorded:
                LOG.exception("refused logins are not recorded")
            self._recorded = False


def main() -> int:
    """Serve until standard input ends; the exit status."""
    be_a_process()
    uvloop.run(serve(Limits()))
    return 0


async def serve(limits: Limits) -> None:
    """Begin, and carry out one order after the other."""
    orders = await Orders.opened(LOG)
    elsewhere, syncing = Elsewhere(limits.parse_seconds), Syncing()
    try:
        begin = await orders.begin(Begin)
        logins, sync = RefusedLogins(begin.recordings), syncing.sync if begin.synced else None
        front = Front(begin, Around(limits, orders.tell, logins.record, elsewhere.judge, sync), begin.recordings)
    except (OSError, ValidationError, Refused) as error:
        orders.refuse(error)
        return
    orders.answer(Done(port=front.port))
    try:
        await orders.carry_out(partial(_carry_out, front))
    finally:
        await front.stop()
        elsewhere.close()
        syncing.close()


async def _carry_out(front: Front, line: bytes) -> Answer:
    match ORDER.validate_json(line):
        case Open() as order:
            front.open(order)
        case Close(grants=grants):
            await asyncio.gather(*(front.close(grant, why) for grant, why in grants.items()))
        case Sessions():
            return Done(sessions=[session.told() for session in front.sessions()])
    return Answer()
