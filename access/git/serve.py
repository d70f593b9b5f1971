"""The git door's process: carries out the broker's orders, a line each, and ends with its standard input.

Whoever started it is gone then, and everything that is under way ends with it.
"""

import asyncio
import logging
import resource
import sys
from typing import Final

from pydantic import ValidationError

from access.git.front import Front
from access.git.limits import Limits
from access.git.orders import ORDER, Begin, Close, Done, Happened, Open

LOG: Final = logging.getLogger("millwright.git")
LINE_BYTES: Final = 1 << 20
# The broker does not read what happens: it is in the recordings, and told no more.
UNREAD_BYTES: Final = 1 << 20


def main() -> int:
    """Serve until standard input ends; the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    asyncio.run(serve(Limits()))
    return 0


async def serve(limits: Limits) -> None:
    """Begin, and carry out one order after the other."""
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader(limit=LINE_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    out, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, sys.stdout)

    def tell(what: Happened) -> None:
        if out.get_write_buffer_size() < UNREAD_BYTES:
            out.write(what.model_dump_json().encode() + b"\n")

    def answer(done: Done) -> None:
        out.write(done.model_dump_json().encode() + b"\n")

    try:
        front = Front(Begin.model_validate_json(await orders.readline()), limits, tell)
    except (OSError, ValueError) as error:
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
                front.open(order)
            case Close(grants=grants):
                await asyncio.gather(*(front.close(grant, why) for grant, why in grants.items()))
    except Exception as error:  # the seam: the broker is told, and gives no grant
        LOG.exception("an order could not be carried out")
        return Done(problem=_problem(error))
    return Done()


def _problem(error: Exception) -> str:
    """Without what was said."""
    if isinstance(error, ValidationError):
        told = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_input=False)]
        return f"the order is not valid: {'; '.join(told)}"
    return f"{type(error).__name__}: {error}"
