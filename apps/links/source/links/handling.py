"""What every HTTP request meets here, whatever it asks for: answers in JSON, one log line, a bounded body."""

import json
import sys
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler

from links.logs import log, log_error

# Of a body that is refused, so much is read all the same: who is still sending it would not read the answer.
DRAIN_LIMIT = 1024 * 1024
CHUNK = 8192


class JsonHandler(BaseHTTPRequestHandler):
    """One request, which `get` or `post` answers.

    `unavailable` is what they raise when something that the service needs is away; its message is told.
    """

    unavailable: type[Exception]

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

    def _guarded(self, answer: Callable[[], None]) -> None:
        """Answer, also when that fails."""
        try:
            answer()
        except self.unavailable as error:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        except (ConnectionError, TimeoutError):
            # The client's: there is nobody to answer.
            raise
        except Exception:
            log_error("failed", path=self._shown_path())
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "the service failed; its log says why")

    def _drain(self, length: str) -> None:
        left = min(int(length), DRAIN_LIMIT) if length.isdecimal() and len(length) < len(str(sys.maxsize)) else 0
        while left > 0 and (read := len(self.rfile.read(min(left, CHUNK)))):
            left -= read

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self._answer(status, {"error": why})

    def _answer(self, status: HTTPStatus, body: dict[str, str | int], location: str | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

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
