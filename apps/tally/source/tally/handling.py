"""What every HTTP request meets here, whatever it asks for: answers in JSON, one log line, a bounded body."""

import json
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler

from tally.logs import log, log_error

# Of a body that is refused, so much is read all the same: who is still sending it would not read the answer.
DRAIN_LIMIT = 1024 * 1024
CHUNK = 8192
# More digits are no length of anything.
LENGTH_DIGITS = 18


class Refused(Exception):
    """The request is answered with `status` and the message."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


class JsonHandler(BaseHTTPRequestHandler):
    """One request, which `get` or `post` answers. HTTP/1.0 closes the connection after it.

    `unavailable` is what they raise when something that the service needs is away; its message is told.
    """

    unavailable: tuple[type[Exception], ...] = ()
    timeout = 10

    def do_GET(self) -> None:
        self._guarded(self.get)

    def do_POST(self) -> None:
        self._guarded(self.post)

    def get(self) -> None:
        """Answer a GET request."""
        raise NotImplementedError

    def post(self) -> None:
        """Answer a POST request."""
        raise NotImplementedError

    def body(self, limit: int) -> object:
        """The body as JSON. Raises Refused when it is none, has no length, or is longer than `limit` bytes."""
        said = self.headers.get("Content-Length")
        if said is None:
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "send a Content-Length")
        if not said.isascii() or not said.isdecimal() or len(said) > LENGTH_DIGITS:
            raise Refused(HTTPStatus.BAD_REQUEST, "Content-Length must be a number of bytes")
        if int(said) > limit:
            self._drain(int(said))
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"send at most {limit} bytes")
        try:
            return json.loads(self.rfile.read(int(said)))
        except (ValueError, RecursionError):
            raise Refused(HTTPStatus.BAD_REQUEST, "the body is no JSON") from None

    def answer(self, status: HTTPStatus, body: dict[str, object]) -> None:
        """Send the answer."""
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _guarded(self, method: Callable[[], None]) -> None:
        """Answer, also when that fails."""
        try:
            method()
        except Refused as refused:
            self._refuse(refused.status, str(refused))
        except self.unavailable as error:
            log("unavailable", why=str(error))
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, f"{str(error).partition(' (')[0]}; try again later")
        except (ConnectionError, TimeoutError):
            # The client's: there is nobody to answer.
            raise
        except Exception:
            log_error("failed", path=self._shown_path())
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "the service failed; its log says why")

    def _drain(self, length: int) -> None:
        left = min(length, DRAIN_LIMIT)
        while left > 0 and (read := len(self.rfile.read(min(left, CHUNK)))):
            left -= read

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self.answer(status, {"error": why})

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the HTTP machinery itself refuses, in the form of every other refusal."""
        self._refuse(HTTPStatus(code), message or HTTPStatus(code).phrase)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """One line per request, without its query."""
        log("request", method=self.command, path=self._shown_path(), status=int(code))

    def log_message(self, format: str, *args: object) -> None:
        """What the HTTP machinery has to say beside that."""
        log("http", said=format % args)

    def _shown_path(self) -> str:
        # There is none when the request line could not be read.
        return getattr(self, "path", "").partition("?")[0]
