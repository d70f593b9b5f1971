"""A copy reaches the cloud's API for the services that its VPC has an endpoint for, in its own account, and no more."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from localcloud_door import ACCOUNT, REGION
from localcloud_reach import APP, App, Network
from localcloud_roles import TaskRole, allow
from localcloud_runtime import Declared, stored_app, wait_for

from factory import daemons
from factory.paths import FactoryRoot

pytestmark = pytest.mark.engine
OTHER_ACCOUNT = "999999999999"
SCOPE = "20260101/{}/{}/aws4_request, SignedHeaders=host, Signature=" + "a" * 64


@dataclass
class World:
    """An app in a VPC with an endpoint for SQS, one in the same VPC that the endpoint does not admit, and a queue."""

    network: Network
    endpoint_group: str
    app: App
    other: App
    queue: str

    @property
    def cloud(self) -> Declared:
        return self.network.cloud

    def raw(self, *lines: str, app: App | None = None, body: str = "") -> str:
        """A call of exactly these lines, as the copy's own program could write it; the answer."""
        length = f"Content-Length: {len(body)}"
        said = (app or self.app)("raw", "\r\n".join([*lines, length, "Connection: close", "", body]))
        return str(said)


def endpoint(network: Network, service: str, *groups: str) -> str:
    made = network.cloud.aws("ec2").create_vpc_endpoint(
        VpcId=network.vpc,
        ServiceName=f"com.amazonaws.{REGION}.{service}",
        VpcEndpointType="Interface",
        SubnetIds=network.subnets,
        SecurityGroupIds=list(groups),
    )
    return str(made["VpcEndpoint"]["VpcEndpointId"])


@pytest.fixture(scope="module")
def world(runtime_root: FactoryRoot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    digest = stored_app(runtime_root, tmp_path_factory.mktemp("app") / "source", APP)
    cloud = Declared(daemons.ensure(runtime_root, "localcloud"), digest)
    try:
        network = Network(cloud, 60)
        group, endpoint_group, other_group = (network.group(name) for name in ("app", "endpoint", "other"))
        network.admit(endpoint_group, 443, group)
        endpoint(network, "sqs", endpoint_group)
        queue = cloud.aws("sqs").create_queue(QueueName="work")["QueueUrl"]
        role = TaskRole(cloud, "app")
        role.may(allow(["sqs:*", "secretsmanager:*", "ec2:*", "s3:*"], "*"))
        app, other = network.app("app", group, role=role.arn), network.app("other", other_group, role=role.arn)
        made = World(network, endpoint_group, app, other, queue)
        wait_for(lambda: app("aws", "sqs", "list_queues")[0] == 200)
        yield made
    finally:
        daemons.stop(runtime_root, "localcloud")
    assert "Traceback" not in (runtime_root.logs / "localcloud.log").read_text()


def signed(service: str, key: str = ACCOUNT, region: str = REGION) -> str:
    return f"Authorization: AWS4-HMAC-SHA256 Credential={key}/{SCOPE.format(region, service)}"


def status(answer: str) -> int:
    return int(answer.split(" ", 2)[1])


SECRETS = ("POST / HTTP/1.1", "X-Amz-Target: secretsmanager.ListSecrets", "Content-Type: application/x-amz-json-1.1")
QUEUES = ("POST / HTTP/1.1", "X-Amz-Target: AmazonSQS.ListQueues", "Content-Type: application/x-amz-json-1.0")
HOST = "Host: 127.255.0.1:4443"


def test_an_sdk_in_a_copy_needs_nothing_but_its_environment(world: World) -> None:
    assert world.app("environ", "AWS_REGION") == REGION
    sent = world.app("aws", "sqs", "send_message", {"QueueUrl": world.queue, "MessageBody": "a line"})
    assert sent[0] == 200
    (url,) = world.app("aws", "sqs", "list_queues")[1]["QueueUrls"]
    assert world.app("aws", "sqs", "receive_message", {"QueueUrl": url})[1]["Messages"][0]["Body"] == "a line"


def test_a_service_without_an_endpoint_is_refused_by_name(world: World) -> None:
    code, said = world.app("aws", "secretsmanager", "list_secrets")
    assert code == 403
    assert "no endpoint for secretsmanager" in said
    assert world.app("aws", "sqs", "list_queues")[0] == 200


def test_a_service_whose_calls_are_not_decided_here_is_refused_by_name(world: World) -> None:
    for service, call in (("ec2", "describe_vpcs"), ("s3", "list_buckets")):
        made = endpoint(world.network, service, world.endpoint_group)
        code, said = world.app("aws", service, call)
        world.cloud.aws("ec2").delete_vpc_endpoints(VpcEndpointIds=[made])
        assert code == 403
        assert f"for sqs and secretsmanager only, and this one is for {service}" in said


def test_whom_the_endpoint_does_not_admit_finds_no_api(world: World) -> None:
    assert world.app("connect", "127.255.0.1", 4443) == "connected"
    assert world.other("connect", "127.255.0.1", 4443) == "ConnectionRefusedError"
    assert world.other("aws", "sqs", "list_queues") == [0, "EndpointConnectionError"]
    assert world.other("line", "127.255.0.1 4443") == ""


def test_an_endpoint_that_comes_or_goes_counts_at_the_next_call(world: World) -> None:
    world.cloud.aws("secretsmanager").create_secret(Name="told", SecretString="value")
    asked = ("aws", "secretsmanager", "get_secret_value", {"SecretId": "told"})
    assert world.app(*asked)[0] == 403
    made = endpoint(world.network, "secretsmanager", world.endpoint_group)
    assert world.app(*asked)[1]["SecretString"] == "value"
    world.cloud.aws("ec2").delete_vpc_endpoints(VpcEndpointIds=[made])
    assert world.app(*asked)[0] == 403


@pytest.mark.parametrize(
    "lines",
    [
        # Each says SQS where one reader looks, and Secrets Manager where another might.
        (*SECRETS, HOST, signed("secretsmanager")),
        (*SECRETS, f"Host: secretsmanager.{REGION}.amazonaws.com", signed("secretsmanager")),
        (*SECRETS, HOST, signed("sqs"), signed("secretsmanager")),
        (*SECRETS, HOST, signed("secretsmanager") + ", " + signed("sqs").partition(" ")[2]),
        (SECRETS[0].replace("/", "http://secretsmanager.amazonaws.com/", 1), *SECRETS[1:], HOST, signed("sts")),
        # Not signed, or not so that it says for what.
        (*SECRETS, HOST),
        (*QUEUES, HOST),
        (*QUEUES, HOST, f"Authorization: AWS {ACCOUNT}:c2lnbmF0dXJl"),
        # For somebody else.
        (*QUEUES, HOST, signed("sqs", key=OTHER_ACCOUNT)),
        (*QUEUES, HOST, signed("sqs", key="AKIAIOSFODNN7EXAMPLE")),
        (*QUEUES, HOST, signed("sqs", region="us-east-1")),
        # The daemon's and moto's own calls.
        ("POST /moto-api/reset HTTP/1.1", HOST),
        ("GET /_millwright/status HTTP/1.1", HOST),
        ("POST /_millwright/reset HTTP/1.1", HOST),
    ],
)
def test_a_call_that_is_not_for_an_endpoint_of_its_own_account_is_refused(world: World, lines: tuple[str, ...]) -> None:
    assert status(world.raw(*QUEUES, HOST, signed("sqs"), body="{}")) == 200
    answer = world.raw(*lines, body="{}")
    assert status(answer) == 403, answer
    assert "AccessDenied" in answer


@pytest.mark.parametrize(
    "hint",
    [
        f"x-moto-account-id: {OTHER_ACCOUNT}",
        f"X_Moto_Account_Id: {OTHER_ACCOUNT}",
        f"x-moto-account-id: {OTHER_ACCOUNT}\r\nx_moto_account_id: {OTHER_ACCOUNT}",
        f"Host: sqs.us-east-1.amazonaws.com\r\nX-Amz-Security-Token: {OTHER_ACCOUNT}",
    ],
)
def test_no_header_takes_a_call_to_another_account_or_region(world: World, hint: str) -> None:
    other = Declared(world.cloud.run_file, "", OTHER_ACCOUNT)
    for elsewhere in (other.aws("sqs"), Declared(world.cloud.run_file, "", region="us-east-1").aws("sqs")):
        elsewhere.create_queue(QueueName="of-somebody-else")
    answer = world.raw(*QUEUES, HOST, signed("sqs"), hint, body="{}")
    assert status(answer) == 200
    assert "work" in answer
    assert "of-somebody-else" not in answer


def test_a_body_that_is_too_large_or_never_comes_ends_only_its_own_call(world: World) -> None:
    def sent(length: int) -> Any:
        lines = [*QUEUES, HOST, signed("sqs"), f"Content-Length: {length}", "Connection: close", "", ""]
        return world.app("raw", "\r\n".join(lines) + "{}")

    assert status(sent(2)) == 200
    assert status(sent(64 * 1024 * 1024)) == 413
    assert world.app("aws", "sqs", "list_queues")[0] == 200
