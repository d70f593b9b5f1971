"""The end of a grant ends its calls, also one under way; what a scope, a token or a rule does not hold is refused."""

import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from aws_place import RULE, AwsPlace, aws_place
from botocore.exceptions import BotoCoreError, ClientError
from grant_waits import wait_for

from access.grants import Given, State
from access.recordings import Held, recorded
from factory import demo_people, events
from factory.errors import AccessDenied
from factory.spec import Environment, Function, Scope

pytestmark = pytest.mark.engine
DEAD = (ClientError, BotoCoreError)


@pytest.fixture(scope="module")
def only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsPlace]:
    with aws_place(tmp_path_factory.mktemp("aws")) as made:
        yield made


@pytest.fixture
def place(only: AwsPlace) -> Iterator[AwsPlace]:
    yield only
    only.place.rules([RULE])
    with only.place.database.begin() as connection:
        connection.exec_driver_sql("UPDATE access_grant SET state = 'ended'")
    only.broker.close()
    only.place.wall = datetime.now(UTC)
    only.begin()


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def works(place: AwsPlace, given: Given) -> bool:
    return bool(place.boto(given).get_queue_attributes(QueueUrl=place.url)["ResponseMetadata"])


def test_the_end_comes_in_the_middle_of_a_call(place: AwsPlace) -> None:
    given, ended = place.given(), []
    sqs = place.boto(given)

    def wait() -> None:
        try:
            sqs.receive_message(QueueUrl=place.url, WaitTimeSeconds=20)
        except ClientError as error:
            ended.append(error)

    other = place.given()
    waiting = threading.Thread(target=wait)
    waiting.start()
    wait_for(lambda: [each for each in place.records(given.grant) if each["kind"] == "call"])
    place.place.desk.end(given.grant, "enough", actor="ada")
    place.broker.cut()
    # Not before: nothing else would end it.
    assert place.records(given.grant)[-1]["kind"] == "session_end"
    waiting.join(20)
    assert [each.response["Error"]["Code"] for each in ended] == ["ExpiredToken"]
    outcome = next(each for each in place.records(given.grant) if each["kind"] == "outcome")
    assert outcome["error"] == "cut off"
    with pytest.raises(ClientError) as refused:
        sqs.get_queue_attributes(QueueUrl=place.url)
    assert code(refused) == "InvalidClientTokenId"
    assert works(place, other)
    told = wait_for(lambda: place.told("call.refused", given.grant)[1:])
    assert told[0].properties["reason"] == "credentials"


def test_the_end_of_its_task_ends_it(place: AwsPlace) -> None:
    given = place.given()
    sqs = place.boto(given)
    sqs.get_queue_attributes(QueueUrl=place.url)
    with place.place.database.begin() as connection:
        told = {"app": "tally", "change": "sums", "task": given.grant.task}
        events.append(connection, events.new_event("task.ended", actor="worker", **told))
    place.look()
    with pytest.raises(ClientError) as refused:
        sqs.get_queue_attributes(QueueUrl=place.url)
    assert code(refused) == "InvalidClientTokenId"
    assert "task has ended" in place.place.read(given.grant).ended_reason
    place.place.logged("call.refused", reason="credentials", grant=given.grant.id)
    with place.place.database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM factory_event WHERE kind = 'task.ended'")


def test_a_call_that_cannot_be_recorded_is_not_made(place: AwsPlace) -> None:
    given = place.given()
    sqs = place.boto(given)
    sqs.send_message(QueueUrl=place.url, MessageBody="one")
    shutil.rmtree(place.place.root.recordings / "tally" / given.grant.id)
    with pytest.raises(ClientError, match="cannot be recorded") as refused:
        sqs.send_message(QueueUrl=place.url, MessageBody="two")
    assert code(refused) == "AccessDenied"
    held = place.clients("sqs").get_queue_attributes(QueueUrl=place.url, AttributeNames=["ApproximateNumberOfMessages"])
    assert held["Attributes"]["ApproximateNumberOfMessages"] == "1"
    assert wait_for(lambda: place.told("call.refused", given.grant))[0].properties["reason"] == "recording"


@pytest.mark.parametrize(
    ("scope", "may", "may_not"),
    [
        (Scope.READ, ["receive_message"], ["send_message", "purge_queue"]),
        (Scope.WRITE, ["receive_message", "send_message"], ["purge_queue"]),
        (Scope.ADMIN, ["receive_message", "send_message", "purge_queue"], ["delete_queue", "tag_queue"]),
    ],
)
def test_a_scope_holds_its_own_calls_and_those_of_narrower_ones(
    place: AwsPlace, scope: Scope, may: list[str], may_not: list[str]
) -> None:
    given = place.given(scope)
    sqs = place.boto(given)
    more = {"send_message": {"MessageBody": "x"}, "tag_queue": {"Tags": {"app": "shop"}}}
    for name in may:
        getattr(sqs, name)(QueueUrl=place.url, **more.get(name, {}))
        # The queue of what was put aside is a part of it.
        getattr(sqs, name)(QueueUrl=place.aside, **more.get(name, {}))
    for name in may_not:
        with pytest.raises(ClientError) as refused:
            getattr(sqs, name)(QueueUrl=place.url, **more.get(name, {}))
        assert code(refused) == "AccessDenied"
    told = wait_for(lambda: place.told("call.refused", given.grant)[len(may_not) - 1 :])
    assert told[0].properties["reason"] == "policy"


def test_neither_another_grants_secret_nor_another_service_lets_anybody_in(place: AwsPlace) -> None:
    one, two = place.given(), place.given()
    wrong = place.boto(one)._request_signer._credentials.access_key
    with pytest.raises(ClientError) as refused:
        place.boto(two, AWS_ACCESS_KEY_ID=wrong).receive_message(QueueUrl=place.url)
    assert code(refused) == "SignatureDoesNotMatch"
    for service, call in (("sts", "get_caller_identity"), ("iam", "list_users"), ("secretsmanager", "list_secrets")):
        with pytest.raises(ClientError) as refused:
            getattr(place.boto(one, service), call)()
        assert code(refused) in ("AccessDenied", "InvalidRequest")
    assert works(place, one)
    assert works(place, two)
    reasons = {each.properties["reason"] for each in wait_for(lambda: place.told("call.refused", one.grant)[3:])}
    assert reasons <= {"credentials", "host", "request"}


def test_no_more_than_the_rule_says_is_given(place: AwsPlace) -> None:
    place.place.rules([{**RULE, "scope": "write", "lease": 15}])
    for wider in ({"scope": Scope.ADMIN}, {"minutes": 16}, {"tags": {"role": "admin"}}):
        with pytest.raises(AccessDenied):
            place.given(**{"scope": Scope.WRITE, **wider})
    foreign = {"app": "shop", "principal": "agent:tally/coder/tally.sums.coder.1"}
    with pytest.raises(Exception, match="shop"):
        place.given(**foreign)
    assert works(place, place.given(Scope.WRITE, minutes=15))
    with place.place.database.connect() as connection:
        denied = connection.exec_driver_sql("SELECT count(*) FROM factory_event WHERE kind = 'grant.denied'").scalar()
    assert denied == 3


def test_what_the_role_itself_may_not_no_grant_gives(place: AwsPlace) -> None:
    given = place.given()
    assert works(place, given)
    place.end(given)
    iam = place.clients("iam")
    written = iam.get_role_policy(RoleName="tally-build-coder", PolicyName="queues")["PolicyDocument"]
    iam.delete_role_policy(RoleName="tally-build-coder", PolicyName="queues")
    try:
        again = place.given()
        with pytest.raises(ClientError, match="identity policy") as refused:
            works(place, again)
        assert code(refused) == "AccessDenied"
    finally:
        iam.put_role_policy(RoleName="tally-build-coder", PolicyName="queues", PolicyDocument=json.dumps(written))


def test_a_queue_that_is_anothers_by_its_tag_is_refused_by_the_boundary(place: AwsPlace) -> None:
    sqs = place.clients("sqs")
    sqs.tag_queue(QueueUrl=place.url, Tags={"app": "shop"})
    try:
        given = place.given()
        with pytest.raises(ClientError, match="OtherApps") as refused:
            works(place, given)
        assert code(refused) == "AccessDenied"
    finally:
        sqs.tag_queue(QueueUrl=place.url, Tags={"app": "tally"})
    assert works(place, place.given())


def test_a_person_is_let_in_by_their_signature_and_no_agent_where_it_has_no_role(place: AwsPlace) -> None:
    asked = place.place.person_asks(demo_people.MAINTAINER, resource="queues.queue", scope=Scope.WRITE)
    given = place.opened(asked)
    place.boto(given).send_message(QueueUrl=place.url, MessageBody="x")
    with pytest.raises(ClientError) as refused:
        place.boto(given).purge_queue(QueueUrl=place.url)
    assert code(refused) == "AccessDenied"
    assert place.records(given.grant)[0]["principal"] == demo_people.MAINTAINER
    place.place.rules([{**RULE, "function": "code-reviewer"}])
    other = "agent:tally/code-reviewer/tally.sums.code-reviewer.1"
    nobody = place.place.ask(
        resource="queues.queue", principal=other, function=Function.CODE_REVIEWER, environment=Environment.BUILD
    )
    place.look()
    grant = place.place.read(nobody.grant)
    assert (grant.state, "has no role in build" in grant.ended_reason) == (State.REVOKING, True)


def test_a_proxy_that_is_killed_is_followed_by_another_and_a_broker_by_a_broker(place: AwsPlace) -> None:
    given = place.given()
    assert works(place, given)
    os.kill(place.proxies[-1].pid, signal.SIGKILL)
    wait_for(lambda: not place.proxies[-1].alive())
    with pytest.raises(DEAD):
        works(place, given)
    place.look()
    assert works(place, given)
    place.broker.close()
    with pytest.raises(DEAD):
        works(place, given)
    place.begin()
    place.look()
    assert works(place, given)
    place.end(given)
    wait_for(lambda: len(place.told("session.ended", given.grant)) == 2)
    with place.place.database.connect() as connection:
        found = recorded(place.place.root, connection, given.grant)
    # Of the one that was killed nothing is told.
    assert sorted(each.held for each in found) == [Held.OPEN, Held.WHOLE, Held.WHOLE]
    assert all(said.text.startswith("sqs:GetQueueAttributes arn:") for each in found for said in each.said)


def test_a_broker_that_is_stopped_past_its_end_keeps_nobody_in(place: AwsPlace) -> None:
    # Nobody looks any more: the proxy's own clock is the bound.
    place.place.wall -= timedelta(minutes=60) - timedelta(seconds=8)
    given = place.given()
    sqs = place.boto(given)
    sqs.get_queue_attributes(QueueUrl=place.url)
    wait_for(lambda: place.told("session.ended", given.grant))
    with pytest.raises(ClientError) as refused:
        sqs.get_queue_attributes(QueueUrl=place.url)
    assert code(refused) == "InvalidClientTokenId"
    assert works(place, place_again(place))


def place_again(place: AwsPlace) -> Given:
    place.place.wall = datetime.now(UTC)
    return place.given()
