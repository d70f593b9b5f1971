"""The HTTP side: GET and HEAD, conditional requests, one thread per request."""

from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from docsite.logs import log, log_error
from docsite.site import SECURITY, Answer, Site, refusal

# Of a body that nobody asked for, so much is read all the same: who is still sending it would not read the answer.
DRAIN_LIMIT = 1024 * 1024
CHUNK = 8192
# More digits are no length of anything.
LENGTH_DIGITS = 18


class Server(ThreadingHTTPServer):
    """Answers for one site; closing it waits for the requests under way."""

    daemon_threads = False
    # The library's five are too few: clients that come together would be cut off before they are heard.
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], site: Site) -> None:
        super().__init__(address, Handler)
        self.site = site

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away while it was answered, or no thread to answer it."""
        log_error("unanswered")


class Handler(BaseHTTPRequestHandler):
    """One request. HTTP/1.0 closes the connection after it, so that no idle client keeps the service from ending."""

    server: Server
    timeout = 10

    def do_GET(self) -> None:
        """Answer, also when that fails."""
        try:
            answer = self.server.site.answer(self.path)
        except Exception:
            log_error("failed", path=self._shown_path())
            answer = refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "the site failed; its log says why")
        if answer.etag and _matches(self.headers.get_all("If-None-Match", []), answer.etag):
            self._send_head(answer, HTTPStatus.NOT_MODIFIED)
        else:
            self._send(answer)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        """Nothing can be sent here."""
        self._drain(self.headers.get("Content-Length", ""))
        self._send(refusal(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD"))

    do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_POST

    def _send(self, answer: Answer) -> None:
        self._send_head(answer, answer.status)
        if self.command != "HEAD":
            self.wfile.write(answer.content)

    def _send_head(self, answer: Answer, status: HTTPStatus) -> None:
        self.send_response(status)
        if status != HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(len(answer.content)))
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        # Kept by a browser, but asked about each time: a new release shows at once.
        self.send_header("Cache-Control", "no-cache" if answer.etag else "no-store")
        if answer.etag:
            self.send_header("ETag", answer.etag)
        for name, value in SECURITY:
            self.send_header(name, value)
        self.end_headers()

    def _drain(self, length: str) -> None:
        known = length.isascii() and length.isdecimal() and len(length) <= LENGTH_DIGITS
        left = min(int(length), DRAIN_LIMIT) if known else 0
        while left > 0 and (read := len(self.rfile.read(min(left, CHUNK)))):
            left -= read

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the HTTP machinery itself refuses, in the form of every other refusal."""
        self._send(refusal(HTTPStatus(code), message or HTTPStatus(code).phrase))

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """One line per request, without its query."""
        log("request", method=self.command, path=self._shown_path(), status=int(code))

    def log_message(self, format: str, *args: object) -> None:
        """What the HTTP machinery has to say beside that."""
        log("http", said=format % args)

    def _shown_path(self) -> str:
        # There is none when the request line could not be read.
        return getattr(self, "path", "").partition("?")[0]


def _matches(said: list[str], etag: str) -> bool:
    """Whether the client has this content already (RFC 9110, 13.1.2: compared weakly)."""
    known = {each.strip().removeprefix("W/") for line in said for each in line.split(",")}
    return etag in known or "*" in known
