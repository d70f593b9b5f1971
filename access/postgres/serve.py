"""The relay's process: carries out the broker's orders, a line each, and ends with its standard input.

Whoever started it is gone then, and every session ends with it.
"""

import asyncio
import json
import logging
import resource
import sys
import time
from pathlib import Path
from typing import Any, Final

import uvloop
from pydantic import ValidationError

from access.postgres.front import Front
from access.postgres.judging import Elsewhere
from access.postgres.limits import Limits
from access.postgres.orders import ORDER, Begin, Close, Done, Happened, Open, Sessions
from access.postgres.recording import Recording
from access.postgres.refusals import Refused
from access.postgres.session import Around
from access.postgres.syncing import Syncing

LOG: Final = logging.getLogger("millwright.postgres")
REFUSALS: Final = "refusals"
LINE_BYTES: Final = 4 << 20
REFUSAL_BYTES: Final = 64 << 20
# The broker does not read what happens: it is in the recordings, and told no more.
UNREAD_BYTES: Final = 1 << 20


class Told:
    """What goes out: answers, and what happened. Of logins that were refused there is a file as well."""

    def __init__(self, out: asyncio.WriteTransport, refusals: Recording) -> None:
        self._out, self._refusals = out, refusals
        self._recorded = True

    def answer(self, done: Done) -> None:
        """To an order."""
        self._out.write(done.model_dump_json().encode() + b"\n")

    def happened(self, what: Happened) -> None:
        """Tell it."""
        if self._out.get_write_buffer_size() < UNREAD_BYTES:
            self._out.write(what.model_dump_json().encode() + b"\n")

    def record(self, what: Happened) -> None:
        """Of a login that was refused."""
        try:
            self._refusals.write([{"at": time.time(), **what.model_dump(exclude_defaults=True)}])
            self._recorded = True
        except Refused:
            # It was refused all the same.
            if self._recorded:
                LOG.exception("refused logins are not recorded")
            self._recorded = False


def main() -> int:
    """Serve until standard input ends; the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # A session takes three descriptors.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    uvloop.run(serve(Limits()))
    return 0


async def serve(limits: Limits) -> None:
    """Begin, and carry out one order after the other."""
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader(limit=LINE_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    out, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, sys.stdout)
    elsewhere, syncing = Elsewhere(limits.parse_seconds), Syncing()
    try:
        begin = Begin.model_validate_json(await orders.readline())
        told = Told(out, Recording(_refusals(begin.recordings), REFUSAL_BYTES))
        around = Around(limits, told.happened, told.record, elsewhere.judge, syncing.sync if begin.synced else None)
        front = Front(begin, around, begin.recordings)
    except (OSError, ValidationError, Refused) as error:
        out.write(Done(problem=_problem(error)).model_dump_json().encode() + b"\n")
        return
    told.answer(Done(port=front.port))
    try:
        while line := await orders.readline():
            told.answer(await _carry_out(front, line))
    finally:
        await front.stop()
        elsewhere.close()
        syncing.close()


async def _carry_out(front: Front, line: bytes) -> Done:
    try:
        match ORDER.validate_json(line):
            case Open() as order:
                front.open(order)
            case Close(grants=grants):
                await asyncio.gather(*(front.close(grant, why) for grant, why in grants.items()))
            case Sessions():
                return Done(sessions=[session.told() for session in front.sessions()])
    except Exception as error:  # the seam: the broker is told, and gives no grant
        LOG.exception("an order could not be carried out")
        return Done(problem=_problem(error))
    return Done()


def _problem(error: Exception) -> str:
    """Without what was said: a line may hold a password."""
    if isinstance(error, ValidationError):
        places: list[Any] = [
            {"at": list(each["loc"]), "what": each["msg"]} for each in error.errors(include_input=False)
        ]
        return f"the order is not valid: {json.dumps(places, default=str)}"
    return f"{type(error).__name__}: {error}"


def _refusals(recordings: Path) -> Path:
    return recordings / REFUSALS / f"{time.time_ns() // 1_000_000}.jsonl"
