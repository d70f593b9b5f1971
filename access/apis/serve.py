"""The relay's process: carries out the broker's orders, a line each, and ends with its standard input.

Whoever started it is gone then, and every request ends with it.
"""

import asyncio
import json
import logging
import resource
import ssl
import sys
from typing import Any, Final

from pydantic import ValidationError

from access.apis.front import Front
from access.apis.limits import Limits
from access.apis.orders import ORDER, Begin, Close, Done, Happened, Open
from access.apis.session import Around
from access.apis.upstream import Reach, verifying
from access.egress import addresses
from access.egress.addresses import Public, Resolve

LOG: Final = logging.getLogger("millwright.apis")
LINE_BYTES: Final = 4 << 20
# The broker does not read what happens: it is in the recordings, and told no more.
UNREAD_BYTES: Final = 1 << 20


def main(
    resolve: Resolve = addresses.resolve,
    public: Public = addresses.public,
    tls: ssl.SSLContext | None = None,
    limits: Limits | None = None,
) -> int:
    """Serve until standard input ends; the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # It holds credentials.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    asyncio.run(serve(limits or Limits(), Reach(resolve, public, tls or verifying())))
    return 0


async def serve(limits: Limits, reach: Reach) -> None:
    """Begin, and carry out one order after the other."""
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader(limit=LINE_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    out, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, sys.stdout)

    def told(happened: Happened) -> None:
        if out.get_write_buffer_size() < UNREAD_BYTES:
            out.write(happened.model_dump_json().encode() + b"\n")

    def answer(done: Done) -> None:
        out.write(done.model_dump_json().encode() + b"\n")

    try:
        begin = Begin.model_validate_json(await orders.readline())
        front = Front(begin, Around(limits, begin.recordings, told, reach))
        await front.begin()
    except (OSError, ValidationError) as error:
        answer(Done(problem=_problem(error)))
        return
    answer(Done(port=front.port))
    try:
        while line := await orders.readline():
            answer(await _carry_out(front, line))
    finally:
        await front.stop()


async def _carry_out(front: Front, line: bytes) -> Done:
    try:
        match ORDER.validate_json(line):
            case Open() as order:
                await front.open(order)
            case Close(grants=grants):
                await asyncio.gather(*(front.close(grant, why) for grant, why in grants.items()))
    except Exception as error:  # noqa: BLE001  the seam: the broker is told, and gives no grant
        # Without the traceback, whose last line says what was said.
        problem = _problem(error)
        LOG.warning("an order could not be carried out: %s", problem)
        return Done(problem=problem)
    return Done()


def _problem(error: Exception) -> str:
    """Without what was said: a line may hold a credential."""
    if isinstance(error, ValidationError):
        places: list[Any] = [
            {"at": list(each["loc"]), "what": each["msg"]} for each in error.errors(include_input=False)
        ]
        return f"the order is not valid: {json.dumps(places, default=str)}"
    return f"{type(error).__name__}: {error}"
