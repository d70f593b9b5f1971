"""The cloud's API as a copy reaches it: services that its VPC has an endpoint for, and calls that its role may make.

A call is read strictly and written again (`asked`), and what service it is for is asked of the dispatch that will
answer it: two readings could differ. The copy's host name and whatever else could name an account are not passed on.
"""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Final

from localcloud.backends import Backends
from localcloud.exchange import Exchange
from localcloud.reply import Reply, problem
from localcloud.runtime.asked import SIGNED, Asked, Refused, read
from localcloud.runtime.caller import Caller
from localcloud.runtime.declared import ServiceId
from localcloud.runtime.reach import API

# Called for each request: the endpoints' services that the copy may use now.
Services = Callable[[], frozenset[str]]
HOST: Final = f"{API[0]}:{API[1]}"
URL: Final = f"http://{HOST}/"
SECRET: Final = "local"  # noqa: S105  a stand-in: nothing checks a signature
LARGEST_BODY: Final = 32 * 1024 * 1024
# Of endpoints whose service is not the first label of its API's host.
# https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html
LABELS: Final[Mapping[str, str]] = {
    "ecr.api": "api.ecr",
    "kinesis-streams": "kinesis",
    "kinesis-firehose": "firehose",
    "dynamodb-streams": "streams.dynamodb",
}
# It leads to the registry's images, not to its API; here to nothing.
IMAGES: Final = "ecr.dkr"


def environment(service: ServiceId, role: str) -> dict[str, str]:
    """What an SDK in a copy needs to find the API: `AWS_ENDPOINT_URL` is the stand-in for the endpoints' own names.

    Without a task role it has no credentials, as on AWS.
    """
    found = {
        "AWS_ENDPOINT_URL": f"http://{HOST}",
        "AWS_REGION": service.region,
        "AWS_DEFAULT_REGION": service.region,
    }
    return found | ({"AWS_ACCESS_KEY_ID": service.account, "AWS_SECRET_ACCESS_KEY": SECRET} if role else {})


class Api:
    """Serves copies, each connection in a thread of its own."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends

    def open(self, caller: Caller, services: Services) -> socket.socket:
        """A connection for a copy; what it asks for over it is answered."""
        here, there = socket.socketpair()
        threading.Thread(target=_serve, args=(there, self._backends, caller, services), daemon=True).start()
        return here


def _serve(end: socket.socket, backends: Backends, caller: Caller, services: Services) -> None:
    told = {"backends": backends, "caller": caller, "services": staticmethod(services)}
    # The copy may go away in the middle of anything.
    with end, suppress(OSError):
        type("Call", (_Call,), told)(end, ("", 0), None)


class _Call(Exchange):
    backends: Backends
    caller: Caller
    services: Services
    # No option of a Unix socket.
    disable_nagle_algorithm = False
    largest_body = LARGEST_BODY

    def reply(self, body: bytes) -> Reply:
        try:
            asked = read(self.command, self.path, self.call_headers(), body)
            self._check_place(asked)
            self._check_role(asked)
        except Refused as error:
            headers = self.call_headers()
            signed = SIGNED.fullmatch(headers.get("authorization", ""))
            return problem(signed["service"] if signed else "", headers, 403, "AccessDenied", str(error))
        return self.backends.execute("POST", URL, asked.headers, asked.body, self.waiting)

    def _check_place(self, asked: Asked) -> None:
        """Raises Refused for a service that the copy has no way to, and for another account or region."""
        owner = self.caller.service
        if (asked.key, asked.region) != (owner.account, owner.region):
            where = f"account {owner.account}, region {owner.region}"
            raise Refused(f"the task's credentials are for {where}, and the call is signed for others")
        answering = self.backends.service_of("POST", URL, asked.headers, asked.body)
        if answering != asked.service or answering not in set(self._reached()):
            raise Refused(f"the task's VPC has no endpoint for {asked.service} that the task may use")

    def _check_role(self, asked: Asked) -> None:
        # Imported late: a second for moto's models, which a cloud without copies does not need.
        from localcloud.runtime import roles

        with self.backends.held():
            roles.decide(self.caller, asked)

    def _reached(self) -> Iterator[str]:
        for each in self.services() - {IMAGES}:
            yield self.backends.service_at(f"{LABELS.get(each, each)}.{self.caller.service.region}.amazonaws.com")
