"""How much the git door lets itself be asked for."""

from dataclasses import dataclass

KIB = 1 << 10
MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds, bytes and counts."""

    # All that is under way, whoever asks.
    requests: int = 64
    # Of one grant at a time.
    of_a_grant: int = 8
    # What names the refs of a push, before its pack.
    command_bytes: int = 64 * KIB
    # A whole push, as it comes and as it is unpacked from gzip.
    push_bytes: int = 64 * MIB
    # What each process of git's may hold of what it unfolds, write into one file, and use of a processor (seconds) for
    # a push: of a few bytes a pack can make gigabytes.
    unfolded_bytes: int = 512 * MIB
    file_bytes: int = 2 * 64 * MIB
    processor_seconds: int = 60
    # What a fetch says it has and wants.
    want_bytes: int = 4 * MIB
    # What git answers to a push.
    answer_bytes: int = MIB
    # For the TLS handshake, and for a request's head to come.
    handshake_seconds: float = 10
    head_seconds: float = 15
    # Connections that have asked for nothing yet.
    waiting: int = 64
    upload_seconds: float = 120
    # For git to take a push, hooks and all.
    apply_seconds: float = 120
    fetch_seconds: float = 600
    # Of one grant in sum; who goes on trying until something goes has had it.
    recording_bytes: int = 256 * MIB
    refusals: int = 1_000
    # Told one by one, of one grant, until they are summed up.
    logins_told: int = 100
    summed_up_seconds: float = 3600
