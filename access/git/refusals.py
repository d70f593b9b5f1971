"""Why something goes no further at the git door: a code for the record, and what the client is told."""

from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """The codes that recordings and events carry."""

    CREDENTIALS = "credentials"
    """No open grant has this token; a client cannot tell whether one ever had it."""
    REPOSITORY = "repository"
    """The grant is for another app's repository, or there is none."""
    REQUEST = "request"
    """Nothing that git asks."""
    SCOPE = "scope"
    """The grant is for reading."""
    BRANCH = "branch"
    """Another branch than the grant's, or something that is no branch."""
    MAIN = "main"
    DELETE = "delete"
    MISSING = "missing"
    """The branch is not there, and only the factory makes it."""
    SEVERAL = "several"
    FRAMING = "framing"
    """The commands of a push are malformed, or ask for what this door takes from nobody."""
    LIMIT = "limit"
    BUDGET = "budget"
    """The grant had too much refused, and is over."""
    RECORDING = "recording"
    UNCHECKED = "unchecked"
    """The repository has no check of what is pushed, so nothing is."""
    DECLINED = "declined"
    """Git, or the repository's check of what is pushed, refused it."""
    ENDED = "ended"
    """The grant ended in the middle of it."""
    FAILED = "failed"


# https://www.rfc-editor.org/rfc/rfc9110#section-15
STATUS: Final = {
    Reason.CREDENTIALS: 401,
    Reason.REPOSITORY: 404,
    Reason.REQUEST: 400,
    Reason.LIMIT: 413,
    Reason.RECORDING: 503,
    Reason.FAILED: 500,
}


class Refused(Exception):
    """It ends here, with `detail` for the client."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail

    @property
    def status(self) -> int:
        """Of the HTTP answer, where the request itself is refused."""
        return STATUS.get(self.reason, 403)


def malformed(detail: str) -> Refused:
    """A violation of the protocol, or a part of it that is not taken here."""
    return Refused(Reason.FRAMING, detail)
