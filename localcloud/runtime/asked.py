"""One call of a copy to the cloud's API, read so that it can mean one thing only: who may do what with what.

Only calls in AWS's JSON protocols whose action and resource are known here can be decided; every other one is refused
by name. What is passed on is written again from what was read, so that no second reader finds another call in it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

Json = Any
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
SIGNED: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,\s]+)/\d{8}/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9._-]+)/aws4_request"
    r",\s*SignedHeaders=[^,\s]+,\s*Signature=[0-9a-f]+"
)
JSON_TYPE: Final = re.compile(r"application/x-amz-json-1\.[01]")
PASSED_ON: Final = ("authorization", "content-type", "x-amz-date", "x-amz-target")


class Refused(Exception):
    """The call is not answered; the message says why, and is for whoever calls."""


@dataclass(frozen=True)
class Operation:
    """What a call needs: a permission, on what the parameter `names`; "" for a call that names nothing."""

    action: str
    names: str = ""


@dataclass(frozen=True)
class Asked:
    """One call, signed with a `key` for a `region`.

    `subject`: what it names, as its parameter says it; `headers` and `body` are what is passed on.
    """

    key: str
    region: str
    service: str
    action: str
    subject: str
    headers: Mapping[str, str]
    body: bytes


# Service Authorization Reference. A batch needs the permission of its single call; calls that make, change or list for
# others what is declared by components are left out on purpose: a copy is no place to declare from.
OPERATIONS: Final[Mapping[str, Mapping[str, Operation]]] = {
    "sqs": {
        "ChangeMessageVisibility": Operation("sqs:ChangeMessageVisibility", "QueueUrl"),
        "ChangeMessageVisibilityBatch": Operation("sqs:ChangeMessageVisibility", "QueueUrl"),
        "DeleteMessage": Operation("sqs:DeleteMessage", "QueueUrl"),
        "DeleteMessageBatch": Operation("sqs:DeleteMessage", "QueueUrl"),
        "GetQueueAttributes": Operation("sqs:GetQueueAttributes", "QueueUrl"),
        "GetQueueUrl": Operation("sqs:GetQueueUrl", "QueueName"),
        "ListQueues": Operation("sqs:ListQueues"),
        "PurgeQueue": Operation("sqs:PurgeQueue", "QueueUrl"),
        "ReceiveMessage": Operation("sqs:ReceiveMessage", "QueueUrl"),
        "SendMessage": Operation("sqs:SendMessage", "QueueUrl"),
        "SendMessageBatch": Operation("sqs:SendMessage", "QueueUrl"),
    },
    "secretsmanager": {
        "DescribeSecret": Operation("secretsmanager:DescribeSecret", "SecretId"),
        "GetSecretValue": Operation("secretsmanager:GetSecretValue", "SecretId"),
        "ListSecretVersionIds": Operation("secretsmanager:ListSecretVersionIds", "SecretId"),
        "ListSecrets": Operation("secretsmanager:ListSecrets"),
        "PutSecretValue": Operation("secretsmanager:PutSecretValue", "SecretId"),
    },
}
PREFIXES: Final = {"AmazonSQS": "sqs", "secretsmanager": "secretsmanager"}
DECIDED: Final = "calls of a copy are decided here for sqs and secretsmanager only"


def read(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Asked:
    """The call, by what its header X-Amz-Target says. Raises Refused."""
    signed = SIGNED.fullmatch(headers.get("authorization", ""))
    if signed is None:
        raise Refused("a call must be signed (Signature Version 4, in the header Authorization)")
    service, operation = _operation(headers.get("x-amz-target", ""), signed["service"])
    if (method, path) != ("POST", "/") or not JSON_TYPE.fullmatch(headers.get("content-type", "")):
        raise Refused(f"a call to {service} must be in its JSON protocol: POST / and nothing in the query")
    named = _parameters(body)
    subject = named.get(operation.names, "") if operation.names else ""
    if not isinstance(subject, str) or (operation.names and not subject):
        raise Refused(f"{operation.action} needs {operation.names}, a text")
    passed_on = {name: headers[name] for name in PASSED_ON if name in headers}
    written = json.dumps(named).encode()
    return Asked(signed["key"], signed["region"], service, operation.action, subject, passed_on, written)


def _operation(target: str, signed_for: str) -> tuple[str, Operation]:
    prefix, _, name = target.partition(".")
    service = PREFIXES.get(prefix)
    if service is None or service != signed_for:
        raise Refused(f"{DECIDED}, and this one is for {signed_for}")
    if name not in OPERATIONS[service]:
        raise Refused(f"{service}:{name} is no call that is decided here for copies")
    return service, OPERATIONS[service][name]


def _parameters(body: bytes) -> dict[str, Json]:
    try:
        named = json.loads(body or b"{}", object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise Refused(f"its body is not JSON that can be read in one way: {error}") from None
    if not isinstance(named, dict):
        raise Refused("its body is no JSON object")
    return named


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands there twice")
    return found
