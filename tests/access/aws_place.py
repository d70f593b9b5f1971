"""A factory with a local cloud, in which a queue and an agent's role stand as an update would record them; its broker
with the real provider, and boto3 as whoever is let in uses it."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from grant_place import GrantPlace, grant_place

from access.aws.process import AwsProxy
from access.broker import Broker
from access.grants import Given, Grant, State
from access.providers.aws import Aws, Cloud
from access.providers.aws_places import outputs_of
from access.providers.aws_sessions import LocalSessions, Sessions
from access.relays import aws_proxy
from components.aws.boundary import Place as Where
from components.aws.boundary import agent_trust, boundary
from console.access_clients import client_of
from factory import daemons, db, environments, events
from factory.cloud_access import VERSION, in_grants_only, queue_names, statements
from factory.cloud_clients import client
from factory.environments import EnvironmentRecord
from factory.outputs import AgentOutputs, AppFactoryOutputs, NetworkOutputs, QueueOutputs
from factory.settings import LOCAL_ACCOUNT
from factory.spec import Scope

REGION, STACK, OTHER = "eu-central-1", "tally-build", "shop-build-queue"
RULE = {"function": "coder", "resource": "queues.queue", "environments": ["build"], "scope": "admin", "lease": 60}
SECONDS = 30


@dataclass
class AwsPlace:
    """`url` and `aside` are the queue's and the one beside it, `other` that of another app."""

    place: GrantPlace
    url: str = ""
    aside: str = ""
    other: str = ""
    proxies: list[AwsProxy] = field(default_factory=list)

    def begin(self, sessions: Sessions | None = None) -> None:
        """The broker's process begins; with `sessions` as on an account, otherwise as on the local cloud."""
        root = self.place.root

        def endpoint() -> str:
            found = daemons.read(root, daemons.LOCAL_CLOUD)
            return found.addresses["http"] if found else ""

        outputs = partial(outputs_of, self.place.database)
        cloud = Cloud(self.clients, outputs, sessions or LocalSessions(), endpoint, sessions is None)
        self.provider = Aws(root, self._proxy, cloud)
        self.broker = Broker(self.place.desk, self.place.database, {"aws": self.provider})

    def _proxy(self) -> AwsProxy:
        self.proxies.append(aws_proxy(self.place.root, self.place.database, self.place.wall))
        return self.proxies[-1]

    def clients(self, service: str, region: str = REGION) -> Any:
        """The cloud's own, beside the proxy."""
        return client(self.place.root, self.place.settings, service, region)

    def look(self) -> None:
        self.broker.cut()
        self.broker.work()

    def given(self, scope: Scope = Scope.WRITE, **other: object) -> Given:
        self.place.log()
        given = self.place.ask(resource="queues.queue", scope=scope, **other)
        return self.opened(given)

    def opened(self, given: Given) -> Given:
        self.look()
        grant = self.place.read(given.grant)
        assert grant.state is State.ACTIVE, grant.ended_reason
        return Given(grant, given.token)

    def end(self, given: Given) -> None:
        self.place.desk.end(self.place.read(given.grant), "done", actor="ada")
        self.look()

    def boto(self, given: Given, service: str = "sqs", **other: Any) -> Any:
        """boto3 as its variables make it."""
        return boto_of({**client_of(self.place.root, self.place.read(given.grant))["environment"], **other}, service)

    def records(self, grant: Grant) -> list[dict[str, Any]]:
        """Everything that is recorded of a grant."""
        files = sorted((self.place.root.recordings / grant.app / grant.id).glob("*.jsonl"))
        return [json.loads(line) for path in files for line in path.read_text().splitlines()]

    def told(self, kind: str, grant: Grant) -> list[events.Event]:
        with self.place.database.connect() as connection:
            found = events.of_kinds(connection, [kind])
        return [each for each in found if each.properties.get("grant") == grant.id]


def boto_of(told: Mapping[str, Any], service: str = "sqs", session: Any = boto3) -> Any:
    """boto3 as these variables make it; `session`: another one than everybody's, which is not for several threads."""
    return session.client(
        service,
        endpoint_url=told["AWS_ENDPOINT_URL"],
        region_name=told["AWS_REGION"],
        aws_access_key_id=told["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=told["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=told.get("AWS_SESSION_TOKEN"),
        verify=told["AWS_CA_BUNDLE"],
        config=Config(retries={"total_max_attempts": 1}, read_timeout=SECONDS, proxies={}),
    )


def _declare(place: AwsPlace) -> None:
    """What `millwright up tally build` makes, as far as grants are concerned."""
    sqs, iam, kms = (place.clients(each) for each in ("sqs", "iam", "kms"))
    key = kms.create_key()["KeyMetadata"]["Arn"]
    tags = {"app": "tally", "environment": "build"}
    name, aside = queue_names(STACK, "queue")
    place.url, place.aside = (
        sqs.create_queue(QueueName=each, tags=tags, Attributes={"ReceiveMessageWaitTimeSeconds": "0"})["QueueUrl"]
        for each in (name, aside)
    )
    place.other = sqs.create_queue(QueueName=OTHER, tags={"app": "shop", "environment": "build"})["QueueUrl"]
    arns = [f"arn:aws:sqs:{REGION}:{LOCAL_ACCOUNT}:{each}" for each in (name, aside)]
    where = Where("tally", "build", LOCAL_ACCOUNT, REGION)
    ceiling = iam.create_policy(PolicyName=f"{STACK}-agents", PolicyDocument=boundary(where, key, arns))["Policy"]
    role = iam.create_role(
        RoleName=f"{STACK}-coder",
        AssumeRolePolicyDocument=agent_trust(where, "coder"),
        PermissionsBoundary=ceiling["Arn"],
    )["Role"]
    own = {"Version": VERSION, "Statement": in_grants_only(statements("queues", Scope.ADMIN, arns, key, REGION))}
    iam.put_role_policy(RoleName=f"{STACK}-coder", PolicyName="queues", PolicyDocument=json.dumps(own))
    outputs = AppFactoryOutputs(
        app="tally",
        environment="build",
        region=REGION,
        account=LOCAL_ACCOUNT,
        spec="sha256:0",
        network=NetworkOutputs(id="vpc", cidr="10.0.0.0/16", subnets=[]),
        key=key,
        secrets={},
        agents={"coder": AgentOutputs(role=role["Arn"], task="task")},
        queues={"queue": QueueOutputs(id=arns[0], url=place.url, put_aside=arns[1])},
    )
    row = EnvironmentRecord(
        stack=STACK,
        app="tally",
        environment="build",
        updated=environments.now(),
        actor="ada",
        version=1,
        cloud_generation=None,
        outputs=outputs,
    )
    with db.transaction(place.place.database) as connection:
        environments.record(connection, row)


@contextlib.contextmanager
def aws_place(folder: Path) -> Iterator[AwsPlace]:
    inner = grant_place(folder)
    inner.wall = datetime.now(UTC)
    inner.rules([RULE])
    place = AwsPlace(inner)
    try:
        _declare(place)
        place.begin()
        yield place
        place.broker.close()
    finally:
        daemons.stop(inner.root, daemons.LOCAL_CLOUD)
