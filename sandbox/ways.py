"""A command in a sandbox that reaches what gates of the host let it reach, and is reached through one socket."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sandbox import forwarder
from sandbox.model import Bind, Confined

DOOR = "/run/door"
WAY = "/run/way"
CODE = "/run/forwarder.py"


def through(confined: Confined, *ways: Path) -> Confined:
    """The command, with the gates at these sockets as all that it reaches. It needs `python_binds`."""
    return forwarded(confined, ways=ways)


def forwarded(confined: Confined, *, door: Path | None = None, port: int = 0, ways: Sequence[Path] = ()) -> Confined:
    """The command, started by the forwarder: `door` is a socket that leads to its `port`, `ways` are those of gates,
    each in a folder of its own.
    """
    kept = ",".join(map(str, confined.keeps))
    inside = [(way, f"{WAY}{number or ''}") for number, way in enumerate(ways)]
    led = ",".join(f"{folder}/{way.name}" for way, folder in inside)
    ends = (f"{DOOR}/{door.name}" if door else "", str(port), led, kept)
    doors = (Bind(door.parent, DOOR, writable=True),) if door else ()
    # Read-only: a socket can be connected to, and none put in its place.
    gates = tuple(Bind(way.parent, folder) for way, folder in inside)
    return replace(
        confined,
        argv=("python", "-I", CODE, *ends, "--", *confined.argv),
        binds=(*confined.binds, Bind(Path(forwarder.__file__), CODE), *doors, *gates),
    )
