"""The gate to what a task holds: a relay that hangs is nobody there, and keeps no other way from being opened."""

import socket
from pathlib import Path

from access.client import GrantWays, api_place_of
from factory.paths import FactoryRoot

SECONDS = 30


def answered(gate: Path) -> bytes:
    """What the gate says to who asks for the first API; b"" when nothing may be reached."""
    address, port = api_place_of(0)
    with socket.socket(socket.AF_UNIX) as inside:
        inside.settimeout(SECONDS)
        inside.connect(str(gate))
        inside.sendall(f"{address} {port}\n".encode())
        return inside.recv(1)


def test_a_relay_that_takes_no_connection_any_more_is_nobody_there(tmp_path: Path) -> None:
    ways, there = GrantWays(), tmp_path / "relay"
    with socket.socket(socket.AF_UNIX) as relay:
        relay.bind(str(there))
        relay.listen(0)
        with ways.opened(FactoryRoot(tmp_path), {api_place_of(0): lambda: there}, tmp_path / "way") as gate:
            assert gate is not None
            assert answered(gate) == b"+"
            # The one before waits for it, and there is no more room.
            assert [answered(gate) for _ in range(8)] == [b""] * 8
            relay.accept()[0].close()
            assert answered(gate) == b"+"
    ways.close()
