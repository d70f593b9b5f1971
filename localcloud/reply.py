"""An answer of the local AWS, and how it says that something is wrong so that AWS clients can read it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

# Services that answer in XML without taking forms; S3's errors have no envelope.
BARE_XML = frozenset({"s3", "s3control"})
REST_XML = frozenset({"cloudfront", "route53"})


@dataclass(frozen=True)
class Reply:
    """Status, headers and body of an HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes


def problem(service: str, request_headers: Mapping[str, str], status: int, code: str, message: str) -> Reply:
    """An AWS error in the protocol that the service's clients read."""
    error = f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
    form = "x-www-form-urlencoded" in request_headers.get("content-type", "")
    if service in BARE_XML:
        return _xml(status, error)
    if service == "ec2":
        return _xml(status, f"<Response><Errors>{error}</Errors><RequestID>local</RequestID></Response>")
    if form or service in REST_XML:
        return _xml(status, f"<ErrorResponse>{error}<RequestId>local</RequestId></ErrorResponse>")
    headers = {"content-type": "application/json", "x-amzn-errortype": code}
    return Reply(status, headers, json.dumps({"__type": code, "message": message}).encode())


def _xml(status: int, body: str) -> Reply:
    return Reply(status, {"content-type": "text/xml"}, f'<?xml version="1.0" encoding="UTF-8"?>{body}'.encode())
