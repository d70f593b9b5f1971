"""Why a call goes no further: a code for the record, and what the client is told, in AWS's own words."""

from enum import StrEnum


class Reason(StrEnum):
    """The codes that recordings and events carry."""

    REQUEST = "request"
    """Malformed, or of a form that is not supported here: queries, chunks, presigned URLs."""
    HOST = "host"
    """Not for this proxy, or for another region or service than the grant's."""
    CREDENTIALS = "credentials"
    """Unsigned, unknown, wrongly signed or ended: a client cannot tell the last three apart by the key."""
    TIME = "time"
    """The call's own time is too far away, or it is a copy of an earlier one."""
    OPERATION = "operation"
    """No such operation, or its parameters are not those of the service's model."""
    POLICY = "policy"
    """The role's documents or the grant's do not allow it."""
    LIMIT = "limit"
    RECORDING = "recording"
    UPSTREAM = "upstream"
    ENDED = "ended"
    """The grant has ended, or the proxy."""
    FAILED = "failed"
    """A fault of the proxy's own."""


class Refused(Exception):
    """The call ends here: `status` and `code` are AWS's, `detail` is for the client."""

    def __init__(self, reason: Reason, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.status, self.code, self.detail = reason, status, code, detail


def malformed(detail: str) -> Refused:
    """Not a request that is read here."""
    return Refused(Reason.REQUEST, 400, "InvalidRequest", detail)


def unknown() -> Refused:
    """The one answer to every key that lets nobody in."""
    return Refused(
        Reason.CREDENTIALS, 403, "InvalidClientTokenId", "The security token included in the request is invalid."
    )


def denied(detail: str, reason: Reason = Reason.POLICY) -> Refused:
    """It may not be done."""
    return Refused(reason, 403, "AccessDenied", detail)


def ended(why: str) -> Refused:
    """The grant ends while the call is under way."""
    return Refused(Reason.ENDED, 403, "ExpiredToken", f"the grant has ended: {why}")


def unrecorded() -> Refused:
    """Nothing happens that is not recorded."""
    return denied("the call cannot be recorded, so it is not made; see the proxy's log", Reason.RECORDING)
