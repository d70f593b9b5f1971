"""What the broker tells the relay's process: a line of JSON each; each is answered by one line, `Done`.

Between the answers the process tells what happened, as lines of `Happened`: their first key is "happened".
"""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter

from access import orders
from access.orders import Close, Line, Name, Sessions
from access.postgres.kinds import StatementKind

# As PostgreSQL writes it into pg_authid.rolpassword.
DAY_SECONDS: Final = 86_400.0
VERIFIER: Final = r"^SCRAM-SHA-256\$[1-9][0-9]{0,7}:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$"


class Begin(Line):
    """The first: where recordings go, what clients know the relay by, and where it listens (port 0: any free one).

    `synced`: a statement is passed on only when its record is on the disk, not only with the operating system.
    """

    recordings: Path
    certificate: Path
    key: Path
    host: str = "127.0.0.1"
    port: int = 0
    synced: bool = False


class Upstream(Line):
    """A database, and as whom the relay logs in there. `ca`: the authorities that count for verify-full."""

    host: str
    port: int
    database: str
    user: str
    password: str = Field(repr=False)
    tls: Literal["require", "verify-full", "disable"] = "verify-full"
    ca: Path | None = None


class Open(Line):
    """Let in who logs in as `login` with the token that `verifier` is of, to do what is `allowed` at `server`.

    `hidden`: regular expressions for names of columns whose values are not recorded, besides those like `password`.
    """

    order: Literal["open"] = "open"
    grant: Name
    login: str = Field(min_length=1, max_length=63)
    verifier: str = Field(pattern=VERIFIER, repr=False)
    server: Upstream
    allowed: list[StatementKind]
    app: Name
    principal: str
    # Whoever ends it in time may be dead, or stopped in the middle.
    seconds: float = Field(default=DAY_SECONDS, gt=0)
    hidden: list[str] = Field(default_factory=list)


Order = Annotated[Open | Close | Sessions, Field(discriminator="order")]
ORDER: Final[TypeAdapter[Open | Close | Sessions]] = TypeAdapter(Order)


class Session(Line):
    """Somebody who is in. `since`: seconds of the epoch; `statements`: how many were passed on."""

    grant: str
    session: str
    client: str
    since: float
    statements: int


class Done(orders.Done):
    """How it went. `port` answers Begin, `sessions` answers Sessions."""

    sessions: list[Session] = Field(default_factory=list)


class Happened(orders.Happened):
    """What nobody ordered. Each is also in the recordings; `reason` is one of the codes of `refusals`.

    `session_ended` tells the recording's path (relative to the recordings) and its SHA-256, for the audit log, and how
    many statements were passed on and `refused`, told before or not.
    `grant_spent`: the relay has closed the grant, whose budget is used up.
    """

    happened: Literal["session_began", "session_ended", "login_refused", "statement_refused", "grant_spent"]
    statements: int = 0
    refused: int = 0
