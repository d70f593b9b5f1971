"""How much one bastion lets itself be asked for."""

from dataclasses import dataclass

KIB = 1 << 10
MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds, bytes and counts."""

    # From the first byte to a client that is let in.
    login_seconds: float = 15
    # Those together that are not let in yet, whoever they are.
    logins: int = 128
    # Of one grant: connections, and sessions of all of them.
    connections: int = 16
    sessions: int = 32
    # Logins that are refused: told one by one, of one grant and of none, until they are summed up.
    logins_told: int = 100
    summed_up_seconds: float = 3600
    # Of one connection; whoever goes on asking is out.
    refusals: int = 50
    # Of one grant in sum, since the bastion opened it: whoever has had so much is out.
    grant_sessions: int = 10_000
    grant_refusals: int = 1000
    grant_recording_bytes: int = 4096 * MIB
    host_seconds: float = 15
    chunk_bytes: int = 32 * KIB
    recording_bytes: int = 1024 * MIB
    # When a session ends: for the host to say that nothing is left.
    end_seconds: float = 1.2
