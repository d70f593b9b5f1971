"""The HTTP side: routes requests to a store, one thread per request."""

import json
from http import HTTPStatus
from http.server import ThreadingHTTPServer

from links.handling import JsonHandler
from links.interface import LinkStore
from links.logs import log_error
from links.store import InvalidUrl, StoreUnavailable

BODY_LIMIT = 8192


class Server(ThreadingHTTPServer):
    """Answers for one store; closing it waits for the requests under way."""

    daemon_threads = False
    # The library's five are too few: clients that come together would be cut off before they are heard.
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], store: LinkStore) -> None:
        super().__init__(address, Handler)
        self.store = store

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away while it was answered, or no thread to answer it."""
        log_error("unanswered")


class Handler(JsonHandler):
    """One request. HTTP/1.0 closes the connection after it, so that no idle client keeps the service from ending."""

    server: Server
    unavailable = StoreUnavailable
    timeout = 10

    def get(self) -> None:
        """GET /health, /links/CODE and /CODE."""
        path = self.path.partition("?")[0].removeprefix("/")
        if path == "health":
            self._answer(HTTPStatus.OK, {"status": "ok", "links": len(self.server.store)})
        elif path.startswith("links/"):
            link = self.server.store.get(path.removeprefix("links/"))
            if link:
                self._answer(HTTPStatus.OK, {"code": link.code, "url": link.url, "hits": link.hits})
            else:
                self._refuse(HTTPStatus.NOT_FOUND, "no such link")
        elif link := self.server.store.follow(path):
            self._answer(HTTPStatus.FOUND, {"code": link.code, "url": link.url}, location=link.url)
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "no such link")

    def post(self) -> None:
        """POST /links."""
        if self.path != "/links":
            self._refuse(HTTPStatus.NOT_FOUND, "POST goes to /links")
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or len(length) > len(str(BODY_LIMIT)) or int(length) > BODY_LIMIT:
            self._drain(length)
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"send at most {BODY_LIMIT} bytes, with Content-Length")
            return
        try:
            body = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            body = None
        url = body.get("url") if isinstance(body, dict) else None
        if not isinstance(url, str):
            self._refuse(HTTPStatus.BAD_REQUEST, 'send {"url": "https://..."}')
            return
        try:
            link = self.server.store.add(url)
        except InvalidUrl as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
        else:
            self._answer(HTTPStatus.CREATED, {"code": link.code, "url": link.url})
