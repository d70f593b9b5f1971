"""The cloud's API as a copy reaches it: only services that its VPC has an endpoint for, in its own account and region.

What service a call is for is asked of the dispatch that would answer it, not read from the call again: two readings
could differ. The copy's host name and whatever else could name another account are not passed on.
"""

import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Final

from localcloud.backends import Backends
from localcloud.exchange import Exchange
from localcloud.reply import Reply, problem
from localcloud.runtime.declared import ServiceId
from localcloud.runtime.reach import API

# Called for each request: the endpoints' services that the copy may use now.
Services = Callable[[], frozenset[str]]
HOST: Final = f"{API[0]}:{API[1]}"
SECRET: Final = "local"  # noqa: S105  a stand-in: nothing checks a signature
LARGEST_BODY: Final = 32 * 1024 * 1024
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
SIGNED: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,\s]+)/\d{8}/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9._-]+)/aws4_request"
    r",\s*SignedHeaders=[^,\s]+,\s*Signature=[0-9a-f]+"
)
# Of endpoints whose service is not the first label of its API's host.
# https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html
LABELS: Final[Mapping[str, str]] = {
    "ecr.api": "api.ecr",
    "kinesis-streams": "kinesis",
    "kinesis-firehose": "firehose",
    "dynamodb-streams": "streams.dynamodb",
}
# What the dispatch says of a service that the local AWS does not have.
UNKNOWN: Final = "None"
# It leads to the registry's images, not to its API; here to nothing.
IMAGES: Final = "ecr.dkr"
PLAIN_NAME: Final = re.compile(r"[a-z0-9-]+|x-amz-meta-.*", re.IGNORECASE)


def environment(service: ServiceId) -> dict[str, str]:
    """What an SDK in a copy needs to find the API: `AWS_ENDPOINT_URL` is the stand-in for the endpoints' own names."""
    return {
        "AWS_ENDPOINT_URL": f"http://{HOST}",
        "AWS_REGION": service.region,
        "AWS_DEFAULT_REGION": service.region,
        "AWS_ACCESS_KEY_ID": service.account,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }


class Api:
    """Serves copies, each connection in a thread of its own."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends

    def open(self, service: ServiceId, services: Services) -> socket.socket:
        """A connection for a copy of a service; what it asks for over it is answered."""
        here, there = socket.socketpair()
        work = threading.Thread(target=_serve, args=(there, self._backends, service, services), daemon=True)
        work.start()
        return here


def _serve(end: socket.socket, backends: Backends, service: ServiceId, services: Services) -> None:
    told = {"backends": backends, "owner": service, "services": staticmethod(services)}
    # The copy may go away in the middle of anything.
    with end, suppress(OSError):
        type("Call", (_Call,), told)(end, ("", 0), None)


class _Call(Exchange):
    backends: Backends
    owner: ServiceId
    services: Services
    # No option of a Unix socket.
    disable_nagle_algorithm = False
    largest_body = LARGEST_BODY

    def reply(self, body: bytes) -> Reply:
        headers = dict(_passed_on(self.call_headers()))
        call = self.command, f"http://{HOST}{self.path}", headers, body
        signed = SIGNED.fullmatch(headers.get("authorization", ""))
        if signed is None:
            return self._refused("", "a call must be signed (Signature Version 4, in the header Authorization)")
        try:
            service = self.backends.service_of(*call)
        except Exception as error:  # noqa: BLE001  the seam: what moto cannot read goes nowhere
            return self._refused("", f"the call cannot be read: {type(error).__name__}")
        if (signed["key"], signed["region"]) != (self.owner.account, self.owner.region):
            where = f"account {self.owner.account}, region {self.owner.region}"
            return self._refused(service, f"the task's credentials are for {where}, and the call is signed for others")
        if service == UNKNOWN or service not in set(self._reached()):
            name = signed["service"]
            return self._refused(service, f"the task's VPC has no endpoint for {name} that the task may use")
        return self.backends.execute(*call)

    def _reached(self) -> Iterator[str]:
        for each in self.services() - {IMAGES}:
            yield self.backends.service_at(f"{LABELS.get(each, each)}.{self.owner.region}.amazonaws.com")

    def _refused(self, service: str, reason: str) -> Reply:
        return problem(service, self.call_headers(), 403, "AccessDenied", reason)


def _passed_on(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """A call's headers without those that the backends could read as another one, or as an account."""
    for name, value in headers.items():
        if PLAIN_NAME.fullmatch(name) and name != "host" and not name.startswith("x-moto-"):
            yield name, value
