"""Calls as no SDK makes them: each part of a signed request can be another one, before or after it is signed."""

import json
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from aws_place import REGION, AwsPlace
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from access.grants import Given
from console.access_clients import client_of

STAMP = "%Y%m%dT%H%M%SZ"


@dataclass
class Raw:
    """Calls of a grant's holder, by the variables that they were told; about the queue at `url`."""

    told: dict[str, str]
    url: str

    def send(
        self,
        operation: str = "GetQueueAttributes",
        parameters: dict[str, Any] | None = None,
        *,
        service: str = "sqs",
        region: str = REGION,
        prefix: str = "AmazonSQS",
        ago: timedelta = timedelta(),
        body: bytes | None = None,
        path: str = "/",
        method: str = "POST",
        signed: dict[str, str] | None = None,
        unsigned: dict[str, str] | None = None,
        sent: bytes | None = None,
    ) -> tuple[int, str, str]:
        """Status, code and message of the answer. `signed`: further headers; `unsigned`: those that are added or
        changed after it is signed; `sent`: another body than the signed one."""
        content = json.dumps({"QueueUrl": self.url} if parameters is None else parameters).encode()
        content = content if body is None else body
        headers = {
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": f"{prefix}.{operation}",
            **(signed or {}),
        }
        whole = self._signed(content, headers, service, region, ago) | (unsigned or {})
        whole = {name: value for name, value in whole.items() if value}
        answer = self.exchange(method, path, whole, content if sent is None else sent)
        try:
            said = answer.json()
        except ValueError:
            return answer.status_code, "", answer.text
        return answer.status_code, str(said.get("__type", "")), str(said.get("message", ""))

    def exchange(self, method: str, path: str, headers: dict[str, str] | list[tuple[str, str]], body: bytes) -> Any:
        """One request and its answer, as they are."""
        context = ssl.create_default_context(cafile=self.told["AWS_CA_BUNDLE"])
        with httpx2.Client(verify=context, trust_env=False, timeout=30) as client:
            return client.request(method, self.told["AWS_ENDPOINT_URL"] + path, headers=headers, content=body)

    def _signed(
        self, body: bytes, headers: dict[str, str], service: str, region: str, ago: timedelta
    ) -> dict[str, str]:
        request = AWSRequest(method="POST", url=self.told["AWS_ENDPOINT_URL"] + "/", data=body, headers=headers)
        request.context["timestamp"] = (datetime.now(UTC) - ago).strftime(STAMP)
        keys = Credentials(self.told["AWS_ACCESS_KEY_ID"], self.told["AWS_SECRET_ACCESS_KEY"])
        signer = SigV4Auth(keys, service, region)
        signer._modify_request_before_signing(request)
        text = signer.string_to_sign(request, signer.canonical_request(request))
        signer._inject_signature_to_request(request, signer.signature(text, request))
        return {name.lower(): str(value) for name, value in request.headers.items()}


def raw_of(place: AwsPlace, given: Given) -> Raw:
    """Of a grant that is open."""
    grant = place.place.read(given.grant)
    return Raw(client_of(place.place.root, grant)["environment"], place.url)
