"""As on an account: a grant's calls are signed by a session of the agent's role, and its end forbids that session.

The local cloud gives sessions and keeps the policy that forbids one; it enforces neither, so what the policy says is
decided here by `factory.iam`.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aws_place import RULE, AwsPlace, aws_place
from aws_role import EVERYTHING, ROLE, ended, may
from botocore.exceptions import ClientError
from grant_waits import wait_for

from access.grants import State
from access.providers.aws_sessions import Credentials, LocalSessions, RoleSessions, Wanted
from factory import demo_people
from factory.iam import Policies, Principal, Request, ResourceTrust, evaluate, parse
from factory.settings import LOCAL_ACCOUNT

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsPlace]:
    with aws_place(tmp_path_factory.mktemp("aws")) as made:
        made.place.rules([RULE])
        yield made


class Clock:
    """The provider's, which a test moves."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def test_a_session_is_taken_as_the_role_trusts_and_forbidden_when_it_ends(place: AwsPlace) -> None:
    taken: list[dict[str, Any]] = []
    sts = place.clients("sts")
    sts.meta.events.register("provide-client-params.sts.AssumeRole", lambda params, **_: taken.append(dict(params)))
    clock = Clock()
    place.broker.close()
    place.begin(RoleSessions(place.clients, clock))
    given = place.given()
    place.boto(given).send_message(QueueUrl=place.url, MessageBody="x")
    asked = taken[0]
    assert (asked["RoleSessionName"], asked["SourceIdentity"]) == (given.grant.provider_ref, demo_people.AUTHOR)
    assert 900 <= asked["DurationSeconds"] <= 3600
    assert str(given.grant.provider_expires_at) <= str(given.grant.hard_until)
    tags = {each["Key"]: each["Value"] for each in asked["Tags"]}
    # Attack: a session with another tag, or without its own.
    assert trusts(place, tags)
    for wrong in ({"app": "shop"}, {"environment": "production"}, {"role": "admin"}, {"task": ""}):
        assert not trusts(place, tags | wrong)
    assert not ended(place)
    place.end(given)
    ((name, document),) = ended(place).items()
    assert not may(document, f"AROAEXAMPLE:{given.grant.provider_ref}")
    assert may(document, "AROAEXAMPLE:mw_another")
    # Again, as after a kill: still one.
    place.provider.remove(place.place.read(given.grant))
    place.broker.sweep("aws")
    assert ended(place) == {name: document}
    # A second one: each is forbidden, and a quarter of an hour's share one policy.
    second = place.given()
    place.end(second)
    for document in ended(place).values():
        assert may(document, "AROAEXAMPLE:mw_another")
    assert len(ended(place)) <= 2
    for grant in (given.grant, second.grant):
        assert any(not may(document, f"AROAEXAMPLE:{grant.provider_ref}") for document in ended(place).values())
    clock.ahead = timedelta(hours=1)
    place.broker.sweep("aws")
    assert ended(place)
    clock.ahead = timedelta(hours=1, minutes=15, seconds=1)
    place.broker.sweep("aws")
    assert not ended(place)
    other = place.given()
    assert place.boto(other).get_queue_attributes(QueueUrl=place.url)
    place.end(other)


def trusts(place: AwsPlace, tags: dict[str, str]) -> bool:
    """Whether the role's trust policy lets a session with these tags be taken, with its source named."""
    document = place.clients("iam").get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
    broker = Principal.of(f"arn:aws:iam::{LOCAL_ACCOUNT}:role/broker")
    policies = Policies(
        identity=[EVERYTHING], resource=parse(document, name="trust"), resource_trust=ResourceTrust.EXPLICIT
    )
    context: dict[str, Any] = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    return all(
        evaluate(
            Request(
                principal=broker,
                action=action,
                resource=f"arn:aws:iam::{LOCAL_ACCOUNT}:role/{ROLE}",
                context={**context, "aws:TagKeys": list(tags)},
            ),
            policies,
        ).allowed
        for action in ("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")
    )


def test_people_are_let_into_nothing_of_an_account(place: AwsPlace) -> None:
    place.broker.close()
    place.begin(RoleSessions(place.clients, Clock()))
    asked = place.place.person_asks(demo_people.MAINTAINER, resource="queues.queue")
    place.look()
    refused = place.place.read(asked.grant)
    assert "no role for people" in refused.ended_reason
    assert refused.state is not State.ACTIVE
    place.look()
    place.broker.close()
    # As on the local cloud, where they are.
    place.begin()
    assert place.opened(place.place.person_asks(demo_people.MAINTAINER, resource="queues.queue"))


class Short(LocalSessions):
    """Sessions that are about to expire."""

    def __init__(self) -> None:
        self.begun = 0

    def begin(self, wanted: Wanted) -> Credentials:
        self.begun += 1
        return Credentials(wanted.account, "local", expires=time.time() + (60 if self.begun == 1 else 3600))


def test_a_session_that_is_about_to_expire_is_followed_by_another_and_no_call_is_cut(place: AwsPlace) -> None:
    place.broker.close()
    short = Short()
    place.begin(short)
    given = place.given()
    sqs = place.boto(given)
    assert short.begun == 1
    place.look()
    assert short.begun == 2
    place.look()
    assert short.begun == 2
    sqs.get_queue_attributes(QueueUrl=place.url)
    assert not place.told("session.ended", given.grant)
    place.end(given)
    with pytest.raises(ClientError):
        sqs.get_queue_attributes(QueueUrl=place.url)
    assert wait_for(lambda: place.told("session.ended", given.grant))
