"""What the broker tells the git door's process: a line of JSON each; each is answered by one line, `Done`.

Between the answers the process tells what happened, as lines of `Happened`: their first key is "happened".
"""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter

from access import orders
from access.orders import Close, Line, Name


class Begin(Line):
    """The first: where recordings go, where a push waits until it is judged, and what clients know the door by.

    `port` 0: any free one.
    """

    recordings: Path
    spool: Path
    certificate: Path
    key: Path
    host: str = "127.0.0.1"
    port: int = 0


class Open(Line):
    """Let in who knows the token that `token` is the SHA-256 of, to `repository` under the name `<app>.git`.

    `branches` are those that may be pushed to: by name, all below one (`people/ada/*`), or all (`*`); none for reading.
    """

    order: Literal["open"] = "open"
    grant: Name
    token: str = Field(pattern=r"^[0-9a-f]{64}$", repr=False)
    app: Name
    principal: str
    repository: Path
    branches: list[str]
    # Whoever ends it in time may be dead, or stopped in the middle.
    seconds: float = Field(gt=0)


Order = Annotated[Open | Close, Field(discriminator="order")]
ORDER: Final[TypeAdapter[Open | Close]] = TypeAdapter(Order)


class Happened(orders.Happened):
    """What nobody ordered. Each is also in the recordings; `reason` is one of the codes of `refusals`.

    `session_ended` tells the recording's path (relative to the recordings) and its SHA-256, for the audit log; `pack`
    is the SHA-256 of what came with a push, `size` its bytes. `grant_spent`: the door has closed the grant, whose
    budget is used up.
    """

    happened: Literal["session_began", "session_ended", "login_refused", "git_pushed", "git_refused", "grant_spent"]
    ref: str = ""
    old: str = ""
    new: str = ""
    pack: str = ""
    size: int = 0
