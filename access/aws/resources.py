"""Which permissions a call takes, and on what: by service, from the call's own parameters.

A further service is one more entry of SERVICES; botocore's model says what its operations are.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from access.aws.refusals import denied

QUEUE_PATH: Final = re.compile(r"/(?P<account>\d{12})/(?P<name>[A-Za-z0-9_-]{1,80}(?:\.fifo)?)")
QUEUE_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,80}(?:\.fifo)?")
# What a queue may be told to do otherwise for a while. Its policy would let others in for good, and where it puts
# messages aside, and by which key it encrypts them, is declared.
QUEUE_SETTINGS: Final = frozenset(
    {"DelaySeconds", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds", "VisibilityTimeout"}
)
# A batch takes the permission of its single call.
BATCHES: Final[Mapping[str, str]] = {
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    "DeleteMessageBatch": "DeleteMessage",
    "SendMessageBatch": "SendMessage",
}


@dataclass(frozen=True)
class Need:
    """A permission, and the ARN on which it is needed; `*`: the operation names nothing."""

    action: str
    resource: str


@dataclass(frozen=True)
class Places:
    """Where a grant's calls go. `names`: what calls name its resources by, by ARN; `hosts`: those that may stand in
    such a name."""

    account: str
    region: str
    names: Mapping[str, str]
    hosts: frozenset[str]


class Service(Protocol):
    """What is to be known of a service."""

    def needs(self, operation: str, parameters: Mapping[str, Any], places: Places) -> Iterator[Need]:
        """Every permission that a call takes. Raises Refused."""

    def written(self, operation: str, parameters: dict[str, Any], places: Places) -> dict[str, Any]:
        """The parameters as they are sent on: naming exactly what was decided about."""


class Queues:
    """Amazon SQS."""

    def needs(self, operation: str, parameters: Mapping[str, Any], places: Places) -> Iterator[Need]:
        """As Service."""
        action = f"sqs:{BATCHES.get(operation, operation)}"
        named = list(_named(parameters, places))
        if not named:
            yield Need(action, "*")
        for arn in named:
            yield Need(action, arn)
        if "DestinationArn" in parameters:
            yield Need("sqs:SendMessage", str(parameters["DestinationArn"]))
        if operation == "SetQueueAttributes" and (other := parameters["Attributes"].keys() - QUEUE_SETTINGS):
            raise denied(
                f"no grant changes {', '.join(sorted(other))[:200]} of a queue: its policy and what it is declared with"
                " change with the app's release"
            )

    def written(self, operation: str, parameters: dict[str, Any], places: Places) -> dict[str, Any]:
        """As Service."""
        del operation
        if "QueueUrl" not in parameters:
            return parameters
        arn = _of_url(parameters["QueueUrl"], places)
        return {**parameters, "QueueUrl": places.names.get(arn, parameters["QueueUrl"])}


def _named(parameters: Mapping[str, Any], places: Places) -> Iterator[str]:
    """ARNs of the queues that a call is about."""
    if "QueueUrl" in parameters:
        yield _of_url(parameters["QueueUrl"], places)
    if "QueueName" in parameters:
        if not QUEUE_NAME.fullmatch(name := parameters["QueueName"]):
            raise denied("QueueName is no name of a queue")
        yield f"arn:aws:sqs:{places.region}:{parameters.get('QueueOwnerAWSAccountId', places.account)}:{name}"
    if "SourceArn" in parameters:
        yield str(parameters["SourceArn"])


def _of_url(url: str, places: Places) -> str:
    parts = urlsplit(url)
    path = QUEUE_PATH.fullmatch(parts.path)
    whole = path is not None and url == f"{parts.scheme}://{parts.netloc}{parts.path}"
    if path is None or not whole or parts.scheme not in ("http", "https") or parts.netloc not in places.hosts:
        raise denied(f"QueueUrl names no queue of account {places.account} in {places.region}")
    return f"arn:aws:sqs:{places.region}:{path['account']}:{path['name']}"


SERVICES: Final[Mapping[str, Service]] = {"sqs": Queues()}
