"""How much the relay lets itself be asked for."""

from dataclasses import dataclass

KIB = 1 << 10
MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds, bytes and counts. `requests` are those of a grant in sum, refused ones too; `together` at one time."""

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
    # Of everybody who has not said yet which grant they hold.
    waiting: int = 128
    # Refused logins that nobody's grant can be told of, in a minute: whoever can connect can make them.
    strangers: int = 60
    recording_bytes: int = 64 * MIB
