"""Broker and AWS proxy are killed at any moment: see `random_kills`.

A mark is the digest of a message in a queue, which is what recordings tell of a message.

As on an account: each grant has a session of the agent's role, which stands until the role forbids it everything. The
local cloud gives sessions and keeps what forbids them; it enforces neither, so what that says is decided by
`factory.iam`.
"""

import hashlib
import json
import random
import threading
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_place import AwsPlace, aws_place, boto_of
from aws_role import ended, may
from botocore.exceptions import BotoCoreError, ClientError
from grant_place import GrantPlace
from random_kills import whole_story

from access.grants import Given, Grant, State, store
from console.access_clients import client_of
from factory import db
from factory.errors import MillwrightError
from factory.spec import Scope

pytestmark = pytest.mark.engine
# A session is made within one thread; boto3's own is everybody's.
OWN = threading.local()


class Calls:
    """Grants of a queue: each has a session of a role."""

    name = "aws"
    lost = (BotoCoreError, ClientError)

    def __init__(self, cloud: AwsPlace) -> None:
        self.cloud = cloud

    def told(self) -> dict[str, Any]:
        return {}

    def ask(self, place: GrantPlace) -> Given:
        return place.ask(resource="queues.queue", scope=Scope.WRITE)

    def use(self, place: GrantPlace, given: Given, mark: str) -> None:
        sqs, queue = self._client(place, place.read(given.grant)), self.cloud.url
        for count in range(random.Random(mark).randrange(1, 8)):
            sqs.send_message(QueueUrl=queue, MessageBody=f"{mark}{count}")
            batch = [{"Id": f"{each}", "MessageBody": f"{mark}{count}-{each}"} for each in range(3)]
            sqs.send_message_batch(QueueUrl=queue, Entries=batch)

    def marks(self) -> set[str]:
        sqs, found = self.cloud.clients("sqs"), set()
        while messages := sqs.receive_message(QueueUrl=self.cloud.url, MaxNumberOfMessages=10).get("Messages"):
            found |= {hashlib.sha256(each["Body"].encode()).hexdigest() for each in messages}
            gone = [{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(messages)]
            sqs.delete_message_batch(QueueUrl=self.cloud.url, Entries=gone)
        return found

    def recorded(self, place: GrantPlace) -> set[str]:
        found = set()
        for file in (place.root.recordings / "tally").rglob("*.jsonl"):
            for line in file.read_text().splitlines():
                told = json.loads(line)
                if told["kind"] == "call" and "refused" not in told:
                    said = told["parameters"]
                    found |= {
                        each["MessageBody"]["sha256"] for each in said.get("Entries", [said]) if "MessageBody" in each
                    }
        return found

    def standing(self, place: GrantPlace, held: Collection[Grant]) -> Collection[str]:
        """What is over while its session may act; and what is held while its session may not."""
        with db.transaction(place.database) as connection:
            over = store.in_states(connection, [State.ENDED])
        documents = ended(self.cloud).values()

        def acts(grant: Grant) -> bool:
            return all(may(document, f"AROAEXAMPLE:{self.cloud.provider.ref(grant)}") for document in documents)

        return [grant.id for grant in over if acts(grant)] + [grant.id for grant in held if not acts(grant)]

    def entered(self, place: GrantPlace, given: Given) -> bool:
        # A mark as well: there is always one, however few came in while the kills went on.
        sqs = self._client(place, place.read(given.grant))
        return bool(sqs.send_message(QueueUrl=self.cloud.url, MessageBody=f"last-{given.grant.id}")["MessageId"])

    def refused(self, place: GrantPlace, given: Given, door: str) -> bool:
        grant = place.read(given.grant).model_copy(update={"door": door, "state": State.ACTIVE})
        with pytest.raises(ClientError) as refused:
            self._client(place, grant).get_queue_attributes(QueueUrl=self.cloud.url)
        return bool(refused.value.response["Error"]["Code"] == "InvalidClientTokenId")

    def victims(self, place: GrantPlace) -> list[int]:
        return []

    def _client(self, place: GrantPlace, grant: Grant) -> Any:
        if not (told := client_of(place.root, grant)["environment"]):
            raise MillwrightError("it is over")
        if not hasattr(OWN, "session"):
            OWN.session = boto3.Session()
        return boto_of(told, session=OWN.session)


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[AwsPlace]:
    with aws_place(tmp_path) as made:
        yield made


@pytest.mark.parametrize(
    ("seed", "kills"),
    [pytest.param(1, 4, marks=pytest.mark.long), *(pytest.param(seed, 40, marks=pytest.mark.soak) for seed in (2, 3))],
)
def test_whoever_is_killed_whenever_no_session_is_left_and_no_call_is_unrecorded(
    cloud: AwsPlace, seed: int, kills: int
) -> None:
    whole_story(cloud.place, Calls(cloud), seed, kills)
