"""Why a request goes no further: a status for the client, and a code for the record."""

from enum import StrEnum


class Reason(StrEnum):
    """The codes that recordings and events carry."""

    CREDENTIALS = "credentials"
    """No token, an unknown one, or that of a grant that has ended: a client cannot tell which."""
    PROTOCOL = "protocol"
    """It is no HTTP request, or one that two readers could read in two ways."""
    PLACE = "place"
    """It asks for something outside of the API's base URL, or for another host."""
    METHOD = "method"
    """The grant's scope does not hold the method, or nobody's does."""
    HEADER = "header"
    """It brings a credential of its own, or a header that would make another request of it."""
    LIMIT = "limit"
    RECORDING = "recording"
    UPSTREAM = "upstream"
    """The API does not answer, or not as it may."""
    ENDED = "ended"
    FAILED = "failed"
    """A fault of the relay's own."""


class Refused(Exception):
    """The request ends here. `status` is what an HTTP client is told, while it can be told anything."""

    def __init__(self, status: int, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.status, self.reason, self.detail = status, reason, detail


def unknown() -> Refused:
    """The one answer to everybody who may not come in."""
    return Refused(401, Reason.CREDENTIALS, "no open grant has this token")


def unrecorded() -> Refused:
    """Nothing happens that is not recorded."""
    return Refused(503, Reason.RECORDING, "this cannot be recorded, so it does not happen; see the relay's log")
