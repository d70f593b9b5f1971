"""An RDS instance is a real PostgreSQL server: reached as its outputs say, gone with its record, there after a kill."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from localcloud_door import Door, Made, boto, urn
from localcloud_rds import FIRST, INSTANCE, answers, connect, declaration, failed
from localcloud_runtime import wait_for
from pg8000.exceptions import DatabaseError, InterfaceError
from test_localcloud_durable import kill

from factory import daemons
from factory.daemons import RunFile
from factory.paths import FactoryRoot

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("confining")]
GONE = (InterfaceError, ConnectionError)


def test_a_program_reaches_its_database_by_what_pulumi_tells(made: Callable[..., Made]) -> None:
    one = made("reached")
    assert one.outputs["endpoint"] == f"{one.outputs['address']}:5432"
    with connect(one) as db:
        db.run("CREATE TABLE lines (id int PRIMARY KEY, what text)")
        db.run("INSERT INTO lines VALUES (1, 'a line')")
        assert db.run("SELECT current_user, what FROM lines") == [["clerk", "a line"]]
        (rights,) = db.run("SELECT rolsuper, rolreplication FROM pg_roles WHERE rolname = 'clerk'")
        assert rights == [False, False]
        with pytest.raises(DatabaseError, match="permission denied"):
            db.run("SELECT * FROM pg_read_file('/etc/passwd')")


def test_a_wrong_password_is_refused_and_a_changed_one_counts(made: Callable[..., Made], door: Door) -> None:
    one = made("passwords")
    with pytest.raises(DatabaseError, match="password authentication failed"):
        connect(one, "wrong")
    changed = door.update(one, declaration(password="second-password"))
    connect(changed, "second-password").close()
    with pytest.raises(DatabaseError, match="password authentication failed"):
        connect(changed, FIRST)


def test_two_instances_with_the_same_names_are_two_servers(made: Callable[..., Made]) -> None:
    one, other = made("twin-1"), made("twin-2", password="of-the-other")
    assert one.outputs["address"] != other.outputs["address"]
    with connect(one) as db:
        db.run("CREATE TABLE mine (id int)")
    with connect(other, "of-the-other") as db:
        assert db.run("SELECT count(*) FROM pg_tables WHERE tablename = 'mine'") == [[0]]
    with pytest.raises(DatabaseError, match="password authentication failed"):
        connect(other, FIRST)


def test_a_managed_password_is_in_secrets_manager(made: Callable[..., Made], aws: Any) -> None:
    one = made("managed", password=None, manageMasterUserPassword=True)
    (secret,) = one.outputs["masterUserSecrets"]
    told = json.loads(aws("secretsmanager").get_secret_value(SecretId=secret["secretArn"])["SecretString"])
    assert told["username"] == "clerk"
    connect(one, told["password"]).close()


def test_the_server_goes_with_its_record(door: Door, cloud_root: FactoryRoot) -> None:
    one = door.create(INSTANCE, "leaving", declaration())
    folder = cloud_root.postgres / str(one.outputs["resourceId"])
    assert folder.is_dir()
    door.delete(one)
    wait_for(lambda: not folder.exists())
    with pytest.raises(GONE):
        connect(one)


@pytest.mark.long
def test_rows_outlive_a_killed_daemon_and_nothing_else_is_left(
    new_root: FactoryRoot, start_daemon: Callable[..., RunFile]
) -> None:
    first = start_daemon(new_root)
    with Door(first.addresses["provider"]) as door:
        door.configure(region="eu-central-1")
        one, other = (door.create(INSTANCE, name, declaration()) for name in ("kept", "going"))
    with connect(one) as db:
        db.run("CREATE TABLE lines (what text)")
        db.run("INSERT INTO lines VALUES ('committed')")
    kill(first)
    wait_for(lambda: not answers(one))
    second = start_daemon(new_root)
    rds = boto(second, "rds")
    wait_for(lambda: {each["DBInstanceStatus"] for each in rds.describe_db_instances()["DBInstances"]} == {"available"})
    with connect(one) as db:
        assert db.run("SELECT what FROM lines") == [["committed"]]
    # Deleted in the cloud while the daemon is down is not possible; emptied, its data goes too.
    kill(second)
    (new_root.postgres / "db-UNKNOWN").mkdir()
    third = start_daemon(new_root)
    wait_for(lambda: not (new_root.postgres / "db-UNKNOWN").exists())
    daemons.call(third, "reset")
    wait_for(lambda: [path.name for path in new_root.postgres.iterdir() if path.is_dir()] == [])
    assert not answers(other)


def test_a_stopped_instance_keeps_its_data(made: Callable[..., Made], aws: Any) -> None:
    one = made("resting")
    with connect(one) as db:
        db.run("CREATE TABLE lines (what text)")
    name = one.inputs["identifier"]
    aws("rds").stop_db_instance(DBInstanceIdentifier=name)
    wait_for(lambda: not answers(one))
    aws("rds").start_db_instance(DBInstanceIdentifier=name)
    wait_for(lambda: answers(one))
    with connect(one) as db:
        assert db.run("SELECT count(*) FROM lines") == [[0]]


def test_a_port_that_is_taken_is_told_with_the_reason(made: Callable[..., Made], aws: Any) -> None:
    one = made("moving")
    with socket.create_server((one.outputs["address"], 5999)):
        aws("rds").modify_db_instance(DBInstanceIdentifier=one.inputs["identifier"], DBPortNumber=5999)
        (told,) = wait_for(lambda: failed(aws, one))
    assert f"{one.outputs['address']}:5999 cannot be opened: " in told["Message"]
    aws("rds").modify_db_instance(DBInstanceIdentifier=one.inputs["identifier"], DBPortNumber=5432)
    wait_for(lambda: answers(one))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"engine": "mysql"}, "must be one of postgres"),
        ({"skipFinalSnapshot": False}, "must be given unless skipFinalSnapshot"),
        ({"skipFinalSnapshot": False, "finalSnapshotIdentifier": "two--hyphens"}, "single hyphens"),
        ({"snapshotIdentifier": "last"}, "restores no snapshots"),
        ({"password": None}, "exactly one of password and manageMasterUserPassword"),
        ({"username": "rdsadmin"}, "RDS keeps rdsadmin for itself"),
        ({"replicateSourceDb": "x"}, "has no replicas"),
        ({"iamDatabaseAuthenticationEnabled": True}, "knows passwords only"),
    ],
)
def test_what_it_cannot_do_is_refused_by_name(door: Door, more: dict[str, Any], said: str) -> None:
    assert not door.check(INSTANCE, "fine", declaration()).failures
    (reason,) = door.check(INSTANCE, "refused", declaration(**more)).failures.values()
    assert said in reason


@pytest.mark.long
def test_a_final_snapshot_keeps_the_data_of_its_instance_until_it_is_removed(
    new_root: FactoryRoot, start_daemon: Callable[..., RunFile]
) -> None:
    first = start_daemon(new_root)
    with Door(first.addresses["provider"]) as door:
        door.configure(region="eu-central-1")
        saved, other = (
            door.create(INSTANCE, name, declaration(skipFinalSnapshot=name == "other", finalSnapshotIdentifier="last"))
            for name in ("saved", "other")
        )
        with connect(saved) as db:
            db.run("CREATE TABLE lines (what text)")
        door.delete(saved)
        door.delete(other)
    wait_for(lambda: not answers(saved))
    rds = boto(first, "rds")
    (told,) = rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    assert (told["DBSnapshotIdentifier"], told["DBInstanceIdentifier"]) == ("last", saved.inputs["identifier"])
    folders = [new_root.postgres / str(each.outputs["resourceId"]) for each in (saved, other)]
    wait_for(lambda: [folder.is_dir() for folder in folders] == [True, False])
    kill(first)
    rds = boto(start_daemon(new_root), "rds")
    # What no record keeps is removed before anything else is looked at.
    rds.delete_db_snapshot(DBSnapshotIdentifier="last")
    wait_for(lambda: not folders[0].exists())


def test_what_is_taken_back_leaves_no_snapshot(door: Door, cloud: RunFile) -> None:
    one = door.create(INSTANCE, "unseen", declaration(skipFinalSnapshot=False, finalSnapshotIdentifier="unseen-last"))
    asked = {"prefix": urn(one.type, "unseen"), "kept": []}
    assert daemons.call(cloud, "discard", json.dumps(asked).encode())["discarded"] == [urn(one.type, one.name)]
    assert boto(cloud, "rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"] == []


def test_a_service_asks_for_a_final_snapshot_or_for_none(made: Callable[..., Made], aws: Any) -> None:
    name = made("asked").inputs["identifier"]
    for wrong in ({}, {"SkipFinalSnapshot": True, "FinalDBSnapshotIdentifier": "s"}):
        with pytest.raises(ClientError, match="FinalDBSnapshotIdentifier is required unless"):
            aws("rds").delete_db_instance(DBInstanceIdentifier=name, **wrong)


def test_snapshots_are_refused_by_the_service_too(made: Callable[..., Made], aws: Any) -> None:
    one = made("unsaved")
    with pytest.raises(ClientError, match="takes no snapshots but the final one"):
        aws("rds").create_db_snapshot(DBInstanceIdentifier=one.inputs["identifier"], DBSnapshotIdentifier="s")


def test_nobody_else_reads_its_files(made: Callable[..., Made], cloud_root: FactoryRoot) -> None:
    one = made("private")
    folder: Path = cloud_root.postgres / str(one.outputs["resourceId"])
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "password").stat().st_mode & 0o777 == 0o600
