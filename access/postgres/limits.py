"""How much one relay lets itself be asked for."""

from dataclasses import dataclass

KIB = 1 << 10
MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds, bytes and counts."""

    # From the first byte to a session that is logged in at both ends.
    login_seconds: float = 15
    # Those together that are not logged in yet, whoever they are.
    logins: int = 128
    sessions: int = 32
    login_bytes: int = 16 * KIB
    message_bytes: int = 64 * MIB
    statement_bytes: int = MIB
    # From a message's first byte to its last; and what waits for that, or for the database: of one grant, and of all.
    message_seconds: float = 300
    grant_waiting_bytes: int = 128 * MIB
    waiting_bytes: int = 512 * MIB
    # Longer ones are parsed by a process of their own: nested deeply they end the parser, or keep it for long.
    parsed_here_bytes: int = 8 * KIB
    parse_seconds: float = 5
    prepared: int = 10_000
    # Messages whose answers are not there yet.
    pipelined: int = 20_000
    value_bytes: int = 4 * KIB
    recording_bytes: int = 1024 * MIB
    # Of one grant in sum; whoever goes beyond has had it. A budget of refusals ends whoever tries until something goes.
    grant_recording_bytes: int = 4096 * MIB
    grant_sessions: int = 10_000
    grant_refusals: int = 1_000
    # Told one by one: of one session's refused statements, and of one login's refusals until they are summed up.
    refusals_told: int = 20
    logins_told: int = 100
    summed_up_seconds: float = 3600
    # When a session ends: for the database to take a CancelRequest, and for each end to take its last words.
    cancel_seconds: float = 2
    close_seconds: float = 0.5
