"""The proxy's process: carries out the broker's orders, and ends with whoever started it."""

import asyncio
import logging
import socket
from functools import partial
from typing import Final

import uvicorn

from access.aws.limits import Limits
from access.aws.orders import ORDER, Begin, Open
from access.aws.proxy import Proxy
from access.aws.session import Around
from access.orders import Answer, Close, Done
from access.serving import Orders, be_a_process
from factory.doorway import Doorway, Patience

LOG: Final = logging.getLogger("millwright.aws")
NAMES: Final = ("127.0.0.1", "localhost")
BACKLOG: Final = 128
END_SECONDS: Final = 5.0


def main() -> int:
    """Serve until standard input ends; the exit status."""
    be_a_process()
    # It tells each URL that it asks.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    asyncio.run(serve(Limits()))
    return 0


async def serve(limits: Limits) -> None:
    """Begin, and carry out one order after the other."""
    orders = await Orders.opened(LOG)
    try:
        begin = await orders.begin(Begin)
        proxy = Proxy(Around(limits, orders.tell, begin.recordings))
        listening = socket.create_server((begin.host, begin.port), backlog=BACKLOG)
        port = int(listening.getsockname()[1])
        proxy.hosts = frozenset(f"{name}:{port}" for name in NAMES)
        config = _config(proxy, begin, limits)
        patience = Patience(handshake=limits.handshake_seconds, head=limits.head_seconds, waiting=limits.waiting)
        door = Doorway(config, listening, patience)
    except (OSError, ValueError) as error:
        orders.refuse(error)
        return
    serving = asyncio.ensure_future(door.serve())
    orders.answer(Done(port=port))
    try:
        await orders.carry_out(partial(_carry_out, proxy))
    finally:
        await proxy.stop()
        door.stop()
        await asyncio.wait({serving}, timeout=END_SECONDS)


async def _carry_out(proxy: Proxy, line: bytes) -> Answer:
    match ORDER.validate_json(line):
        case Open() as order:
            proxy.open(order)
        case Close(grants=grants):
            await asyncio.gather(*(proxy.close(grant, why) for grant, why in grants.items()))
    return Answer()


def _config(proxy: Proxy, begin: Begin, limits: Limits) -> uvicorn.Config:
    return uvicorn.Config(
        proxy,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ssl_certfile=begin.certificate,
        ssl_keyfile=begin.key,
        h11_max_incomplete_event_size=limits.head_bytes,
        limit_concurrency=limits.connections,
        timeout_graceful_shutdown=1,
    )
