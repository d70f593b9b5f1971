"""What the broker tells the relay's process: a line of JSON each; each is answered by one line, `Done`.

Between the answers the process tells what happened, as lines of `Happened`: their first key is "happened".
"""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter

from access import orders
from access.orders import Close, Line, Name
from factory.paths import FactoryRoot
from factory.spec import Scope

DAY_SECONDS: Final = 86_400.0


# Below the run files: each grant's own socket.
SOCKETS: Final = "apis"


def own_socket(root: FactoryRoot, grant: str) -> Path:
    """Where who may enter the factory's own folders comes in by an open grant without its token."""
    return root.run / SOCKETS / grant


class Begin(Line):
    """The first: where recordings go, the folder of the grants' own sockets, and where it listens.

    Port 0: any free one.
    """

    recordings: Path
    sockets: Path
    host: str = "127.0.0.1"
    port: int = 0


class Credential(Line):
    """The header with the credential, and what it is made from: each of `secrets` is taken out of every answer."""

    header: str
    value: str = Field(repr=False)
    form: str
    secrets: list[str] = Field(repr=False)


class Open(Line):
    """Let in who has the token (`token_digest`: SHA-256, hexadecimal), or comes by the grant's own socket.

    They may do what `scope` holds below `url`, with the credential that is put in.
    """

    order: Literal["open"] = "open"
    grant: Name
    token_digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    url: str
    credential: Credential
    scope: Scope
    app: Name
    principal: str
    # Which version of the credential it is.
    version: str = ""
    # Whoever ends it in time may be dead, or stopped in the middle.
    seconds: float = Field(default=DAY_SECONDS, gt=0)


Order = Annotated[Open | Close, Field(discriminator="order")]
ORDER: Final[TypeAdapter[Open | Close]] = TypeAdapter(Order)


class Happened(orders.Happened):
    """What nobody ordered. Each is also in the recordings; `reason` is one of the codes of `refusals`.

    `session_ended` tells the recording's path (relative to the recordings) and its SHA-256, for the audit log.
    """

    happened: Literal["session_began", "session_ended", "login_refused", "request_refused"]
