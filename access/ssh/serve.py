"""The bastion's process: carries out the broker's orders, and ends with whoever started it."""

import asyncio
import logging
from functools import partial
from typing import Final

from access.orders import Answer, Close, Sessions
from access.serving import Orders, be_a_process
from access.ssh.front import Front
from access.ssh.limits import Limits
from access.ssh.orders import ORDER, Begin, Done, Open, Reap

LOG: Final = logging.getLogger("millwright.ssh")


def main() -> int:
    """Serve until standard input ends; the exit status."""
    be_a_process()
    # The library tells each connection, with what a client says in it.
    logging.getLogger("asyncssh").setLevel(logging.ERROR)
    asyncio.run(serve(Limits()))
    return 0


async def serve(limits: Limits) -> None:
    """Begin, and carry out one order after the other."""
    orders = await Orders.opened(LOG)
    try:
        front = Front(await orders.begin(Begin), limits, orders.tell)
        port = await front.listen()
    except Exception as error:  # the seam: the broker is told why, and lets nobody in
        LOG.exception("it does not begin")
        orders.refuse(error)
        return
    orders.answer(Done(port=port))
    try:
        await orders.carry_out(partial(_carry_out, front))
    finally:
        await front.stop()


async def _carry_out(front: Front, line: bytes) -> Answer:
    match ORDER.validate_json(line):
        case Open() as order:
            front.open(order)
        case Close(grants=grants):
            left = await asyncio.gather(*(front.close(grant, why) for grant, why in grants.items()))
            return Done(left=[grant for grant, may_be in zip(grants, left, strict=True) if may_be])
        case Sessions():
            return Done(sessions=[session.told() for session in front.sessions()])
        case Reap() as order:
            front.reap(order)
    return Answer()
