"""What the worker tells a proxy's process: a line of JSON each, and one line as the answer (`access.orders.Answer`)."""

from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

from access.egress.record import Asker

# Where the proxy is found inside of a sandbox: an address of its loopback network that no app listens at by chance.
INSIDE: Final = ("127.128.0.1", 3128)
# In the folder that an order names.
SOCKET: Final = "s"


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Begin(_Line):
    """The first: the factory whose events are written, and its database's URL."""

    root: Path
    database: str


class Order(_Line):
    """Open the gate of a task for these hosts, in a folder of its owner's only; or, without a folder, close it."""

    asker: Asker
    hosts: list[str] = []
    folder: Path | None = None
