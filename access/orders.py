"""What the broker tells each process of the access plane, and what it hears: lines of JSON.

Each order is answered by one line, `Done` or one of its kind. Between the answers a process tells what happened: lines
whose first key is `happened`.
"""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

# They become names of folders and files.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
HAPPENED: Final = b'{"happened"'


class Line(BaseModel):
    """Base of all of them: no other keys than its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Close(Line):
    """End grants (for each: why): nobody gets in by them any more, and who is in is cut off.

    Answered once nothing of them is under way, all at once.
    """

    order: Literal["close"] = "close"
    grants: dict[Name, str]


class Sessions(Line):
    """Tell who is in."""

    order: Literal["sessions"] = "sessions"


class Answer(Line):
    """How an order went: "" when it is carried out, otherwise why it is not."""

    problem: str = ""


class Done(Answer):
    """The same of a process that listens: its `port` answers the first line."""

    port: int = 0


class Happened(Line):
    """What nobody ordered: told by the process, and then to the outbox. `happened` comes first in its line.

    `reason` is a code; `session_ended` tells the recording's path (relative to the recordings) and its SHA-256. `more`:
    so many were, beside those that were told one by one.
    """

    happened: str
    grant: str = ""
    session: str = ""
    client: str = ""
    reason: str = ""
    detail: str = ""
    recording: str = ""
    digest: str = ""
    more: int = 0
