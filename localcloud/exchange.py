"""One AWS call over HTTP: read whole, answered by whoever derives from this, sent as AWS clients read it."""

import select
import socket
import sys
from http.server import BaseHTTPRequestHandler
from typing import Any, Final

from localcloud.reply import Reply

IDLE_SECONDS: Final = 300
UNFORWARDED = frozenset({"connection", "transfer-encoding", "content-length", "status", "date", "server"})
# Around the parts of a chunked body.
LONGEST_LINE: Final = 65_536
BODILESS = frozenset({204, 304})


class Exchange(BaseHTTPRequestHandler):
    """Answers the calls of one connection with `reply`. `largest_body` is in bytes; more is answered 413."""

    protocol_version = "HTTP/1.1"
    # Buffered and without Nagle: header and body leave in one segment, and no answer waits for a delayed ACK.
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS
    largest_body = sys.maxsize

    def reply(self, body: bytes) -> Reply:
        """The answer to the call that has just been read."""
        raise NotImplementedError

    def call_headers(self) -> dict[str, str]:
        """The call's headers, as the backends take them."""
        return {_header_name(name): value for name, value in self.headers.items()}

    def waiting(self) -> bool:
        """Whether whoever called is still there: it says nothing more before its answer, and has not ended."""
        looked = select.poll()
        looked.register(self.connection, select.POLLIN)
        try:
            return not looked.poll(0) or bool(self.connection.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the library would print every call."""
        del format, args

    def handle_expect_100(self) -> bool:
        """Ask for the body."""
        # Without the flush boto3 waits a second for this before it sends an object's bytes.
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def _answer(self) -> None:
        try:
            body = self._body()
        except _TooLarge:
            self.close_connection = True
            said = f"the body is larger than {self.largest_body} bytes"
            self._send(Reply(413, {"content-type": "text/plain"}, said.encode()))
            return
        except ValueError as error:
            self.close_connection = True
            self._send(Reply(400, {"content-type": "text/plain"}, f"unreadable request body: {error}".encode()))
            return
        self._send(self.reply(body))

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = _answer  # noqa: N815  the library's names

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("transfer-encoding", "").lower():
            return self._bytes(int(self.headers.get("content-length") or 0), 0)
        parts, total = [], 0
        while size := int(self.rfile.readline(LONGEST_LINE).split(b";")[0], 16):
            parts.append(self._bytes(size, total))
            total += size
            self.rfile.readline(LONGEST_LINE)
        while self.rfile.readline(LONGEST_LINE).strip():
            pass
        return b"".join(parts)

    def _bytes(self, length: int, before: int) -> bytes:
        """Exactly that many; a client that ended half-way has said nothing."""
        if before + length > self.largest_body:
            raise _TooLarge
        content = self.rfile.read(length) if length >= 0 else b""
        if len(content) != length:
            raise ValueError(f"{length} bytes are announced, and {len(content)} came")
        return content

    def _send(self, reply: Reply) -> None:
        self.send_response_only(reply.status)
        length = str(len(reply.body))
        for name, value in reply.headers.items():
            # The answer to HEAD has no body but must tell the object's length.
            if name.lower() == "content-length" and self.command == "HEAD":
                length = value
            elif name.lower() not in UNFORWARDED:
                self.send_header(name, value)
        if reply.status not in BODILESS:
            self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD" and reply.status not in BODILESS:
            self.wfile.write(reply.body)


class _TooLarge(Exception):
    pass


def _header_name(name: str) -> str:
    """Lower case, but S3 tells user metadata keys with underscores apart, so those keep their spelling."""
    lower = name.lower()
    return name if lower.startswith("x-amz-meta-") and "_" in lower else lower
