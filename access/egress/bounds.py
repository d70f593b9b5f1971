"""How much one task's commands may use of the proxy."""

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Seconds, bytes and counts. Those of a task are counted for as long as its gate is open.

    `connections` at once; `requests`, `sent_bytes` and `received_bytes` in sum.
    """

    head_bytes: int = 8 * 1024
    # Until a whole request is there, and then until the client has said its first word in the tunnel.
    head_seconds: float = 10
    hello_seconds: float = 10
    # To look a name up and to connect, together.
    open_seconds: float = 20
    idle_seconds: float = 60
    tunnel_seconds: float = 600
    connections: int = 32
    requests: int = 2_000
    # What leaves is the app's source at most; what comes, packages.
    sent_bytes: int = 32 * MIB
    received_bytes: int = 2048 * MIB
