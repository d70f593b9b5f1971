"""Why something goes no further: a code for the record, and what the client is told."""

from enum import StrEnum


class Reason(StrEnum):
    """The codes that recordings and events carry."""

    TLS = "tls"
    """The client did not ask for TLS, or could not do it."""
    VERSION = "version"
    OPTIONS = "options"
    """The start-up asked for what this relay takes from nobody: options, or a setting that is not on its list."""
    REPLICATION = "replication"
    DATABASE = "database"
    CREDENTIALS = "credentials"
    """Unknown login, wrong token or ended grant: a client cannot tell which."""
    CANCEL_KEY = "cancel_key"
    LIMIT = "limit"
    FRAMING = "framing"
    """A message that is malformed, unknown, or not of this moment."""
    STATEMENT = "statement"
    """The grant does not allow it, or nobody may."""
    FUNCTION_CALL = "function_call"
    ENCODING = "encoding"
    """The session would read SQL text otherwise than the relay does."""
    RECORDING = "recording"
    BUDGET = "budget"
    """The grant has used what it may use in sum; it ends with this."""
    UPSTREAM = "upstream"
    ENDED = "ended"
    """The grant has ended, or the relay."""
    FAILED = "failed"
    """A fault of the relay's own."""


class Refused(Exception):
    """The connection ends here, with `detail` for the client under `sqlstate`."""

    def __init__(self, reason: Reason, sqlstate: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.sqlstate, self.detail = reason, sqlstate, detail


def malformed(detail: str) -> Refused:
    """A violation of the protocol."""
    return Refused(Reason.FRAMING, "08P01", detail)


def unknown(login: str) -> Refused:
    """The one answer to everybody who may not come in, in PostgreSQL's own words."""
    return Refused(Reason.CREDENTIALS, "28P01", f'password authentication failed for user "{login}"')


def unrecorded() -> Refused:
    """Nothing happens that is not recorded."""
    return Refused(
        Reason.RECORDING, "58030", "the session cannot be recorded any more, so it ends; see the relay's log"
    )
