"""Health checks: one HTTP request through a copy's socket, and what a row of answers means."""

import re
import socket
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from localcloud.runtime.declared import HealthCheck

# A target group's declared timing is for a whole region; on one machine these are enough.
STARTING_INTERVAL_SECONDS: Final = 0.2
STEADY_INTERVAL_SECONDS: Final = 0.5
PROBE_SECONDS: Final = 2.0
# ELB's default number of failures in a row; after them, as many successes make a target healthy again.
THRESHOLD: Final = 2
# A copy that nobody checks counts as ready when it has lived this long.
UNCHECKED_SECONDS: Final = 1.0
STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]")
CODES = re.compile(r"(\d{3})(?:-(\d{3}))?")
LONGEST_ANSWER: Final = 65_536


@dataclass(frozen=True)
class Seen:
    """One check's outcome; reason and description as DescribeTargetHealth tells them."""

    healthy: bool
    reason: str = ""
    description: str = ""


INITIAL = Seen(False, "Elb.InitialHealthChecking", "Initial health checks in progress")
HEALTHY = Seen(True)
MISMATCH: Final = "Target.ResponseCodeMismatch"


@dataclass(frozen=True)
class Watch:
    """What the checks of one copy have come to."""

    ready: bool = False
    row: int = 0
    sick_since: float | None = None
    # Not ready yet, and answering with a status that the target group does not take.
    refusing_since: float | None = None
    last: Seen = INITIAL
    next_at: float = 0.0

    def after(self, seen: Seen, now: float) -> "Watch":
        """The state after one more check."""
        row = self.row + 1 if seen.healthy == self.last.healthy else 1
        if not self.ready:
            # As at ELB, a new target needs one success.
            refusing = (self.refusing_since or now) if seen.reason == MISMATCH else None
            return Watch(seen.healthy, 1, None, refusing, seen, now + STARTING_INTERVAL_SECONDS)
        after = replace(self, row=row, last=seen, next_at=now + STEADY_INTERVAL_SECONDS)
        if not seen.healthy and row >= THRESHOLD:
            return replace(after, sick_since=self.sick_since or now)
        if seen.healthy and row >= THRESHOLD:
            return replace(after, sick_since=None)
        return after


def check(path: Path, wanted: HealthCheck) -> Seen:
    """Ask a copy for its health path. Bounded by PROBE_SECONDS whatever the copy does."""
    deadline = time.monotonic() + PROBE_SECONDS
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(PROBE_SECONDS)
            connection.connect(str(path))
            connection.sendall(_request(wanted.path))
            answer = _answer(connection, deadline)
    except TimeoutError:
        return Seen(False, "Target.Timeout", "Request timed out")
    except OSError:
        return Seen(False, "Target.FailedHealthChecks", "Health checks failed")
    found = STATUS_LINE.match(answer)
    if found is None:
        return Seen(False, "Target.FailedHealthChecks", "Health checks failed: no HTTP answer")
    if not accepts(wanted.accepted, int(found[1])):
        return Seen(False, MISMATCH, f"Health checks failed with these codes: [{int(found[1])}]")
    return HEALTHY


def _request(path: str) -> bytes:
    # The path is a declared value: nothing in it may end the request line.
    safe = re.sub(r"[^\x21-\x7e]", "", path) or "/"
    lines = (
        f"GET {safe} HTTP/1.1",
        "Host: localhost",
        "User-Agent: ELB-HealthChecker/2.0",
        "Connection: close",
        "",
        "",
    )
    return "\r\n".join(lines).encode()


def _answer(connection: socket.socket, deadline: float) -> bytes:
    """What the copy answers, up to its end; one that keeps the connection open has still given its status."""
    answer = b""
    while len(answer) < LONGEST_ANSWER and (left := deadline - time.monotonic()) > 0:
        connection.settimeout(left)
        try:
            part = connection.recv(LONGEST_ANSWER)
        except TimeoutError:
            break
        if not part:
            return answer
        answer += part
    if not STATUS_LINE.match(answer):
        raise TimeoutError
    return answer


def accepts(matcher: str, status: int) -> bool:
    """Whether a target group's matcher (`200`, `200,302`, `200-299`) takes an HTTP status for healthy."""
    for part in matcher.split(","):
        if found := CODES.fullmatch(part.strip()):
            low = int(found[1])
            if low <= status <= int(found[2] or low):
                return True
    return False
