"""A command in a sandbox that reaches what a gate of the host lets it reach, and is reached through one socket."""

from dataclasses import replace
from pathlib import Path

from sandbox import forwarder
from sandbox.model import Bind, Confined

DOOR = "/run/door"
WAY = "/run/way"
CODE = "/run/forwarder.py"


def through(confined: Confined, way: Path) -> Confined:
    """The command, with the gate at the socket `way` as all that it reaches. It needs `python_binds`."""
    return forwarded(confined, way=way)


def forwarded(confined: Confined, *, door: Path | None = None, port: int = 0, way: Path | None = None) -> Confined:
    """The command, started by the forwarder: `door` is a socket that leads to its `port`, `way` that of a gate."""
    kept = ",".join(map(str, confined.keeps))
    ends = (f"{DOOR}/{door.name}" if door else "", str(port), f"{WAY}/{way.name}" if way else "", kept)
    doors = (Bind(door.parent, DOOR, writable=True),) if door else ()
    # Read-only: a socket can be connected to, and none put in its place.
    ways = (Bind(way.parent, WAY),) if way else ()
    return replace(
        confined,
        argv=("python", "-I", CODE, *ends, "--", *confined.argv),
        binds=(*confined.binds, Bind(Path(forwarder.__file__), CODE), *doors, *ways),
    )
