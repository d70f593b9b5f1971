"""How much the relay lets itself be asked for."""

from dataclasses import dataclass

KIB = 1 << 10
MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds, bytes and counts. `requests` are those of a grant in sum, `together` those at one time.

    `refusals` are the refused ones, each of which is an event: whoever goes beyond is told nothing any more, and in the
    end it is told how many more there were.
    """

    head_bytes: int = 32 * KIB
    # Until a whole request is there. Its digest is recorded before it is sent, so it is taken in whole.
    request_seconds: float = 30
    request_bytes: int = 4 * MIB
    # To look a name up and to connect; until an answer begins; between two parts of it; all of it.
    open_seconds: float = 20
    answer_seconds: float = 60
    idle_seconds: float = 60
    whole_seconds: float = 600
    answer_bytes: int = 256 * MIB
    together: int = 16
    requests: int = 10_000
    refusals: int = 1_000
    # Of everybody who has not said yet which grant they hold.
    waiting: int = 128
    # Refused logins that are told of one grant, or of nobody's, until they are summed up: whoever can connect can make
    # them.
    logins_told: int = 100
    summed_up_seconds: float = 3600
    recording_bytes: int = 64 * MIB
