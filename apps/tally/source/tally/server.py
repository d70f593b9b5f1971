"""The HTTP side: puts events on the queue and answers what they add up to, one thread per request."""

import uuid
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from tally.counts import Counts
from tally.database import DatabaseAway
from tally.events import NAME, InvalidEvent, read_event
from tally.handling import JsonHandler, Refused
from tally.logs import log_error
from tally.queues import Queue, QueueAway

BODY_LIMIT = 8192


class Server(ThreadingHTTPServer):
    """Answers for one queue and the sums of what was on it; closing it waits for the requests under way."""

    daemon_threads = False
    # The library's five are too few: clients that come together would be cut off before they are heard.
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], queue: Queue, counts: Counts) -> None:
        super().__init__(address, Handler)
        self.queue = queue
        self.counts = counts

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away while it was answered, or no thread to answer it."""
        log_error("unanswered")


class Handler(JsonHandler):
    """One request."""

    server: Server
    unavailable = (QueueAway, DatabaseAway)

    def get(self) -> None:
        """GET /health, /tally and /tally/NAME."""
        parts = urlsplit(self.path)
        if parts.path == "/health":
            self.server.counts.ask()
            self.answer(HTTPStatus.OK, {"status": "ok"})
        elif parts.path == "/tally":
            totals, more = self.server.counts.totals(_after(parts.query))
            self.answer(HTTPStatus.OK, {"tally": totals, "more": more})
        elif parts.path.startswith("/tally/"):
            name = unquote(parts.path.removeprefix("/tally/"))
            # What can be no name is not asked for: PostgreSQL takes not every text.
            total = self.server.counts.total(name) if NAME.fullmatch(name) else None
            if total is None:
                raise Refused(HTTPStatus.NOT_FOUND, "nothing was counted under this name")
            self.answer(HTTPStatus.OK, {"name": name, "total": total})
        else:
            raise Refused(HTTPStatus.NOT_FOUND, "GET goes to /tally, /tally/NAME and /health")

    def post(self) -> None:
        """POST /events."""
        if urlsplit(self.path).path != "/events":
            raise Refused(HTTPStatus.NOT_FOUND, "POST goes to /events")
        try:
            event = read_event(self.body(BODY_LIMIT), uuid.uuid4().hex)
        except InvalidEvent as error:
            raise Refused(HTTPStatus.BAD_REQUEST, str(error)) from None
        self.server.queue.send(event.message())
        self.answer(HTTPStatus.ACCEPTED, {"id": event.id, "name": event.name, "count": event.count})


def _after(query: str) -> str:
    after = parse_qs(query).get("after", [""])[-1]
    if after and not NAME.fullmatch(after):
        raise Refused(HTTPStatus.BAD_REQUEST, "after is a name")
    return after
