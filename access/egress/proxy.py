"""The proxy: one request for a tunnel per connection, decided, recorded, and only then carried out.

A request leaves `egress.refused`; or `egress.allowed`, written before its name is looked up, and then `egress.refused`
(for what was seen later) or `egress.ended`. What cannot be written does not happen.
"""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from access.egress.addresses import Public, Resolve
from access.egress.bounds import Bounds
from access.egress.decision import Target, require_allowed
from access.egress.exchange import Exchange
from access.egress.record import ALLOWED, ENDED, REFUSED, Asks, Record
from access.egress.refusals import Refused
from access.egress.relay import Passed, Relay, Streams
from factory.spec import EgressRule

LOG = logging.getLogger("millwright.egress")
# Not one after the other until time is over, when none of them answers.
MOST_ADDRESSES: Final = 4


@dataclass
class _Request:
    """One request: which one of the task's, when it began, and what is known of it by now."""

    number: int
    begun: float
    exchange: Exchange
    target: Target | None = None
    address: str | None = None
    relay: Relay | None = None

    def facts(self, now: float) -> dict[str, Any]:
        passed = self.relay.passed if self.relay else Passed()
        return {
            "request": self.number,
            "asked": self.exchange.asked,
            "host": self.target.host if self.target else None,
            "port": self.target.port if self.target else None,
            "address": self.address,
            "sent": passed.sent,
            "received": passed.received,
            "seconds": round(now - self.begun, 3),
        }


class Egress:
    """One asker's way out. `resolve` and `public` say what a name leads to, and what of that may be connected to."""

    def __init__(
        self,
        asker: Asks,
        rules: Sequence[EgressRule],
        record: Record,
        *,
        resolve: Resolve,
        public: Public,
        bounds: Bounds | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._asker, self._rules, self._record = asker, tuple(rules), record
        self._resolve, self._public = resolve, public
        self._bounds, self._clock = bounds or Bounds(), clock
        self._requests = 0
        self._passed = Passed()
        self._open: set[asyncio.Task[None]] = set()

    async def serve(self, client: socket.socket) -> None:
        """Answer one connection (a stream socket, which is closed at the end)."""
        reader, writer = await asyncio.open_connection(sock=client)
        self._requests += 1
        request = _Request(self._requests, self._clock(), Exchange(reader, writer, self._bounds))
        task = asyncio.current_task()
        # One more than may be is still told and recorded: from then on nothing is.
        if task is None or request.number > self._bounds.requests + 1:
            writer.close()
            return
        self._open.add(task)
        try:
            await self._answer(request)
        except Exception:  # the seam: a fault of ours ends this connection, and nobody waits for its answer
            LOG.exception("%s: request %s failed", self._asker, request.number)
        finally:
            self._open.discard(task)
            writer.close()

    @property
    def busy(self) -> bool:
        """Whether a request is under way."""
        return bool(self._open)

    async def close(self) -> None:
        """End what is open."""
        tasks = list(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, request: _Request) -> None:
        try:
            try:
                await self._carry(request)
            except OSError:
                raise Refused(400, "the client went away") from None
            except asyncio.CancelledError:
                await self._note(ENDED if request.relay else REFUSED, request, why="the task has ended")
                raise
        except Refused as refused:
            await request.exchange.refuse(await self._recorded(request, refused))

    async def _recorded(self, request: _Request, refused: Refused) -> Refused:
        """The refusal, once it is written; that it cannot be written, otherwise."""
        try:
            await self._note(REFUSED, request, why=refused.why)
        except Refused as unwritten:
            return unwritten
        return refused

    async def _carry(self, request: _Request) -> None:
        exchange = request.exchange
        self._require_room(request)
        request.target = await exchange.target()
        require_allowed(self._rules, request.target)
        await self._note(ALLOWED, request)
        there = await self._connected(request, request.target)
        try:
            await exchange.accept()
            name, said = await exchange.hello()
            if name != request.target.host:
                raise Refused(403, "the TLS hello names another host (SNI) than the request")
            client = Streams(exchange.reader, exchange.writer)
            request.relay = Relay(client, there, self._bounds, self._passed)
            why = await request.relay.run(said)
        finally:
            there.writer.close()
        # It has happened, and that it was about to is written.
        with contextlib.suppress(Refused):
            await self._note(ENDED, request, why=why)

    def _require_room(self, request: _Request) -> None:
        if request.number > self._bounds.requests:
            raise Refused(429, f"the task has made {self._bounds.requests} requests: none is answered any more")
        if len(self._open) > self._bounds.connections:
            raise Refused(503, f"there are {self._bounds.connections} connections already")

    async def _connected(self, request: _Request, asked: Target) -> Streams:
        """A connection to one of the addresses that were looked at: the name is not looked up again."""
        try:
            async with asyncio.timeout(self._bounds.open_seconds):
                addresses = await self._addresses(asked)
                for request.address in addresses[:MOST_ADDRESSES]:
                    try:
                        return Streams(*await asyncio.open_connection(request.address, asked.port))
                    except OSError:
                        continue
        except TimeoutError:
            raise Refused(504, f"{asked} did not answer in time") from None
        raise Refused(502, f"{asked} does not answer")

    async def _addresses(self, asked: Target) -> Sequence[str]:
        try:
            addresses = await self._resolve(asked.host, asked.port)
        except TimeoutError:
            raise
        except (OSError, UnicodeError):
            addresses = []
        if not addresses:
            raise Refused(502, f"{asked.host} has no address")
        # All of them: a name that leads to both kinds is no mistake of an honest owner.
        if not all(self._public(address) for address in addresses):
            raise Refused(403, f"{asked.host} leads to an address that is not on the Internet")
        return addresses

    async def _note(self, kind: str, request: _Request, **facts: Any) -> None:
        """Raises Refused when it cannot be written."""
        event = self._asker.event(kind, **request.facts(self._clock()), **facts)
        try:
            await asyncio.to_thread(self._record, event)
        except Exception:
            LOG.exception("%s: an event could not be written", self._asker)
            raise Refused(503, "the factory cannot record this, so it does not happen") from None
