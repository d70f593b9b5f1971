"""The git door's process: carries out the broker's orders, and ends with whoever started it."""

import asyncio
import logging
from functools import partial
from typing import Final

from access.git.front import Front
from access.git.limits import Limits
from access.git.orders import ORDER, Begin, Open
from access.orders import Answer, Close, Done
from access.serving import Orders, be_a_process

LOG: Final = logging.getLogger("millwright.git")


def main() -> int:
    """Serve until standard input ends; the exit status."""
    be_a_process()
    asyncio.run(serve(Limits()))
    return 0


async def serve(limits: Limits) -> None:
    """Begin, and carry out one order after the other."""
    orders = await Orders.opened(LOG)
    try:
        front = Front(await orders.begin(Begin), limits, orders.tell)
    except (OSError, ValueError) as error:
        orders.refuse(error)
        return
    orders.answer(Done(port=front.port))
    try:
        await orders.carry_out(partial(_carry_out, front))
    finally:
        await front.stop()


async def _carry_out(front: Front, line: bytes) -> Answer:
    match ORDER.validate_json(line):
        case Open() as order:
            front.open(order)
        case Close(grants=grants):
            await asyncio.gather(*(front.close(grant, why) for grant, why in grants.items()))
    return Answer()
