"""One HTTP request, as far as it can mean one thing only. Whatever else is in it is refused by name."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from access.aws.refusals import Reason, Refused, malformed

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
SIGNED: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[A-Z0-9]{16,32})/(?P<date>\d{8})/(?P<region>[a-z0-9-]+)"
    r"/(?P<service>[a-z0-9._-]+)/aws4_request,\s*SignedHeaders=(?P<headers>[a-z0-9;-]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)
CLAIMED: Final = re.compile(rb"Credential=([A-Z0-9]{16,32})/")
# What counts must be signed, where it is there.
ALWAYS_SIGNED: Final = frozenset({"host", "x-amz-date", "x-amz-target", "content-type"})
# Of AWS's own headers those that are read, or that change nothing.
KNOWN: Final = frozenset(
    {"x-amz-date", "x-amz-target", "x-amz-content-sha256", "x-amzn-query-mode", "x-amzn-trace-id", "x-amz-user-agent"}
)
UNSUPPORTED: Final = {
    "x-amz-security-token": "a session token: the grant's keys have none",
    "transfer-encoding": "a body in chunks",
    "content-encoding": "an encoded body (aws-chunked, gzip)",
    "x-amz-trailer": "a trailer",
    "x-amz-decoded-content-length": "an encoded body (aws-chunked)",
    "x-http-method-override": "another method than its own",
}


@dataclass(frozen=True)
class Signed:
    """What the header Authorization says: nothing of it is proved yet."""

    key_id: str
    date: str
    region: str
    service: str
    headers: tuple[str, ...]
    signature: str


@dataclass(frozen=True)
class Asked:
    """One request, its body not read yet. `headers` have lower-case names, each once."""

    headers: dict[str, str]
    signed: Signed

    @property
    def target(self) -> str:
        """Which operation, as AWS's JSON protocols say it."""
        return self.headers.get("x-amz-target", "")


def claimed(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The key that a request says it is signed with, whatever else is wrong with it; "" for none."""
    said = (CLAIMED.search(value) for name, value in headers if name.lower() == b"authorization")
    return next((found[1].decode() for found in said if found), "")


def read(
    method: str, path: bytes, query: bytes, headers: Iterable[tuple[bytes, bytes]], hosts: frozenset[str]
) -> Asked:
    """Raises Refused. `hosts` are the names (with the port) under which the proxy is reached."""
    if b"X-Amz-Signature" in query or b"x-amz-signature" in query.lower():
        raise malformed("a presigned URL: calls are signed in the header Authorization here")
    if method != "POST" or path != b"/" or query:
        raise malformed("only AWS's JSON protocols are spoken here: POST / and no query")
    found = _once(headers)
    for name, what in UNSUPPORTED.items():
        if name in found:
            raise malformed(f"{what} is not supported here ({name})")
    if foreign := [name for name in found if name.startswith("x-amz") and name not in KNOWN]:
        raise malformed(f"headers that are not supported here: {', '.join(sorted(foreign))[:200]}")
    if found.get("host", "") not in hosts:
        raise Refused(Reason.HOST, 421, "InvalidEndpoint", "the request is for another host")
    return Asked(found, _signed(found))


def _once(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers:
        key = name.decode("latin-1").lower()
        if key in found:
            # Two readers could take two values.
            raise malformed(f"the header {key[:100]} stands there twice")
        found[key] = value.decode("latin-1")
    return found


def _signed(headers: dict[str, str]) -> Signed:
    if "authorization" not in headers:
        raise Refused(
            Reason.CREDENTIALS, 403, "MissingAuthenticationToken", "a call must be signed (Signature Version 4)"
        )
    said = SIGNED.fullmatch(headers["authorization"])
    if said is None:
        raise Refused(
            Reason.CREDENTIALS, 400, "IncompleteSignature", "the header Authorization is none of Signature Version 4"
        )
    names = tuple(said["headers"].split(";"))
    must = {name for name in headers if name in ALWAYS_SIGNED or name in KNOWN - {"x-amzn-trace-id"}}
    if names != tuple(sorted(set(names))) or not must | {"host", "x-amz-date"} <= set(names) <= headers.keys():
        raise Refused(
            Reason.CREDENTIALS,
            403,
            "SignatureDoesNotMatch",
            "host, content-type and AWS's own headers must be signed, each once",
        )
    return Signed(said["key"], said["date"], said["region"], said["service"], names, said["signature"])
