"""What the worker tells a proxy's process: a line of JSON each, and one line as the answer (`access.told.Answer`)."""

from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from access.egress.record import Asker

# Where the proxy is found inside of a sandbox: an address of its loopback network that no app listens at by chance.
INSIDE: Final = ("127.128.0.1", 3128)
# Where the doors of an order are found: at this address, from this port on.
DOORS: Final = ("127.128.0.2", 8001)
# In the folder that an order names.
SOCKET: Final = "s"


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Begin(_Line):
    """The first: the factory whose events are written, and its database's URL."""

    root: Path
    database: str


class Order(_Line):
    """Open the gate of a task for these hosts, in a folder of its owner's only; or, without a folder, close it.

    `doors` are Unix sockets of this machine (those of the task's grants at a relay): the first is found inside at the
    first port of DOORS, and so on. Whoever listens there decides, and records.
    """

    asker: Asker
    hosts: list[str] = []
    doors: list[Path] = Field(default=[], max_length=32)
    folder: Path | None = None
