"""The proxy as a service in its agents' network: `python -m access.egress.service LISTS`.

Each function has a port of its own, which only its tasks reach (components/aws/egress_proxy.py): the port says who
asks. The factory's database is not in reach, so each event is a line of JSON on standard output, whose reader keeps it.
"""

import argparse
import asyncio
import contextlib
import logging
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from access.egress import addresses
from access.egress.addresses import Public, Resolve
from access.egress.proxy import Egress
from access.egress.record import Caller, Record, lines
from access.egress.serve import most_descriptors
from factory import events
from factory.egress_lists import Listening, Lists
from factory.spec import egress_rule

LOG = logging.getLogger("millwright.egress")
STARTED: Final = "egress.started"
# Inside of a task there is one network, and the firewall before it says who reaches it.
EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 -- as above
# What a client may use is counted by its address; the next task that gets the address begins with new bounds.
FORGET_SECONDS: Final = 3600.0
WAITING: Final = 128


@dataclass
class _Known:
    egress: Egress
    seen: float


class Door:
    """One function's port: who comes to it is a task of that function, each by its own address."""

    def __init__(
        self,
        listening: Listening,
        caller: Callable[[str], Caller],
        record: Record,
        resolve: Resolve,
        public: Public,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rules = [egress_rule(host) for host in listening.hosts]
        self._caller, self._record = caller, record
        self._resolve, self._public, self._clock = resolve, public, clock
        self._known: dict[str, _Known] = {}

    def egress(self, address: str) -> Egress:
        """What decides for the client at this address, and counts what it uses."""
        now = self._clock()
        for other, known in list(self._known.items()):
            if now - known.seen > FORGET_SECONDS and not known.egress.busy:
                del self._known[other]
        if address not in self._known:
            egress = Egress(
                self._caller(address), self._rules, self._record, resolve=self._resolve, public=self._public
            )
            self._known[address] = _Known(egress, now)
        self._known[address].seen = now
        return self._known[address].egress

    async def serve(self, server: socket.socket) -> None:
        """Answer whoever connects, until cancelled: then everything that is open ends, and is recorded."""
        loop, open_ = asyncio.get_running_loop(), set[asyncio.Task[None]]()
        try:
            while True:
                client, (address, _) = await loop.sock_accept(server)
                task = asyncio.create_task(self.egress(address).serve(client))
                open_.add(task)
                task.add_done_callback(open_.discard)
        finally:
            for known in self._known.values():
                await known.egress.close()


async def run(lists: Lists, record: Record, resolve: Resolve, public: Public, address: str) -> None:
    """Serve every function's port until SIGTERM or SIGINT. Raises OSError when a port is not free."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    with contextlib.ExitStack() as stack:
        serving = []
        for function, listening in lists.functions.items():
            server = stack.enter_context(socket.create_server((address, listening.port), backlog=WAITING))
            server.setblocking(False)
            door = Door(listening, _callers(lists, function), record, resolve, public)
            serving.append(asyncio.create_task(door.serve(server)))
        # What it lets through, before it lets anything through.
        functions = {function.value: each.model_dump() for function, each in lists.functions.items()}
        started = events.new_event(
            STARTED, actor="egress", app=lists.app, environment=lists.environment.value, functions=functions
        )
        await asyncio.to_thread(record, started)
        # A port that is served no longer ends the process, so that another copy is started.
        for task in serving:
            task.add_done_callback(lambda _: ended.set())
        await ended.wait()
        for task in serving:
            task.cancel()
        ends = await asyncio.gather(*serving, return_exceptions=True)
    for end in ends:
        if not isinstance(end, asyncio.CancelledError | None):
            raise end


def _callers(lists: Lists, function: str) -> Callable[[str], Caller]:
    def caller(address: str) -> Caller:
        return Caller(app=lists.app, environment=lists.environment.value, function=function, address=address)

    return caller


def main(
    arguments: Sequence[str] | None = None,
    resolve: Resolve = addresses.resolve,
    public: Public = addresses.public,
    address: str = EVERYWHERE,
) -> int:
    """Run until SIGTERM or SIGINT; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m access.egress.service", description=__doc__)
    parser.add_argument("lists", type=Lists.model_validate_json, help="JSON: factory.egress_lists.Lists")
    lists = parser.parse_args(arguments).lists
    # Standard output is for events alone.
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    most_descriptors()
    asyncio.run(run(lists, lines(sys.stdout), resolve, public, address))
    return 0


if __name__ == "__main__":
    sys.exit(main())
