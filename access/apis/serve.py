"""The relay's process: carries out the broker's orders, and ends with whoever started it."""

import asyncio
import logging
import ssl
from functools import partial
from typing import Final

from access.apis.front import Front
from access.apis.limits import Limits
from access.apis.orders import ORDER, Begin, Open
from access.apis.session import Around
from access.apis.upstream import Reach, verifying
from access.egress import addresses
from access.egress.addresses import Public, Resolve
from access.orders import Answer, Close, Done
from access.serving import Orders, be_a_process

LOG: Final = logging.getLogger("millwright.apis")


def main(
    resolve: Resolve = addresses.resolve,
    public: Public = addresses.public,
    tls: ssl.SSLContext | None = None,
    limits: Limits | None = None,
) -> int:
    """Serve until standard input ends; the exit status."""
    be_a_process()
    asyncio.run(serve(limits or Limits(), Reach(resolve, public, tls or verifying())))
    return 0


async def serve(limits: Limits, reach: Reach) -> None:
    """Begin, and carry out one order after the other."""
    orders = await Orders.opened(LOG)
    try:
        begin = await orders.begin(Begin)
        front = Front(begin, Around(limits, begin.recordings, orders.tell, reach))
        await front.begin()
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
            await front.open(order)
        case Close(grants=grants):
            await asyncio.gather(*(front.close(grant, why) for grant, why in grants.items()))
    return Answer()
