"""What the broker tells the bastion's process: a line of JSON each; each is answered by one line, `Done`.

Between the answers the process tells what happened, as lines of `Happened`: their first key is "happened".
"""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter

from access import orders
from access.orders import Close, Line, Name, Sessions
from factory.spec import Scope

DAY_SECONDS: Final = 86_400.0


class Begin(Line):
    """The first: where recordings go, the bastion's own key, whose certificates count, and where it listens.

    `authority`: an OpenSSH public key. Port 0: any free one.
    """

    recordings: Path
    host_key: Path
    authority: str
    host: str = "127.0.0.1"
    port: int = 0


class Target(Line):
    """A host, the keys by which it is known, and as whom the bastion logs in there (a key, and its certificate)."""

    address: str
    port: int
    user: str
    host_keys: list[str] = Field(min_length=1)
    key: str = Field(repr=False)
    certificate: str


class Open(Line):
    """Let in who has a certificate for `login`, to do at `target` what `scope` says."""

    order: Literal["open"] = "open"
    grant: Name
    login: Name
    target: Target
    scope: Scope
    app: Name
    principal: str
    # Whoever ends it in time may be dead, or stopped in the middle.
    seconds: float = Field(default=DAY_SECONDS, gt=0)


class Reap(Line):
    """Begin to end what sessions of a grant left behind at its host. `Close` tells whether something may be left."""

    order: Literal["reap"] = "reap"
    grant: Name
    login: Name
    target: Target


Order = Annotated[Open | Close | Sessions | Reap, Field(discriminator="order")]
ORDER: Final[TypeAdapter[Open | Close | Sessions | Reap]] = TypeAdapter(Order)


class Session(Line):
    """Somebody who is in. `since`: seconds of the epoch; `what`: what they asked for."""

    grant: str
    session: str
    client: str
    since: float
    what: str


class Done(orders.Done):
    """How it went. `port` answers Begin, `sessions` answers Sessions.

    `left` answers Close: grants at whose hosts something may be left, because the host did not say that nothing is.
    """

    sessions: list[Session] = Field(default_factory=list)
    left: list[str] = Field(default_factory=list)


class Happened(orders.Happened):
    """What nobody ordered. `reason` is one of the codes of `refusals`.

    `what`: what was asked for; `status`: of what ran, its exit status, or the signal that ended it.
    `grant_spent`: the bastion has closed the grant, whose budget is used up.
    """

    happened: Literal["session_began", "session_ended", "login_refused", "request_refused", "grant_spent"]
    what: str = ""
    status: str = ""
