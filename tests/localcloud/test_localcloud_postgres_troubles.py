"""What goes wrong with one database stays with that one, is told with its reason, and never takes its data along."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from file_locks import is_taken
from localcloud_door import Door, Made, boto
from localcloud_rds import FIRST, INSTANCE, connect, declaration, failed, status
from localcloud_runtime import wait_for
from test_localcloud_durable import kill

from factory.daemons import RunFile
from factory.paths import FactoryRoot
from localcloud.postgres import server

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("confining")]


@pytest.mark.long
def test_the_data_of_a_server_is_locked_for_as_long_as_anything_of_it_lives(
    new_root: FactoryRoot, start_daemon: Callable[..., RunFile]
) -> None:
    first = start_daemon(new_root)
    with Door(first.addresses["provider"]) as door:
        door.configure(region="eu-central-1")
        one = door.create(INSTANCE, "locked", declaration())
    lock = new_root.postgres / str(one.outputs["resourceId"]) / "lock"
    assert is_taken(lock)
    kill(first)
    wait_for(lambda: not is_taken(lock))
    rds = boto(start_daemon(new_root), "rds")
    wait_for(lambda: [each["DBInstanceStatus"] for each in rds.describe_db_instances()["DBInstances"]] == ["available"])
    assert is_taken(lock)


def test_no_second_server_works_on_data_that_is_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "ALONE_SECONDS", 0.2)
    refused = pytest.raises(server.CannotRun, match="another server still works on its data")
    with server._alone(tmp_path), refused, server._alone(tmp_path):
        pass
    with server._alone(tmp_path) as lock:
        assert os.fstat(lock).st_mode & 0o777 == 0o600


@pytest.mark.parametrize("value", ["no JSON", "{}", "[1]"])
def test_a_strange_secret_is_the_trouble_of_its_own_instance(made: Callable[..., Made], aws: Any, value: str) -> None:
    one = made("strange", password=None, manageMasterUserPassword=True)
    (secret,) = one.outputs["masterUserSecrets"]
    secrets = aws("secretsmanager")
    right = secrets.get_secret_value(SecretId=secret["secretArn"])["SecretString"]
    secrets.put_secret_value(SecretId=secret["secretArn"], SecretString=value)
    (told,) = wait_for(lambda: failed(aws, one))
    assert "the secret with its password cannot be read" in told["Message"]
    # The others come and go, and this one still takes the password it had.
    other = made("beside-a-strange-one")
    connect(other).close()
    connect(one, json.loads(right)["password"]).close()
    secrets.put_secret_value(SecretId=secret["secretArn"], SecretString=right)
    wait_for(lambda: status(aws, one) == "available")


def test_a_client_that_holds_on_keeps_neither_a_change_nor_the_end_waiting(
    door: Door, aws: Any, cloud_root: FactoryRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = door.create(INSTANCE, "held", declaration())
    client = connect(one)
    client.run("BEGIN")
    client.run("ALTER ROLE clerk PASSWORD 'of-a-client'")
    rds = aws("rds")
    rds.modify_db_instance(DBInstanceIdentifier=one.inputs["identifier"], MasterUserPassword="second-password")
    (told,) = wait_for(lambda: failed(aws, one))
    assert "lock timeout" in told["Message"]
    client.run("ROLLBACK")
    wait_for(lambda: status(aws, one) == "available")
    connect(one, "second-password").close()
    # And once more, to its end.
    client.run("BEGIN")
    client.run("ALTER ROLE clerk PASSWORD 'of-a-client'")
    rds.modify_db_instance(DBInstanceIdentifier=one.inputs["identifier"], MasterUserPassword="third-password")
    door.delete(one)
    wait_for(lambda: not (cloud_root.postgres / str(one.outputs["resourceId"])).exists())


@pytest.mark.parametrize("port", [1, 70000])
def test_a_port_that_is_none_is_refused(made: Callable[..., Made], door: Door, aws: Any, port: int) -> None:
    one = made("ports")
    with pytest.raises(ClientError, match=f"Invalid port: {port}; it is one of 1150 to 65535"):
        aws("rds").modify_db_instance(DBInstanceIdentifier=one.inputs["identifier"], DBPortNumber=port)
    with pytest.raises(ClientError, match=f"Invalid port: {port}"):
        aws("rds").create_db_instance(
            DBInstanceIdentifier="no-port",
            DBInstanceClass="db.t4g.micro",
            Engine="postgres",
            AllocatedStorage=20,
            MasterUsername="clerk",
            MasterUserPassword=FIRST,
            Port=port,
        )
    assert status(aws, one) == "available"


def test_available_means_that_what_was_asked_last_is_so(made: Callable[..., Made], aws: Any) -> None:
    one = made("asked-often")
    for number in range(6):
        password = f"password-number-{number}"
        aws("rds").modify_db_instance(
            DBInstanceIdentifier=one.inputs["identifier"], MasterUserPassword=f"passed-over-{number}"
        )
        aws("rds").modify_db_instance(DBInstanceIdentifier=one.inputs["identifier"], MasterUserPassword=password)
        wait_for(lambda: status(aws, one) == "available")
        connect(one, password).close()


def test_an_instance_that_is_started_again_is_available_when_it_answers(made: Callable[..., Made], aws: Any) -> None:
    one = made("started")
    name = one.inputs["identifier"]
    aws("rds").stop_db_instance(DBInstanceIdentifier=name)
    answered = aws("rds").start_db_instance(DBInstanceIdentifier=name)["DBInstance"]["DBInstanceStatus"]
    assert answered == "starting"
    wait_for(lambda: status(aws, one) == "available")
    connect(one).close()
