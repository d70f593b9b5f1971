"""The daemon: one owner, its doors, its admin calls, and many callers at once."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from botocore.exceptions import ClientError
from localcloud_door import Door, Made, boto, urn

from factory import daemons
from factory.daemons import RunFile
from factory.errors import Busy
from factory.paths import FactoryRoot

Start = Callable[[FactoryRoot], RunFile]


def admin(run_file: RunFile, method: str, call: str, token: str, body: bytes | None = None) -> tuple[int, Any]:
    request = urllib.request.Request(  # noqa: S310  a loopback address from the run file
        f"{run_file.addresses['http']}/_millwright/{call}",
        data=body,
        method=method,
        headers={"x-millwright-token": token},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  as above
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_second_owner_is_refused(new_root: FactoryRoot, start_daemon: Start) -> None:
    first = start_daemon(new_root)
    second = subprocess.run(
        [sys.executable, "-m", "localcloud.daemon", "--root", str(new_root.path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == Busy.exit_code
    assert "already runs" in second.stderr
    assert daemons.read(new_root, "localcloud") == first


def test_it_stops_quickly_and_withdraws_its_run_file(new_root: FactoryRoot, start_daemon: Start) -> None:
    run_file = start_daemon(new_root)
    process = psutil.Process(run_file.pid)
    os.kill(run_file.pid, signal.SIGTERM)
    started = time.monotonic()
    assert process.wait(timeout=10) == 0
    assert time.monotonic() - started < 5
    assert not daemons.run_file_path(new_root, "localcloud").exists()


def test_doors_listen_on_loopback_only(cloud: RunFile) -> None:
    listening = [c.laddr for c in psutil.Process(cloud.pid).net_connections() if c.status == psutil.CONN_LISTEN]
    assert len(listening) == 4
    # gRPC listens on an IPv6 socket that carries IPv4.
    assert {address.ip.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


def test_admin_calls_need_the_token(cloud: RunFile) -> None:
    assert admin(cloud, "GET", "status", "wrong")[0] == 403
    assert admin(cloud, "POST", "reset", "")[0] == 403
    code, status = admin(cloud, "GET", "status", cloud.token)
    assert (code, status["pid"], status["generation"]) == (200, cloud.pid, cloud.generation)


def asked(prefix: str, *kept: Made, told: Callable[[Made], str] = lambda made: made.outputs["arn"]) -> bytes:
    """What `discard` is asked; `told` is the ARN that the state tells of a resource."""
    return json.dumps({"prefix": prefix, "kept": [(each.type, each.id, told(each)) for each in kept]}).encode()


def discarded(cloud: RunFile, body: bytes) -> list[str]:
    code, answer = admin(cloud, "POST", "discard", cloud.token, body)
    assert code == 200, answer
    return list(answer["discarded"])


def test_what_no_state_names_is_deleted_and_nothing_else(cloud: RunFile, door: Door) -> None:
    kept = door.create("aws:ec2/vpc:Vpc", "discard-kept", {"cidrBlock": "10.0.0.0/16"})
    lost = door.create("aws:ec2/vpc:Vpc", "discard-lost", {"cidrBlock": "10.0.0.0/16"})
    prefix = urn(kept.type, "discard-")
    assert admin(cloud, "POST", "discard", "wrong", asked(prefix))[0] == 403
    assert discarded(cloud, asked("urn:pulumi:another::")) == []
    assert discarded(cloud, asked(prefix, kept)) == [urn(lost.type, lost.name)]
    assert door.read(kept) is not None
    assert door.read(lost) is None
    door.delete(kept)
    assert discarded(cloud, asked(prefix)) == []


@pytest.mark.parametrize("told", ["arn", ""], ids=["by its ARN", "by its id, the ARN being a secret"])
def test_a_thing_is_kept_under_whatever_name_a_state_has_it(cloud: RunFile, door: Door, told: str) -> None:
    kept = door.create("aws:sns/topic:Topic", "renamed-before", {})
    # The state's URN is another one since it was renamed; it is not even asked for.
    state = asked(urn(kept.type, "renamed-"), kept, told=lambda made: made.outputs["arn"] if told else "")
    assert discarded(cloud, state) == []
    assert door.read(kept) is not None
    door.delete(kept)


def test_what_was_seen_is_never_taken_back(cloud: RunFile, door: Door) -> None:
    retained = door.create("aws:sns/topic:Topic", "seen-retained", {})
    prefix = urn(retained.type, "seen-")
    assert admin(cloud, "POST", "settled", "wrong", json.dumps({"prefix": prefix}).encode())[0] == 403
    assert admin(cloud, "POST", "settled", cloud.token, json.dumps({"prefix": prefix}).encode()) == (200, {})
    # Taken out of its state on purpose, say; and what came later was seen by nobody.
    later = door.create("aws:sns/topic:Topic", "seen-later", {})
    assert discarded(cloud, asked(prefix)) == [urn(later.type, later.name)]
    assert door.read(retained) is not None
    door.delete(retained)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"prefix": "urn:", "kept": [["one"]]}', b"\xff"])
def test_a_question_that_nobody_understands_deletes_nothing(cloud: RunFile, body: bytes) -> None:
    code, answer = admin(cloud, "POST", "discard", cloud.token, body)
    assert code == 400, answer


def test_revisions_of_a_task_definition_are_told_apart(cloud: RunFile, door: Door) -> None:
    inputs = {"family": "told-apart", "containerDefinitions": json.dumps([{"name": "a", "image": "i", "memory": 64}])}
    first = door.create("aws:ecs/taskDefinition:TaskDefinition", "told-apart", inputs)
    second = door.create("aws:ecs/taskDefinition:TaskDefinition", "told-apart", inputs)
    assert first.id == second.id
    this = urn(first.type, first.name)
    # The old one of a replacement goes: the new one is still known, and here no state names it.
    assert discarded(cloud, asked(this, first)) == [this]
    assert door.read(second) is None
    assert door.read(first) is not None
    third = door.create("aws:ecs/taskDefinition:TaskDefinition", "told-apart", inputs)
    door.delete(first)
    assert discarded(cloud, asked(this)) == [this]
    assert door.read(third) is None


def test_reset_empties_every_account_and_starts_a_new_generation(new_root: FactoryRoot, start_daemon: Start) -> None:
    run_file = start_daemon(new_root)
    for _ in range(2):
        for account in ("123456789012", "111122223333"):
            boto(run_file, "s3", account).create_bucket(
                Bucket=f"b-{account}", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
            )
            boto(run_file, "iam", account).create_user(UserName="u")
        code, status = admin(run_file, "POST", "reset", run_file.token)
        again = daemons.read(new_root, "localcloud")
        assert again is not None
        assert (code, status["generation"]) == (200, again.generation)
        assert again.generation != run_file.generation
        assert boto(again, "s3").list_buckets()["Buckets"] == []
        assert boto(again, "iam", "111122223333").list_users()["Users"] == []
        run_file = again


def test_a_twelve_digit_access_key_is_the_account(aws: Any) -> None:
    ours, theirs = aws("sqs", "123456789012"), aws("sqs", "444455556666")
    ours.create_queue(QueueName="mine")
    assert "444455556666" in theirs.create_queue(QueueName="theirs")["QueueUrl"]
    assert [url.rpartition("/")[2] for url in theirs.list_queues()["QueueUrls"]] == ["theirs"]


def test_putting_an_object_does_not_wait_for_continue(aws: Any) -> None:
    s3 = aws("s3", "777788889999")
    s3.create_bucket(Bucket="speedy", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    started = time.monotonic()
    for number in range(3):
        s3.put_object(Bucket="speedy", Key=f"k{number}", Body=b"x" * 100_000)
    assert time.monotonic() - started < 2
    assert s3.get_object(Bucket="speedy", Key="k2")["Body"].read() == b"x" * 100_000
    assert s3.head_object(Bucket="speedy", Key="k2")["ContentLength"] == 100_000


def test_a_chunked_body_arrives_whole_and_the_connection_lives_on(cloud: RunFile, aws: Any) -> None:
    aws("s3", "777788889999").create_bucket(
        Bucket="chunked", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    connection = http.client.HTTPConnection(urlsplit(cloud.addresses["http"]).netloc, timeout=10)
    credential = "AWS4-HMAC-SHA256 Credential=777788889999/20260101/eu-central-1/s3/aws4_request"
    headers = {"Authorization": credential}
    connection.request("PUT", "/chunked/k", body=iter([b"one", b"two"]), headers=headers, encode_chunked=True)
    put = connection.getresponse()
    put.read()
    socket = connection.sock
    connection.request("GET", "/chunked/k", headers=headers)
    assert (put.status, connection.getresponse().read()) == (200, b"onetwo")
    assert connection.sock is socket
    connection.close()


@pytest.mark.parametrize(
    ("framing", "sent"),
    [
        (b"Content-Length: 1000", b"only a part"),
        (b"Content-Length: -1", b"anything"),
        (b"Transfer-Encoding: chunked", b"3e8\r\nonly a part"),
        (b"Transfer-Encoding: chunked", b"-1\r\nanything"),
    ],
)
def test_an_upload_that_ends_half_way_leaves_the_object_that_was_there(
    cloud: RunFile, aws: Any, framing: bytes, sent: bytes
) -> None:
    s3 = aws("s3", "777788889999")
    s3.create_bucket(Bucket="torn", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket="torn", Key="k", Body=b"whole")
    host, port = urlsplit(cloud.addresses["http"]).netloc.split(":")
    credential = b"AWS4-HMAC-SHA256 Credential=777788889999/20260101/eu-central-1/s3/aws4_request"
    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(
            b"PUT /torn/k HTTP/1.1\r\nHost: s3.amazonaws.com\r\nAuthorization: %s\r\n%s\r\n\r\n%s"
            % (credential, framing, sent)
        )
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1000).startswith(b"HTTP/1.1 400")
    assert s3.get_object(Bucket="torn", Key="k")["Body"].read() == b"whole"
    s3.delete_object(Bucket="torn", Key="k")
    s3.delete_bucket(Bucket="torn")


def test_metadata_keys_keep_their_underscores(aws: Any) -> None:
    s3 = aws("s3", "777788889999")
    s3.create_bucket(Bucket="meta", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket="meta", Key="k", Body=b"", Metadata={"with_underscore": "1", "with-dash": "2"})
    assert s3.head_object(Bucket="meta", Key="k")["Metadata"] == {"with_underscore": "1", "with-dash": "2"}


def test_what_the_local_cloud_cannot_do_is_answered_readably(aws: Any) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: aws("ec2").create_vpn_connection_route(DestinationCidrBlock="10.0.0.0/8", VpnConnectionId="vpn-1"),
        lambda: aws("iam").generate_service_last_accessed_details(Arn="arn:aws:iam::123456789012:role/r"),
        lambda: aws("kms").describe_custom_key_stores(),
    ]
    for call in calls:
        with pytest.raises(ClientError) as refused:
            call()
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
        assert "the local AWS cannot do this" in refused.value.response["Error"]["Message"]


def test_no_credential_or_profile_of_the_user_is_read(new_root: FactoryRoot, start_daemon: Start) -> None:
    profile = new_root.path / "aws-config"
    profile.write_text("[default]\nendpoint_url = http://127.0.0.1:9\nregion = nowhere\n")
    os.environ["AWS_CONFIG_FILE"] = str(profile)
    os.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"
    try:
        run_file = start_daemon(new_root)
    finally:
        del os.environ["AWS_CONFIG_FILE"], os.environ["AWS_ENDPOINT_URL"]
    with Door(run_file.addresses["provider"]) as door:
        door.configure(region="eu-west-1")
        assert door.create("aws:ec2/vpc:Vpc", "v", {"cidrBlock": "10.0.0.0/16"}).id.startswith("vpc-")


def test_many_callers_at_once_all_succeed(cloud: RunFile) -> None:
    """Four HTTP and four provider callers for five seconds on the services that read each other's state."""
    deadline = time.monotonic() + 5

    def over_http(worker: int) -> int:
        ec2, elb, iam = (boto(cloud, service, "222233334444") for service in ("ec2", "elbv2", "iam"))
        count = 0
        while time.monotonic() < deadline:
            vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
            ec2.describe_security_groups()
            elb.describe_load_balancers()
            iam.create_user(UserName=f"u-{worker}-{count}")
            ec2.delete_vpc(VpcId=vpc)
            count += 1
        return count

    def over_provider(worker: int) -> int:
        count = 0
        with Door(cloud.addresses["provider"]) as door:
            door.configure(region="eu-central-1", accessKey="222233334444")
            while time.monotonic() < deadline:
                vpc = door.create("aws:ec2/vpc:Vpc", f"v{worker}-{count}", {"cidrBlock": "10.0.0.0/16"})
                group = door.create("aws:ec2/securityGroup:SecurityGroup", f"g{worker}-{count}", {"vpcId": vpc.id})
                assert door.read(vpc) == vpc
                door.delete(group)
                door.delete(vpc)
                count += 1
        return count

    with ThreadPoolExecutor(8) as pool:
        counts = [pool.submit(over_http, n) for n in range(4)] + [pool.submit(over_provider, n) for n in range(4)]
        assert all(count.result(timeout=60) > 0 for count in counts)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "["])
def test_a_foreign_host_name_is_refused(cloud: RunFile, host: str) -> None:
    assert status_of(cloud, "/", {"Host": host}) == 421
    assert status_of(cloud, "/", {"Host": "sts.us-east-1.amazonaws.com"}) != 421
    assert status_of(cloud, "/", {}) != 421


def test_the_service_library_has_no_admin_door_of_its_own(cloud: RunFile, aws: Callable[..., Any]) -> None:
    aws("iam").create_user(UserName="kept")
    assert status_of(cloud, "/moto-api/reset", {"Host": "motoapi.amazonaws.com"}, method="POST") == 404
    # Without that name it is a path like any other, of a bucket.
    status_of(cloud, "/moto-api/reset", {}, method="POST")
    assert aws("iam").get_user(UserName="kept")["User"]["UserName"] == "kept"


def test_no_call_leaves_the_machine_or_even_the_daemon(cloud: RunFile, aws: Callable[..., Any]) -> None:
    """moto posts to the subscribers of a topic; here the listener must hear nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(1.0)
        sns = aws("sns")
        topic = sns.create_topic(Name="out")["TopicArn"]
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with contextlib.suppress(ClientError):
            sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=url)
            sns.publish(TopicArn=topic, Message="hello")
        with pytest.raises(TimeoutError):
            listener.accept()


def status_of(cloud: RunFile, path: str, headers: dict[str, str], method: str = "GET") -> int:
    connection = http.client.HTTPConnection(cloud.addresses["http"].removeprefix("http://"), timeout=10)
    try:
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.putheader("Content-Length", "0")
        connection.endheaders()
        return connection.getresponse().status
    finally:
        connection.close()
