"""How much one proxy lets itself be asked for."""

from dataclasses import dataclass

KIB = 1 << 10
MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds, bytes and counts."""

    # For the TLS handshake, for a request's head to come, and its body.
    handshake_seconds: float = 10
    head_seconds: float = 20
    body_seconds: float = 20
    # SQS takes a MiB, which is a third more in JSON.
    body_bytes: int = 2 * MIB
    head_bytes: int = 32 * KIB
    answer_bytes: int = 16 * MIB
    connections: int = 256
    # Of those that have asked for nothing yet.
    waiting: int = 128
    # Of one grant at a time.
    calls: int = 32
    # The longest that a service makes somebody wait (SQS: 20), and some.
    answer_seconds: float = 60
    # Between a call's own time and ours, either way: AWS's own bound.
    skew_seconds: float = 300
    # Calls alike have one signature within a second; what comes later than this is a copy.
    replay_seconds: float = 5
    # Told one by one of a grant until they are summed up; and how many of its own calls may be refused at all: a budget
    # ends whoever tries until something goes.
    refusals_told: int = 100
    summed_up_seconds: float = 3600
    grant_refusals: int = 1000
    recording_bytes: int = 1024 * MIB
    # Longer values are recorded by length and digest.
    value_bytes: int = 4 * KIB
