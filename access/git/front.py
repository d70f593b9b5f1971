"""Lets clients in by their grants' tokens, and hands what they ask for to where it is done. HTTPS on loopback."""

import asyncio
import base64
import binascii
import hashlib
import logging
import re
import socket
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Final

import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from access.deadline import TIME_OVER, Deadline
from access.few import Refusals
from access.git.limits import Limits
from access.git.orders import Begin, Happened, Open
from access.git.programs import RECEIVE, SERVICES
from access.git.refusals import Reason, Refused
from access.git.session import Guest, Tell
from access.git.visits import Visit, advertised, fetched, pushed
from factory.doorway import Doorway, Patience

LOG: Final = logging.getLogger("millwright.git")
ENDED_KEPT: Final = 10_000
KEEP_SECONDS: Final = 5
# https://git-scm.com/docs/http-protocol
ADVERTISED: Final = re.compile(r"/(?P<app>[A-Za-z0-9._-]{1,128})\.git/info/refs")
ASKED: Final = re.compile(r"/(?P<app>[A-Za-z0-9._-]{1,128})\.git/git-(?P<service>[a-z-]+)")
SERVICE: Final = re.compile(r"git-(?P<service>[a-z-]+)")
NOT_CACHED: Final = {"cache-control": "no-cache, max-age=0, must-revalidate"}


class Front:
    """The listening door. `open` and `close` are what the broker orders; itself it is an ASGI application."""

    def __init__(self, begin: Begin, limits: Limits, tell: Tell) -> None:
        """Raises OSError: certificate, or port."""
        self._begin, self._limits, self._tell = begin, limits, tell
        self._guests: dict[str, Guest] = {}
        self._by_token: dict[str, Guest] = {}
        self._logins = Refusals(limits.logins_told, limits.summed_up_seconds, Happened, tell)
        self._closing: set[asyncio.Task[None]] = set()
        # Tokens of grants that were there once: whose it was is told in the record, and to nobody else.
        self._ended: OrderedDict[str, str] = OrderedDict()
        self._listening = socket.create_server((begin.host, begin.port), backlog=limits.requests)
        config = uvicorn.Config(
            self,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            ssl_certfile=begin.certificate,
            ssl_keyfile=str(begin.key),
            limit_concurrency=limits.requests,
            timeout_keep_alive=KEEP_SECONDS,
            timeout_graceful_shutdown=1,
        )
        patience = Patience(handshake=limits.handshake_seconds, head=limits.head_seconds, waiting=limits.waiting)
        self._doorway = Doorway(config, self._listening, patience)
        self._serving = asyncio.ensure_future(self._doorway.serve())

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listening.getsockname()[1])

    def open(self, order: Open) -> None:
        """Raises ValueError."""
        if order.grant in self._guests or order.token in self._by_token:
            raise ValueError("there is such a grant already, or one with this token")
        guest = Guest(order, self._begin.recordings, self._limits, self._tell, partial(self._spent, order.grant))
        self._guests[order.grant] = self._by_token[order.token] = guest
        guest.deadline = Deadline(order.seconds, partial(self._time_over, order.grant))

    async def close(self, name: str, why: str) -> None:
        """End a grant; there is none of that name: nothing. Returns when nothing of it runs any more."""
        guest = self._guests.pop(name, None)
        if guest is None:
            return
        del self._by_token[guest.order.token]
        self._ended[guest.order.token] = name
        if len(self._ended) > ENDED_KEPT:
            self._ended.popitem(last=False)
        await guest.end(why)

    async def stop(self) -> None:
        """End everything."""
        await asyncio.gather(*(self.close(name, "the door is closed") for name in list(self._guests)))
        self._logins.close()
        self._doorway.stop()
        await asyncio.gather(self._serving, return_exceptions=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        begun = _Begun(send)
        request = Request(scope, receive, begun)
        try:
            guest = self._guest(request)
        except Refused as why:
            await _refusal(why)(scope, receive, begun)
            return
        work = asyncio.ensure_future(self._within(guest, request, begun))
        guest.work.add(work)
        try:
            await asyncio.wait({work})
        finally:
            guest.work.discard(work)
            work.cancel()
        if not work.cancelled() and work.exception() is None:
            return
        if begun.begun:
            # What was begun and is not whole ends with its connection.
            raise ConnectionAbortedError(guest.ended or "the door failed")
        ended = Refused(Reason.ENDED, f"the grant has ended: {guest.ended}")
        await _refusal(ended if work.cancelled() else _failed())(scope, receive, begun)

    async def _within(self, guest: Guest, request: Request, send: "_Begun") -> None:
        """Do what is asked. Cancelled when the grant ends."""
        client = _client(request)
        try:
            visit, do = _asked(guest, request, self._begin, self._limits)
            await do(visit, send)
        except Refused as why:
            guest.happened("git_refused", client, reason=why.reason.value, detail=why.detail)
            if send.begun:
                raise
            await _refusal(why)(request.scope, request.receive, send)
        except TimeoutError:
            guest.happened("git_refused", client, reason=Reason.LIMIT.value, detail="it took too long")
            raise
        except ClientDisconnect:
            LOG.info("a client went: %s", client)
        except Exception:
            LOG.exception("a request failed in the door itself")
            raise

    def _guest(self, request: Request) -> Guest:
        """Whose token it is. Raises Refused for everybody else, with one answer."""
        token = _token(request)
        known = hashlib.sha256(token.encode()).hexdigest()
        guest = self._by_token.get(known) if token else None
        if guest is not None:
            return guest
        if token:
            detail = f"{request.method} {request.url.path}"[:200]
            self._logins.refuse(self._ended.get(known, ""), _client(request), Reason.CREDENTIALS.value, detail)
        raise Refused(Reason.CREDENTIALS, "the password is the token of an open grant")

    def _time_over(self, name: str) -> None:
        self._soon(self.close(name, TIME_OVER))

    def _spent(self, name: str, why: str) -> None:
        if name in self._guests:
            self._tell(Happened(happened="grant_spent", grant=name, reason=Reason.BUDGET.value, detail=why))
            self._soon(self.close(name, why))

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


class _Begun:
    """`send` that knows whether an answer has begun."""

    def __init__(self, send: Send) -> None:
        self._send, self.begun = send, False

    async def __call__(self, message: Message) -> None:
        self.begun = True
        await self._send(message)


Do = Callable[[Visit, Send], Awaitable[None]]


def _asked(guest: Guest, request: Request, begin: Begin, limits: Limits) -> tuple[Visit, Do]:
    """What is asked, and what does it. Raises Refused."""
    if len(guest.work) > limits.of_a_grant:
        raise Refused(Reason.LIMIT, f"the grant has {limits.of_a_grant} requests under way already")
    path, method = request.url.path, request.method
    if method == "GET" and (found := ADVERTISED.fullmatch(path)):
        named = SERVICE.fullmatch(request.query_params.get("service", ""))
        service, do = named["service"] if named else "", advertised
    elif method == "POST" and (found := ASKED.fullmatch(path)):
        service = found["service"]
        do = pushed if service == RECEIVE else fetched
        if request.headers.get("content-type") != f"application/x-git-{service}-request":
            raise Refused(Reason.REQUEST, "this is nothing that git asks")
    else:
        raise Refused(Reason.REQUEST, "this is nothing that git asks")
    if service not in SERVICES:
        raise Refused(Reason.REQUEST, "only git's smart protocol is spoken here")
    if found["app"] != guest.order.app:
        raise Refused(Reason.REPOSITORY, f"the grant is not for the repository {found['app']}")
    if service == RECEIVE and not guest.order.branches:
        raise Refused(Reason.SCOPE, "the grant is for reading")
    return Visit(guest, request, _client(request), service, begin.spool, limits), do


def _token(request: Request) -> str:
    """What is said to be a grant's token: as a password, whoever the user is, or as a bearer's."""
    kind, _, said = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return said.strip()
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(said, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def _client(request: Request) -> str:
    return f"{request.client.host}:{request.client.port}" if request.client else ""


def _refusal(why: Refused) -> Response:
    headers: dict[str, Any] = dict(NOT_CACHED)
    if why.reason is Reason.CREDENTIALS:
        # What still comes of the request would keep its place from others for as long as it comes.
        headers["connection"] = "close"
        headers["www-authenticate"] = 'Basic realm="millwright"'
    return Response(f"{why.detail}\n", why.status, headers, "text/plain")


def _failed() -> Refused:
    return Refused(Reason.FAILED, "the door failed; see its log")
