"""Why something goes no further: a code for the record, and what is told with it."""

from enum import StrEnum


class Reason(StrEnum):
    """The codes that recordings and events carry."""

    KEY = "key"
    """A key without a certificate, or a certificate without its key."""
    CERTIFICATE = "certificate"
    """What cannot be read as a certificate: malformed, signed by a certificate, of a kind that nobody knows."""
    HOST_CERTIFICATE = "host_certificate"
    AUTHORITY = "authority"
    """Signed by somebody else."""
    OPTION = "option"
    """The certificate says something that none of ours says: a critical option, or leave to forward."""
    PRINCIPAL = "principal"
    """Not for exactly the one name that is asked for."""
    EXPIRED = "expired"
    """Its time is over, or has not begun."""
    LOGIN = "login"
    """The name is of no grant that is open."""
    LIMIT = "limit"
    FORWARD = "forward"
    """A port, a socket or a tunnel, in either direction."""
    AGENT = "agent"
    X11 = "x11"
    ENVIRONMENT = "environment"
    SUBSYSTEM = "subsystem"
    REQUEST = "request"
    """What this bastion does for nobody, by a name of its own."""
    SCOPE = "scope"
    """The grant does not allow it."""
    BUDGET = "budget"
    """The grant has had as much as one grant has."""
    RECORDING = "recording"
    HOST_KEY = "host_key"
    """The host is another one than app.yaml says."""
    UPSTREAM = "upstream"
    """The host does not let the bastion in, or has gone."""
    KEEPER = "keeper"
    """What ends the session at the host does not run any more."""
    ENDED = "ended"
    """The grant has ended, or the bastion."""
    LEFT = "left"
    """Nobody refused anything: the client went."""
    FAILED = "failed"
    """A fault of the bastion's own."""


class Refused(Exception):
    """It goes no further, with `detail` for the record, and for whoever may know."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


def unrecorded() -> Refused:
    """Nothing happens that is not recorded."""
    return Refused(Reason.RECORDING, "the session cannot be recorded any more, so it ends; see the bastion's log")
