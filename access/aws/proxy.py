"""The proxy as an ASGI application: a call is read, verified, decided, recorded, signed anew and sent."""

import asyncio
import json
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Iterable, MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from xml.sax.saxutils import escape

import httpx2

from access.aws import asked, calls, signatures
from access.aws.asked import Asked
from access.aws.calls import Call
from access.aws.orders import Happened, Open
from access.aws.refusals import Reason, Refused, denied, ended, malformed, unknown
from access.aws.session import Around, Session
from access.deadline import TIME_OVER, Deadline
from access.few import Refusals

LOG: Final = logging.getLogger("millwright.aws")
Json = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Json]]
Send = Callable[[Json], Awaitable[None]]
ENDED_KEPT: Final = 10_000
# Of the cloud's answer those that mean something to an SDK.
ANSWERED: Final = ("content-type", "x-amzn-requestid", "x-amz-request-id", "x-amzn-query-error", "x-amz-crc32")


@dataclass
class Answer:
    """What the client gets."""

    status: int
    headers: dict[str, str]
    body: bytes


class Proxy:
    """Serves the grants that are open. `hosts` are the names under which it is reached."""

    def __init__(self, around: Around) -> None:
        self._around = around
        self.hosts: frozenset[str] = frozenset()
        self._grants: dict[str, Session] = {}
        self._by_key: dict[str, Session] = {}
        # Keys of grants that were there once: whose it was is told in the record, and to nobody else.
        self._ended: OrderedDict[str, str] = OrderedDict()
        self._closing: set[asyncio.Task[None]] = set()
        # No proxies, no credentials, no redirects: nothing of this process's surroundings counts.
        told = (around.limits.refusals_told, around.limits.summed_up_seconds, Happened, around.watch)
        self._refusals = Refusals(*told, happened="call_refused", things="calls")
        self._client = httpx2.AsyncClient(trust_env=False, timeout=around.limits.answer_seconds)

    def open(self, order: Open) -> None:
        """Raises ValueError, InputError."""
        known, other = self._grants.get(order.grant), self._by_key.get(order.key_id)
        if other is not known:
            raise ValueError("there is another grant with this key")
        calls.model_of(order.service)
        if known:
            known.renew(order)
            return
        session = Session(order, self._around)
        self._grants[order.grant] = self._by_key[order.key_id] = session
        session.deadline = Deadline(order.seconds, partial(self._time_over, order.grant))

    async def close(self, name: str, why: str) -> None:
        """End a grant; there is none of that name: nothing. Returns when no call of it is under way."""
        session = self._grants.pop(name, None)
        if session is None:
            return
        key = session.order.key_id
        del self._by_key[key]
        self._ended[key] = name
        if len(self._ended) > ENDED_KEPT:
            self._ended.popitem(last=False)
        session.end(ended(why))
        await session.closed()

    async def stop(self) -> None:
        """End everything."""
        await asyncio.gather(*(self.close(name, "the proxy stops") for name in list(self._grants)))
        await asyncio.gather(*self._closing, return_exceptions=True)
        self._refusals.close()
        await self._client.aclose()

    async def __call__(self, scope: Json, receive: Receive, send: Send) -> None:
        """One request, as ASGI has it."""
        if scope["type"] != "http":
            return
        answer = await self._answer(scope, receive)
        headers = [(name.encode(), value.encode("latin-1")) for name, value in answer.headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Json, receive: Receive) -> Answer:
        client = ":".join(map(str, scope.get("client") or ("", 0)))
        grant, session = self._named(asked.claimed(scope["headers"])), None
        try:
            request = asked.read(
                scope["method"], scope.get("raw_path") or b"", scope["query_string"], scope["headers"], self.hosts
            )
            body = await self._body(request, receive)
            session = self._proved(request, body)
            return await self._within(session, self._call(session, request, body, client))
        except Refused as why:
            self._tell(grant, client, why)
            # Only what its own holder does is a grant's: a key is no secret.
            if session and why.reason is not Reason.ENDED and session.spends():
                self._soon(self.close(grant, "too many of its calls were refused"))
            return _refusal(why, scope["headers"])
        except Exception:
            LOG.exception("a call failed in the proxy itself")
            failed = Refused(Reason.FAILED, 500, "InternalFailure", "the proxy failed; its log says how")
            self._tell(grant, client, failed)
            return _refusal(failed, scope["headers"])

    def _tell(self, grant: str, client: str, why: Refused) -> None:
        self._refusals.refuse(grant, client, why.reason.value, f"{why.code}: {why.detail}")

    def _named(self, key: str) -> str:
        """The grant that a key is, or was, of; "" for none. Nothing is proved by a key alone."""
        session = self._by_key.get(key)
        return session.order.grant if session else self._ended.get(key, "")

    async def _body(self, request: Asked, receive: Receive) -> bytes:
        """Raises Refused: it does not come, or is too large."""
        most, body = self._around.limits.body_bytes, bytearray()
        too_large = Refused(Reason.LIMIT, 413, "RequestEntityTooLarge", f"a body has at most {most} bytes here")
        if not request.headers.get("content-length", "").isdigit():
            raise Refused(Reason.REQUEST, 411, "MissingContentLength", "a body's length must be told")
        if int(request.headers["content-length"][:20]) > most:
            raise too_large
        try:
            async with asyncio.timeout(self._around.limits.body_seconds):
                while True:
                    part = await receive()
                    if part["type"] != "http.request":
                        raise malformed("the client has gone")
                    body += part.get("body", b"")
                    if len(body) > most:
                        raise too_large
                    if not part.get("more_body"):
                        return bytes(body)
        except TimeoutError:
            raise Refused(Reason.LIMIT, 408, "RequestTimeout", "the body took too long") from None

    def _proved(self, request: Asked, body: bytes) -> Session:
        """The grant whose holder signed it, about now. Raises Refused."""
        limits = self._around.limits
        session = self._by_key.get(request.signed.key_id)
        if session is None:
            raise unknown()
        signatures.check_time(request, time.time(), limits.skew_seconds)
        signatures.check(request, body, session.order.secret)
        session.seen.check(request.signed.signature, time.monotonic())
        order = session.order
        if (request.signed.service, request.signed.region) != (order.service, order.upstream.region):
            raise denied(
                f"the grant is for {order.service} in {order.upstream.region}, and the call is signed for"
                f" {request.signed.service} in {request.signed.region}",
                Reason.HOST,
            )
        return session

    async def _within(self, session: Session, work: Coroutine[Any, Any, Answer]) -> Answer:
        """The answer, or what ended the grant, whichever comes first. Raises Refused."""
        task = asyncio.ensure_future(work)
        session.under_way.add(task)
        task.add_done_callback(session.under_way.discard)
        ends: set[asyncio.Future[Any]] = {task, session.over}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return await task
        task.cancel()
        await asyncio.wait({task})
        raise session.over.result()

    async def _call(self, session: Session, request: Asked, body: bytes, client: str) -> Answer:
        call = calls.read(request, body, session.places)
        if len(session.under_way) > self._around.limits.calls:
            raise Refused(Reason.LIMIT, 400, "ThrottlingException", "the grant has its calls under way already")
        try:
            decision = session.rights.decide(call, time.time())
        except Refused as why:
            session.refused(call, client, why)
            raise
        number, began = session.began(call, client, decision), time.monotonic()
        facts: dict[str, Any] = {"error": "cut off"}
        try:
            answer = await self._sent(session, request, call)
            told = [f"{answer.status}", _request_id(answer)]
            facts = {"status": answer.status, "tags": [each for each in told if each], "error": _error(answer)}
        except Refused as why:
            facts = {"error": why.code}
            raise
        else:
            return answer
        finally:
            session.outcome(number, **facts, ms=round(1000 * (time.monotonic() - began), 3))

    async def _sent(self, session: Session, request: Asked, call: Call) -> Answer:
        """Signed with the grant's real credentials. Raises Refused: nothing came back."""
        upstream, most = session.order.upstream, self._around.limits.answer_bytes
        body = json.dumps(call.parameters).encode()
        kept = {"content-type": request.headers["content-type"], "x-amz-target": request.target}
        if request.headers.get("x-amzn-query-mode") == "true":
            kept["x-amzn-query-mode"] = "true"
        headers = signatures.signed(upstream, call.service, kept, body)
        try:
            async with self._client.stream("POST", f"{upstream.endpoint}/", content=body, headers=headers) as answered:
                content = bytearray()
                async for part in answered.aiter_bytes():
                    content += part
                    if len(content) > most:
                        raise Refused(Reason.UPSTREAM, 502, "InternalFailure", "the answer is too large")
        except httpx2.HTTPError as error:
            LOG.warning("%s does not answer: %s", upstream.endpoint, error)
            raise Refused(Reason.UPSTREAM, 503, "ServiceUnavailable", "the cloud does not answer") from None
        told = {name: answered.headers[name] for name in ANSWERED if name in answered.headers}
        return Answer(answered.status_code, told, bytes(content))

    def _time_over(self, name: str) -> None:
        self._soon(self.close(name, TIME_OVER))

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def _refusal(why: Refused, headers: Iterable[tuple[bytes, bytes]]) -> Answer:
    """As the protocol has it that the client speaks: one of JSON's, or those in XML, which name no target."""
    told = {"x-amzn-requestid": f"millwright-{secrets.token_hex(8)}", "x-amzn-errortype": why.code}
    if any(name.lower() == b"x-amz-target" for name, _ in headers):
        said = json.dumps({"__type": why.code, "message": why.detail})
        return Answer(why.status, {**told, "content-type": "application/x-amz-json-1.0"}, said.encode())
    said = (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{why.code}</Code><Message>{escape(why.detail)}</Message>"
        f"</Error><RequestId>{told['x-amzn-requestid']}</RequestId></ErrorResponse>"
    )
    return Answer(why.status, {**told, "content-type": "text/xml"}, said.encode())


def _request_id(answer: Answer) -> str:
    return answer.headers.get("x-amzn-requestid", answer.headers.get("x-amz-request-id", ""))


def _error(answer: Answer) -> str:
    """The code of an answer that says no; "" for every other one."""
    if answer.status < httpx2.codes.BAD_REQUEST:
        return ""
    try:
        return str(json.loads(answer.body)["__type"]).rpartition("#")[2]
    except (ValueError, KeyError, TypeError):
        return str(answer.status)
