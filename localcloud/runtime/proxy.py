"""The ingress's handling of one request, as an ASGI application: by host to a healthy copy, streamed both ways.

What a client says about its own connection or address is not believed, and what two parsers could read in two ways is
refused. One request per connection to a copy: an idle one could be closed by it at any moment.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final

import httpx2

from localcloud.runtime.routes import Fixed, Forward, Redirect, Switch, Target, Unserved

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

LARGEST_REQUEST: Final = 32 * 1024 * 1024
LARGEST_RESPONSE: Final = 256 * 1024 * 1024
# ELB's idle timeout.
IDLE_SECONDS: Final = 60.0
REQUEST_SECONDS: Final = 300.0
TIMEOUTS = {"connect": 5.0, "read": IDLE_SECONDS, "write": IDLE_SECONDS, "pool": 5.0}
ATTEMPTS: Final = 3
ONE_CONNECTION = httpx2.Limits(max_connections=1, max_keepalive_connections=0)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# RFC 9110, 7.6.1, and what older clients and servers take for such.
HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
    | {b"proxy-authenticate", b"proxy-authorization", b"expect"}
)
# What only the ingress may say; the length is checked and set again.
OWN = frozenset(
    {b"forwarded", b"x-real-ip", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-port"}
    | {b"content-length"}
)
# Names with other characters are told apart by some servers and not by others: `X_Forwarded_For`.
PLAIN_NAME = re.compile(rb"[A-Za-z0-9-]+")
PLACE = re.compile(r"#\{(?:protocol|host|port|path|query)\}")
DIGITS = re.compile(rb"\d{1,18}")
# Those that end an exchange.
STATUSES = range(200, 600)


class Refused(Exception):
    """An answer that the ingress gives itself."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Gone(Exception):
    """The client has gone away, or its answer cannot be finished."""


class Proxy:
    """The ASGI application."""

    def __init__(self, switch: Switch, secure_port: int) -> None:
        """`secure_port`: where TLS is spoken, for redirects to it."""
        self._switch, self._secure_port = switch, secure_port

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        exchange = Exchange(scope, receive, send)
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                await self._answer(exchange)
        except Refused as refused:
            await exchange.refuse(refused.status, str(refused))
        except (TimeoutError, httpx2.TimeoutException):
            await exchange.refuse(504, "the service did not answer in time")
        except httpx2.HTTPError as error:
            await exchange.refuse(502, f"the service ended the connection: {type(error).__name__}")

    async def _answer(self, exchange: "Exchange") -> None:
        request = exchange.checked()
        find = self._switch.secure_route if exchange.secure else self._switch.route
        match find(request.host):
            case None:
                raise Refused(404, f"no load balancer of the local cloud has the name {request.host}")
            case Unserved(reason):
                raise Refused(501, f"the load balancer leads nowhere: {reason}")
            case Fixed(status, content_type, body):
                await exchange.say(status, content_type, body)
            case Redirect() as route:
                to = exchange.location(route, request.host, self._secure_port)
                await exchange.say(route.status, "text/plain", "", (b"location", to.encode("latin-1")))
            case Forward() as route:
                await self._forward(exchange, request, route)

    async def _forward(self, exchange: "Exchange", request: "Request", route: Forward) -> None:
        """Send it to a healthy copy; to another one if nothing has been sent yet."""
        shunned: frozenset[str] = frozenset()
        for _ in range(ATTEMPTS):
            target = self._switch.lease(route, shunned)
            if target is None:
                break
            try:
                await exchange.relay(request, target)
            except httpx2.ConnectError:
                shunned |= {target.task}
            else:
                return
            finally:
                self._switch.release(target)
        raise Refused(503, "no copy of the service is healthy")


class Request:
    """A request that has been checked, ready to be sent on."""

    def __init__(self, host: str, method: str, target: bytes, headers: Headers, body: httpx2.AsyncByteStream) -> None:
        self.host = host
        self.sent_on = httpx2.Request(
            method,
            "http://localhost/",
            headers=headers,
            stream=body,
            # As the client wrote it: normalised, it could name something else.
            extensions={"target": target, "timeout": TIMEOUTS},
        )


class Exchange:
    """One request and its answer on the client's side."""

    def __init__(self, scope: Message, receive: Receive, send: Send) -> None:
        self._scope, self._send = scope, send
        self._body = Body(receive)
        self._started = False

    @property
    def secure(self) -> bool:
        """Whether it came over TLS."""
        return bool(self._scope["scheme"] == "https")

    def location(self, route: Redirect, host: str, secure_port: int) -> str:
        """Where a redirect leads. ELB's own port for TLS is the ingress's here."""
        # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html
        said = {
            "#{protocol}": self._scope["scheme"],
            "#{host}": host,
            "#{port}": str((self._scope.get("server") or ("", 0))[1]),
            "#{path}": self._scope["raw_path"].decode("latin-1").removeprefix("/"),
            "#{query}": self._scope["query_string"].decode("latin-1"),
        }
        protocol, to, port, path, query = (
            PLACE.sub(lambda found: said[found[0]], part)
            for part in (route.protocol, route.host, route.port, route.path, route.query)
        )
        if route.host == "#{host}" and (protocol.lower(), port) == ("https", "443"):
            port = str(secure_port)
        return f"{protocol.lower()}://{to}:{port}{path}" + (f"?{query}" if query else "")

    def checked(self) -> Request:
        """The request as it is sent on. Raises Refused."""
        scope = self._scope
        headers: Headers = list(scope["headers"])
        target: bytes = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        if scope["method"] not in METHODS:
            raise Refused(501, "the ingress does not know this method")
        if not target.startswith(b"/"):
            raise Refused(400, "the request does not name a path")
        hosts = [value for name, value in headers if name == b"host"]
        if len(hosts) != 1:
            raise Refused(400, "the request does not name one host")
        framing = _framing(headers, scope["http_version"])
        client = (scope.get("client") or ("127.0.0.1", 0))[0]
        own = [
            (b"x-forwarded-for", client.encode()),
            (b"x-forwarded-proto", scope["scheme"].encode()),
            (b"x-forwarded-host", hosts[0]),
            (b"connection", b"close"),
        ]
        host = hosts[0].decode("latin-1").lower().partition(":")[0].removesuffix(".")
        body = self._body if framing else self._body.empty()
        return Request(host, scope["method"], target, [*_passed_on(headers, OWN), *framing, *own], body)

    async def relay(self, request: Request, target: Target) -> None:
        """Send the request to a copy, and its answer to the client."""
        watch = asyncio.create_task(self._body.left_by_client(asyncio.current_task()))
        try:
            # Without TLS there is nothing to verify, and the store of authorities takes 20 ms to read.
            async with httpx2.AsyncHTTPTransport(verify=False, uds=str(target.socket), limits=ONE_CONNECTION) as door:
                answer = await door.handle_async_request(request.sent_on)
                try:
                    await self._pass(answer)
                finally:
                    await answer.aclose()
                # The server calls a completed exchange left, too.
                watch.cancel()
            await self._send({"type": "http.response.body", "body": b""})
        finally:
            watch.cancel()

    async def _pass(self, answer: httpx2.Response) -> None:
        """Pass the answer on, all but its end."""
        if answer.status_code not in STATUSES:
            raise Refused(502, f"the service answered with the status {answer.status_code}")
        headers = _passed_on(answer.headers.raw, frozenset())
        if "transfer-encoding" in answer.headers:
            headers = [(name, value) for name, value in headers if name.lower() != b"content-length"]
        await self._start(answer.status_code, headers)
        sent = 0
        try:
            async for part in answer.stream:  # type: ignore[union-attr]  # the transport is an asynchronous one
                sent += len(part)
                if sent > LARGEST_RESPONSE:
                    raise Gone("the answer is too large")
                await self._send({"type": "http.response.body", "body": part, "more_body": True})
        except httpx2.HTTPError as error:
            raise Gone("the service broke its answer off") from error

    async def say(self, status: int, content_type: str, text: str, *headers: tuple[bytes, bytes]) -> None:
        """Answer with a text of the ingress or of a listener."""
        body = text.encode()
        length = (b"content-length", str(len(body)).encode())
        await self._start(status, [(b"content-type", content_type.encode("latin-1", "replace")), length, *headers])
        await self._send({"type": "http.response.body", "body": body})

    async def refuse(self, status: int, reason: str) -> None:
        """Answer with an error, if nothing has been answered; otherwise the connection breaks, so that it is seen."""
        if self._started:
            raise Gone(reason)
        # The rest of the request may not have been read.
        close = (b"connection", b"close")
        await self.say(status, "application/json", json.dumps({"error": reason, "from": "local ingress"}), close)

    async def _start(self, status: int, headers: Headers) -> None:
        self._started = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})


class Body(httpx2.AsyncByteStream):
    """The client's request body, bounded; afterwards it tells when the client leaves."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._read = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The parts as they come."""
        size, more = 0, True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Gone("the client left")
            part, more = message.get("body", b""), message.get("more_body", False)
            size += len(part)
            if size > LARGEST_REQUEST:
                raise Refused(413, f"the request is larger than {LARGEST_REQUEST} bytes")
            if part:
                yield part
        self._read.set()

    def empty(self) -> httpx2.AsyncByteStream:
        """In place of a body that is not there."""
        self._read.set()
        return httpx2.ByteStream(b"")

    async def left_by_client(self, exchange: "asyncio.Task[None] | None") -> None:
        """End the exchange when the client leaves before its answer is complete."""
        await self._read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if exchange:
            exchange.cancel()


def _framing(headers: Headers, version: str) -> Headers:
    """The headers that delimit the body; none when there is no body. Raises Refused for what is ambiguous."""
    lengths = [value for name, value in headers if name == b"content-length"]
    codings = [value for name, value in headers if name == b"transfer-encoding"]
    if codings:
        if lengths or version != "1.1" or [value.strip().lower() for value in codings] != [b"chunked"]:
            raise Refused(400, "the length of the request's body is ambiguous")
        return [(b"transfer-encoding", b"chunked")]
    if len(lengths) > 1 or not all(DIGITS.fullmatch(length) for length in lengths):
        raise Refused(400, "the length of the request's body is ambiguous")
    if lengths and int(lengths[0]) > LARGEST_REQUEST:
        raise Refused(413, f"the request is larger than {LARGEST_REQUEST} bytes")
    return [(b"content-length", length) for length in lengths]


def _passed_on(headers: Iterable[tuple[bytes, bytes]], without: frozenset[bytes]) -> Headers:
    """The headers that are about the message, not about the connection."""
    all_of = list(headers)
    named = {
        token.strip().lower() for name, value in all_of if name.lower() == b"connection" for token in value.split(b",")
    }
    dropped = HOP | without | named
    return [(name, value) for name, value in all_of if name.lower() not in dropped and PLAIN_NAME.fullmatch(name)]
