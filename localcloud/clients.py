"""The in-process door: boto3 clients whose requests never leave the process."""

import threading
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from moto.core.botocore_stubber import MockRawResponse

from localcloud.backends import Backends

# boto3 wants keys to sign with; nothing checks the signature.
NO_KEY = "local"


class Clients:
    """boto3 clients on the local cloud, one per service, account and region, safe to share between threads."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._lock = threading.Lock()
        self._made: dict[tuple[str, str, str], Any] = {}
        # One session: its loader keeps the services' models, which take most of a client's first second.
        self._session = boto3.Session(aws_access_key_id=NO_KEY, aws_secret_access_key=NO_KEY)

    def client(self, service: str, account: str, region: str) -> Any:
        """The client for `service` in `account` (twelve digits) and `region`."""
        key = (service, account, region)
        if made := self._made.get(key):
            return made
        # botocore's client factory is not thread-safe; the clients it makes are.
        with self._lock:
            if key not in self._made:
                self._made[key] = self._new(service, account, region)
            return self._made[key]

    def _new(self, service: str, account: str, region: str) -> Any:
        client = self._session.client(
            service,
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key=NO_KEY,
            config=Config(retries={"total_max_attempts": 1}),
        )
        client.meta.events.register_first("before-send", self._answer)
        return client

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        headers = {
            name.lower(): value.decode() if isinstance(value, bytes) else str(value)
            for name, value in request.headers.items()
            if name.lower() != "transfer-encoding"
        }
        reply = self._backends.execute(str(request.method), str(request.url), headers, _bytes(request.body))
        return AWSResponse(
            str(request.url), reply.status, HTTPHeaders.from_dict(reply.headers), MockRawResponse(reply.body)
        )


def _bytes(body: Any) -> bytes:
    if body is None:
        return b""
    if hasattr(body, "read"):
        body = body.read()
    return body.encode() if isinstance(body, str) else bytes(body)
