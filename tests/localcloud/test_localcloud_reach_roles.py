"""What a copy asks of the cloud's API is decided by its task's role, as IAM decides, and by nothing that it says."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from localcloud_door import ACCOUNT, REGION
from localcloud_reach import APP, App, Network
from localcloud_roles import TaskRole, allow, document
from localcloud_runtime import Declared, stored_app, wait_for

from factory import daemons
from factory.paths import FactoryRoot

pytestmark = pytest.mark.engine
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
SEND = ["sqs:SendMessage"]
ANYTHING = allow(["*"], "*")


@dataclass
class World:
    """A copy with a role, one without, and ways for both to SQS and Secrets Manager."""

    cloud: Declared
    role: TaskRole
    app: App
    stranger: App
    own: str
    foreign: str
    key: str

    def send(self, queue: str) -> list[Any]:
        return list(self.app("aws", "sqs", "send_message", {"QueueUrl": queue, "MessageBody": "a line"}))

    def read(self, secret: str) -> list[Any]:
        return list(self.app("aws", "secretsmanager", "get_secret_value", {"SecretId": secret}))


def arn(queue: str) -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue.rpartition('/')[2]}"


@pytest.fixture(scope="module")
def world(runtime_root: FactoryRoot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    digest = stored_app(runtime_root, tmp_path_factory.mktemp("app") / "source", APP)
    cloud = Declared(daemons.ensure(runtime_root, "localcloud"), digest)
    try:
        network, role = Network(cloud, 61), TaskRole(cloud, "worker")
        group = network.group("app")
        network.admit(group, 443, group)
        for service in ("sqs", "secretsmanager"):
            cloud.aws("ec2").create_vpc_endpoint(
                VpcId=network.vpc,
                ServiceName=f"com.amazonaws.{REGION}.{service}",
                VpcEndpointType="Interface",
                SubnetIds=network.subnets,
                SecurityGroupIds=[group],
            )
        key = cloud.aws("kms").create_key()["KeyMetadata"]["Arn"]
        sqs = cloud.aws("sqs")
        own, foreign = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("own", "foreign"))
        apps = network.app("with", group, role=role.arn), network.app("without", group)
        yield World(cloud, role, *apps, own, foreign, key)
    finally:
        daemons.stop(runtime_root, "localcloud")
    assert "Traceback" not in (runtime_root.logs / "localcloud.log").read_text()


@pytest.fixture(autouse=True)
def permitted(world: World) -> None:
    """What the role may, before each test: one queue."""
    world.role.may(allow(["sqs:SendMessage", "sqs:ReceiveMessage"], arn(world.own)))


def test_it_may_what_its_role_allows_and_nothing_beside(world: World) -> None:
    assert world.send(world.own)[0] == 200
    code, said = world.send(world.foreign)
    assert code == 403
    assert "assumed-role/worker/" in said
    assert f"not authorized to perform sqs:SendMessage on {arn(world.foreign)}" in said
    assert world.app("aws", "sqs", "purge_queue", {"QueueUrl": world.own})[0] == 403
    assert world.app("aws", "sqs", "list_queues")[0] == 403


def test_without_a_role_it_has_no_credentials_and_no_call_is_answered(world: World) -> None:
    assert world.app("environ", "AWS_ACCESS_KEY_ID") == ACCOUNT
    assert world.stranger("environ", "AWS_ACCESS_KEY_ID") is None
    given = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "guessed"}
    code, said = world.stranger("aws", "sqs", "send_message", {"QueueUrl": world.own, "MessageBody": "a"}, **given)
    assert code == 403
    assert "names no task role" in said
    assert world.app("aws", "sqs", "send_message", {"QueueUrl": world.own, "MessageBody": "a"}, **given)[0] == 200


def test_a_role_that_tasks_may_not_take_allows_nothing(world: World) -> None:
    world.role.trust("lambda.amazonaws.com")
    code, said = world.send(world.own)
    world.role.trust("ecs-tasks.amazonaws.com")
    assert code == 403
    assert "ECS is unable to assume the role" in said
    assert world.send(world.own)[0] == 200


def test_an_explicit_deny_decides_and_a_boundary_bounds(world: World) -> None:
    world.role.may(ANYTHING)
    assert world.send(world.foreign)[0] == 200
    world.role.may(ANYTHING, {"Effect": "Deny", "Action": SEND, "Resource": arn(world.foreign)})
    assert "explicit deny" in world.send(world.foreign)[1]
    assert world.send(world.own)[0] == 200
    world.role.may(ANYTHING)
    iam = world.cloud.aws("iam")
    bound = iam.create_policy(PolicyName="bound", PolicyDocument=document(allow(SEND, arn(world.own))))
    iam.put_role_permissions_boundary(RoleName="worker", PermissionsBoundary=bound["Policy"]["Arn"])
    assert world.send(world.own)[0] == 200
    assert "permissions boundary" in world.send(world.foreign)[1]
    iam.delete_role_permissions_boundary(RoleName="worker")
    assert world.send(world.foreign)[0] == 200


def test_an_attached_policy_counts_in_its_default_version(world: World) -> None:
    iam = world.cloud.aws("iam")
    made = iam.create_policy(PolicyName="more", PolicyDocument=document(allow(SEND, arn(world.foreign))))["Policy"][
        "Arn"
    ]
    iam.attach_role_policy(RoleName="worker", PolicyArn=made)
    assert world.send(world.foreign)[0] == 200
    iam.create_policy_version(PolicyArn=made, PolicyDocument=document(allow(SEND, arn(world.own))), SetAsDefault=True)
    assert world.send(world.foreign)[0] == 403
    iam.detach_role_policy(RoleName="worker", PolicyArn=made)


def test_a_queues_own_policy_lets_the_role_in_or_keeps_it_out(world: World) -> None:
    sqs = world.cloud.aws("sqs")

    def policy(effect: str, queue: str) -> None:
        said = {"Effect": effect, "Principal": {"AWS": world.role.arn}, "Action": SEND, "Resource": arn(queue)}
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": document(said)})

    policy("Allow", world.foreign)
    assert world.send(world.foreign)[0] == 200
    policy("Deny", world.foreign)
    assert "explicit deny" in world.send(world.foreign)[1]
    sqs.set_queue_attributes(QueueUrl=world.foreign, Attributes={"Policy": ""})
    assert world.send(world.foreign)[0] == 403


def test_what_is_encrypted_needs_the_key_too(world: World) -> None:
    queue = world.cloud.aws("sqs").create_queue(QueueName="sealed", Attributes={"KmsMasterKeyId": world.key})[
        "QueueUrl"
    ]
    secret = world.cloud.aws("secretsmanager").create_secret(Name="sealed", SecretString="value", KmsKeyId=world.key)[
        "ARN"
    ]
    both = allow(["sqs:SendMessage", "secretsmanager:GetSecretValue"], arn(queue), secret)
    world.role.may(both)
    assert f"kms:GenerateDataKey on {world.key}" in world.send(queue)[1]
    assert f"kms:Decrypt on {world.key}" in world.read(secret)[1]
    through = {"StringEquals": {"kms:ViaService": f"sqs.{REGION}.amazonaws.com"}}
    world.role.may(both, allow(["kms:GenerateDataKey", "kms:Decrypt"], world.key, Condition=through))
    assert world.send(queue)[0] == 200
    # Through SQS, not through Secrets Manager.
    assert f"kms:Decrypt on {world.key}" in world.read(secret)[1]
    world.role.may(both, allow(["kms:Decrypt"], world.key))
    assert world.read(secret)[1]["SecretString"] == "value"
    # A key that leaves nothing to the account's policies.
    world.cloud.aws("kms").put_key_policy(
        KeyId=world.key,
        PolicyName="default",
        Policy=document({"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:Describe*", "Resource": "*"}),
    )
    assert f"kms:Decrypt on {world.key}" in world.read("sealed")[1]


def test_a_secret_is_the_same_by_name_and_by_arn(world: World) -> None:
    names = ("mine", "mine-too")
    made = {
        name: world.cloud.aws("secretsmanager").create_secret(Name=name, SecretString=name)["ARN"] for name in names
    }
    world.role.may(allow(["secretsmanager:GetSecretValue"], made["mine"]))
    for id in ("mine", made["mine"]):
        assert world.read(id)[1]["SecretString"] == "mine"
    for id in ("mine-too", made["mine-too"], "nobody-made-this", made["mine"].replace(ACCOUNT, "999999999999")):
        assert world.read(id)[0] == 403, id


def test_a_policy_that_cannot_be_read_allows_nothing(world: World) -> None:
    world.role.may(ANYTHING, allow(SEND, "*", Condition={"ArnLike": {"aws:SourceArn": "arn:too:short"}}))
    code, said = world.send(world.own)
    assert code == 403
    assert "cannot be decided here" in said


@pytest.mark.parametrize(
    "body",
    [
        '{"QueueUrl": "%(own)s", "QueueUrl": "%(foreign)s", "MessageBody": "x"}',
        '{"QueueUrl": ["%(foreign)s"], "MessageBody": "x"}',
        '{"QueueUrl": "%(own)s/../foreign", "MessageBody": "x"}',
        '{"QueueUrl": "https://elsewhere/999999999999/own", "MessageBody": "x"}',
        '{"QueueUrl": "%(own)s?/foreign", "MessageBody": "x"}',
        '{"queueUrl": "%(own)s", "MessageBody": "x"}',
        '["%(own)s"]',
        "QueueUrl=%(own)s",
        "",
    ],
)
def test_a_call_that_could_be_read_in_two_ways_is_refused(world: World, body: str) -> None:
    scope = f"20260101/{REGION}/sqs/aws4_request, SignedHeaders=host, Signature=" + "a" * 64
    headers = (
        "Host: 127.255.0.1:4443",
        f"Authorization: AWS4-HMAC-SHA256 Credential={ACCOUNT}/{scope}",
        "Content-Type: application/x-amz-json-1.0",
        "X-Amz-Target: AmazonSQS.SendMessage",
    )

    def sent(line: str, text: str) -> str:
        lines = [line, *headers, f"Content-Length: {len(text)}", "Connection: close", "", text]
        return str(world.app("raw", "\r\n".join(lines)))

    good = json.dumps({"QueueUrl": world.own, "MessageBody": "x"})
    assert sent("POST / HTTP/1.1", good).startswith("HTTP/1.1 200")
    told = {"own": world.own, "foreign": world.foreign}
    assert sent("POST / HTTP/1.1", body % told).startswith("HTTP/1.1 403")
    for line in ("POST /?Action=ListQueues HTTP/1.1", f"POST /{ACCOUNT}/foreign HTTP/1.1", "GET / HTTP/1.1"):
        assert sent(line, good).startswith("HTTP/1.1 403"), line
    received = world.cloud.aws("sqs").receive_message(QueueUrl=world.foreign, WaitTimeSeconds=0)
    assert all(each["Body"] == "a line" for each in received.get("Messages", []))


def test_a_role_that_changes_counts_at_the_next_call(world: World) -> None:
    world.role.may(allow(SEND, arn(world.foreign)))
    assert wait_for(lambda: world.send(world.foreign)[0] == 200)
    assert world.send(world.own)[0] == 403
