"""The proxy's process: carries out the broker's orders, a line each, and ends with its standard input.

Whoever started it is gone then, and every call ends with it.
"""

import asyncio
import json
import logging
import resource
import socket
import sys
from typing import Any, Final

import uvicorn
from pydantic import ValidationError

from access.aws.impatient import impatient
from access.aws.limits import Limits
from access.aws.orders import ORDER, Begin, Close, Done, Happened, Open
from access.aws.proxy import Proxy
from access.aws.session import Around

LOG: Final = logging.getLogger("millwright.aws")
LINE_BYTES: Final = 4 << 20
# The broker does not read what happens: it is in the recordings, and told no more.
UNREAD_BYTES: Final = 1 << 20
NAMES: Final = ("127.0.0.1", "localhost")
BACKLOG: Final = 128
END_SECONDS: Final = 5.0


def main() -> int:
    """Serve until standard input ends; the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # It tells each URL that it asks.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    asyncio.run(serve(Limits()))
    return 0


async def serve(limits: Limits) -> None:
    """Begin, and carry out one order after the other."""
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader(limit=LINE_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    out, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, sys.stdout)

    def watch(happened: Happened) -> None:
        if out.get_write_buffer_size() < UNREAD_BYTES:
            out.write(happened.model_dump_json().encode() + b"\n")

    def answer(done: Done) -> None:
        out.write(done.model_dump_json().encode() + b"\n")

    try:
        begin = Begin.model_validate_json(await orders.readline())
        proxy = Proxy(Around(limits, watch, begin.recordings))
        listening = socket.create_server((begin.host, begin.port), backlog=BACKLOG)
        port = int(listening.getsockname()[1])
        proxy.hosts = frozenset(f"{name}:{port}" for name in NAMES)
        server = uvicorn.Server(_config(proxy, begin, limits))
    except (OSError, ValidationError) as error:
        answer(Done(problem=_problem(error)))
        return
    serving = asyncio.ensure_future(server.serve(sockets=[listening]))
    answer(Done(port=port))
    try:
        while line := await orders.readline():
            answer(await _carry_out(proxy, line))
    finally:
        await proxy.stop()
        server.should_exit = True
        await asyncio.wait({serving}, timeout=END_SECONDS)


async def _carry_out(proxy: Proxy, line: bytes) -> Done:
    try:
        match ORDER.validate_json(line):
            case Open() as order:
                proxy.open(order)
            case Close(grants=grants):
                await asyncio.gather(*(proxy.close(grant, why) for grant, why in grants.items()))
    except Exception as error:  # the seam: the broker is told, and gives no grant
        LOG.exception("an order could not be carried out")
        return Done(problem=_problem(error))
    return Done()


def _config(proxy: Proxy, begin: Begin, limits: Limits) -> uvicorn.Config:
    return uvicorn.Config(
        proxy,
        # The strict reader of HTTP (h11): what could be read in two ways it does not read.
        http=impatient(limits.head_seconds),
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


def _problem(error: Exception) -> str:
    """Without what was said: a line may hold a secret."""
    if isinstance(error, ValidationError):
        places: list[Any] = [
            {"at": list(each["loc"]), "what": each["msg"]} for each in error.errors(include_input=False)
        ]
        return f"the order is not valid: {json.dumps(places, default=str)}"
    return f"{type(error).__name__}: {error}"
