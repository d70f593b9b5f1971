"""The process of one app's proxy: opens and closes gates of tasks, as lines on its standard input say.

It ends with that input. Whoever started it is gone then, and with it whoever waits for the tasks.
"""

import asyncio
import logging
import os
import resource
import socket
import sys
import threading
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from access.egress import addresses
from access.egress.addresses import Public, Resolve
from access.egress.orders import INSIDE, SOCKET, Begin, Order
from access.egress.proxy import Egress
from access.egress.record import Record, outbox
from access.orders import Answer
from factory import db
from factory.paths import FactoryRoot
from factory.settings import Settings
from factory.spec import egress_rule
from sandbox import Gate, Gates

LOG = logging.getLogger("millwright.egress")
CLOSE_SECONDS = 10.0


@dataclass(frozen=True)
class _Way:
    gate: Gate
    egress: Egress
    folder: int


class Ways:
    """The gates of an app's tasks that run now, by task."""

    def __init__(self, record: Record, resolve: Resolve, public: Public) -> None:
        self._record, self._resolve, self._public = record, resolve, public
        self._gates = Gates()
        self._open: dict[str, _Way] = {}
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="egress", daemon=True).start()

    def carry_out(self, order: Order) -> None:
        """Open or close one. Raises OSError, ValueError."""
        self._close(order.asker.task)
        if order.folder is not None:
            self._begin(order, order.folder)

    def close(self) -> None:
        """Close all of them."""
        for task in list(self._open):
            self._close(task)
        self._gates.close()

    def _begin(self, order: Order, folder: Path) -> None:
        rules = [egress_rule(host) for host in order.hosts]
        egress = Egress(order.asker, rules, self._record, resolve=self._resolve, public=self._public)

        def connect(address: str, port: int) -> socket.socket | None:
            if (address, port) != INSIDE:
                return None
            here, there = socket.socketpair()
            asyncio.run_coroutine_threadsafe(egress.serve(there), self._loop)
            return here

        # By descriptor: a socket's path has 107 bytes, and a factory may lie deep.
        opened = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            gate = self._gates.open(Path(f"/proc/self/fd/{opened}/{SOCKET}"), connect)
        except BaseException:
            os.close(opened)
            raise
        gate.tell([INSIDE])
        self._open[order.asker.task] = _Way(gate, egress, opened)

    def _close(self, task: str) -> None:
        if way := self._open.pop(task, None):
            way.gate.close()
            self._wait(way.egress.close())
            os.close(way.folder)

    def _wait(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(CLOSE_SECONDS)


def main(resolve: Resolve = addresses.resolve, public: Public = addresses.public) -> int:
    """Serve until standard input ends; the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    most_descriptors()
    lines = iter(sys.stdin.readline, "")
    begin = Begin.model_validate_json(next(lines))
    database = db.connect(FactoryRoot(begin.root), Settings(database=begin.database))
    ways = Ways(outbox(database), resolve, public)
    print(Answer().model_dump_json(), flush=True)
    try:
        _serve(ways, lines)
    finally:
        ways.close()
    return 0


def most_descriptors() -> None:
    """A connection takes four descriptors; sixty-four of them at a gate, and a few gates, are more than is usual."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _serve(ways: Ways, lines: Iterable[str]) -> None:
    for line in lines:
        try:
            ways.carry_out(Order.model_validate_json(line))
            done = Answer()
        except Exception as error:  # the seam: the worker is told, and starts no task without its gate
            LOG.exception("an order could not be carried out")
            done = Answer(problem=f"{type(error).__name__}: {error}")
        print(done.model_dump_json(), flush=True)
