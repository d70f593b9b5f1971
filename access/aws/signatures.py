"""Signature Version 4 at both ends, by botocore's own signer: what comes is checked, and what is sent on is signed."""

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any, Final

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from access.aws.asked import Asked
from access.aws.orders import Upstream
from access.aws.refusals import Reason, Refused, malformed

DATE: Final = "%Y%m%dT%H%M%SZ"
MOST_REPLAYS: Final = 100_000
NOT_EQUAL: Final = Refused(
    Reason.CREDENTIALS,
    403,
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided.",
)


def check(asked: Asked, body: bytes, secret: str) -> None:
    """That whoever sent it knows the secret, and that it is what they signed. Raises Refused."""
    told = asked.headers.get("x-amz-content-sha256")
    if told is not None and not hmac.compare_digest(told.encode(), hashlib.sha256(body).hexdigest().encode()):
        what = "unsigned and streamed bodies are not supported here" if "-" in told else "the body has another digest"
        raise malformed(f"x-amz-content-sha256: {what}")
    headers = {name: asked.headers[name] for name in asked.signed.headers}
    request: Any = AWSRequest(method="POST", url=f"https://{asked.headers['host']}/", data=body, headers=headers)
    request.context["timestamp"] = asked.headers["x-amz-date"]
    signer: Any = SigV4Auth(Credentials(asked.signed.key_id, secret), asked.signed.service, asked.signed.region)
    wanted = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    if not hmac.compare_digest(str(wanted), asked.signed.signature):
        raise Refused(NOT_EQUAL.reason, NOT_EQUAL.status, NOT_EQUAL.code, NOT_EQUAL.detail)


def check_time(asked: Asked, now: float, skew_seconds: float) -> None:
    """That it was signed about now (seconds of the epoch). Raises Refused."""
    told = asked.headers["x-amz-date"]
    try:
        at = datetime.strptime(told, DATE).replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise malformed("x-amz-date is no time such as 20260301T120000Z") from None
    if told[:8] != asked.signed.date:
        raise Refused(Reason.CREDENTIALS, 403, "SignatureDoesNotMatch", "the credential's date is not that of the call")
    if abs(now - at) > skew_seconds:
        raise Refused(Reason.TIME, 403, "RequestExpired", "the call was signed too long ago, or is of the future")


class Seen:
    """Signatures that were taken: calls alike within a second have one, and what comes later with it is a copy."""

    def __init__(self, replay_seconds: float, kept_seconds: float) -> None:
        self._replay, self._kept = replay_seconds, kept_seconds
        self._first: dict[str, float] = {}

    def check(self, signature: str, ticks: float) -> None:
        """`ticks`: seconds of a clock that only goes on. Raises Refused."""
        while self._first and (ticks - next(iter(self._first.values())) > self._kept):
            del self._first[next(iter(self._first))]
        if len(self._first) >= MOST_REPLAYS:
            raise Refused(Reason.LIMIT, 400, "ThrottlingException", "too many calls in a few minutes")
        if ticks - self._first.setdefault(signature, ticks) > self._replay:
            raise Refused(Reason.TIME, 403, "RequestExpired", "the call is a copy of one that was made before")


def signed(upstream: Upstream, service: str, headers: dict[str, str], body: bytes) -> dict[str, str]:
    """The headers of a call, with a signature of the grant's real credentials."""
    request: Any = AWSRequest(method="POST", url=f"{upstream.endpoint}/", data=body, headers=headers)
    credentials = Credentials(upstream.key_id, upstream.secret, upstream.token or None)
    SigV4Auth(credentials, service, upstream.region).add_auth(request)
    return {str(name): str(value) for name, value in request.headers.items()}
