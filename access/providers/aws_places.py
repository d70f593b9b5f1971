"""Where the parts of an app are in its cloud: from the environment's record, and from the cloud itself."""

import json
from typing import Any

from sqlalchemy import Engine

from access.aws.orders import Document, Resource
from access.providers import standing
from access.providers.provider import Place
from factory.outputs import AppFactoryOutputs


def outputs_of(database: Engine, place: Place) -> AppFactoryOutputs:
    """What stands in an environment. Raises InputError where the place is not in it."""
    outputs = standing.outputs_of(database, place)
    kind, _, name = place.resource.partition(".")
    if name not in getattr(outputs, kind, {}):
        raise standing.missing(place)
    return outputs


def parts_of(client: Any, kind: str, name: str, outputs: AppFactoryOutputs) -> list[Resource]:
    """What a part of the app is in the cloud; `client` is of its service. Raises botocore's errors."""
    return READ[kind](client, name, outputs)


def _queues(client: Any, name: str, outputs: AppFactoryOutputs) -> list[Resource]:
    """A queue, and the one beside it of what nobody could handle: who may look at one may look at both."""
    queue = outputs.queues[name]
    before = queue.url.rpartition("/")[0]
    urls = {queue.id: queue.url, queue.put_aside: f"{before}/{queue.put_aside.rpartition(':')[2]}"}
    return [_queue(client, arn, url) for arn, url in urls.items()]


def _queue(client: Any, arn: str, url: str) -> Resource:
    told = client.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes", {})
    policy = told.get("Policy")
    return Resource(
        arn=arn,
        name=url,
        tags=client.list_queue_tags(QueueUrl=url).get("Tags", {}),
        policy=Document(name=f"the policy of {arn}", document=json.loads(policy)) if policy else None,
    )


READ = {"queues": _queues}
