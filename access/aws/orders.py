"""What the broker tells the proxy's process: a line of JSON each; each is answered by one line, `Done`.

Between the answers the process tells what happened, as lines of `Happened`: their first key is "happened".
"""

from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, TypeAdapter

from access import orders
from access.orders import Close, Line, Name

DAY_SECONDS: Final = 86_400.0


class Begin(Line):
    """The first: where recordings go, what clients know the proxy by, and where it listens (port 0: any free one)."""

    recordings: Path
    certificate: Path
    key: Path
    host: str = "127.0.0.1"
    port: int = 0


class Upstream(Line):
    """The cloud's endpoint (a URL without a path), and what calls are signed with there."""

    endpoint: str = Field(pattern=r"^https?://[A-Za-z0-9.-]+(:[0-9]+)?$")
    account: str = Field(pattern=r"^[0-9]{12}$")
    region: str
    key_id: str
    secret: str = Field(repr=False)
    token: str = Field(default="", repr=False)


class Document(Line):
    """A policy document, and where it is from, for people."""

    name: str
    document: dict[str, Any]


class Rights(Line):
    """Who asks, and every document that says what they may.

    `session` is the ARN of the role's session, `issuer` that of its role; `tags` are those of the session.
    """

    session: str
    issuer: str
    tags: dict[str, str] = Field(default_factory=dict)
    identity: list[Document]
    boundary: Document | None = None
    granted: Document


class Resource(Line):
    """One resource of the grant: what the cloud calls it in calls (`name`), its tags, and its own policy if it has
    one."""

    arn: str
    name: str
    tags: dict[str, str] = Field(default_factory=dict)
    policy: Document | None = None


class Open(Line):
    """Let in who signs with `key_id` and `secret`, for calls to `service` that `rights` allow. One that is open is told
    anew by it: calls under way go on."""

    order: Literal["open"] = "open"
    grant: Name
    key_id: str = Field(pattern=r"^[A-Z0-9]{16,32}$")
    secret: str = Field(min_length=32, repr=False)
    service: str
    upstream: Upstream
    rights: Rights
    resources: list[Resource]
    app: Name
    principal: str
    # Whoever ends it in time may be dead, or stopped in the middle.
    seconds: float = Field(default=DAY_SECONDS, gt=0)


Order = Annotated[Open | Close, Field(discriminator="order")]
ORDER: Final[TypeAdapter[Open | Close]] = TypeAdapter(Order)


class Happened(orders.Happened):
    """What nobody ordered. `reason` is one of the codes of `refusals`; `session_ended` tells the recording's path
    (relative to the recordings) and its SHA-256, for the audit log."""

    happened: Literal["session_began", "session_ended", "call_refused", "grant_spent"]
    calls: int = 0
