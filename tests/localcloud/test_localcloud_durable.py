"""What was answered outlives the daemon, however it ends; what was not answered is there whole or not at all."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError
from localcloud_cases import CASES
from localcloud_door import Door, Made, boto, urn
from localcloud_process import in_a_process
from localcloud_runtime import wait_for
from localcloud_world import World, can_confine

from factory import daemons
from factory.daemons import RunFile
from factory.errors import CloudUnavailable
from factory.paths import FactoryRoot

Start = Callable[[FactoryRoot], RunFile]
# What runs ends with the daemon, and is started again.
RESTARTED = {"aws:ecs/service:Service"}


def kill(run_file: RunFile) -> None:
    process = psutil.Process(run_file.pid)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=10)


def ask(run_file: RunFile, call: str) -> Any:
    return daemons.call(run_file, call)


def state_folder(root: FactoryRoot) -> Path:
    return root.local_cloud / json.loads((root.local_cloud / "state.json").read_text())["generation"]


def newest_log(root: FactoryRoot) -> Path:
    return max(path for path in state_folder(root).glob("log-*") if path.suffix != ".gz")


@pytest.mark.parametrize(
    "snapshot",
    [pytest.param(False, id="from the log"), pytest.param(True, id="from a snapshot", marks=pytest.mark.long)],
)
def test_one_thing_of_each_type_outlives_the_daemon(new_root: FactoryRoot, start_daemon: Start, snapshot: bool) -> None:
    first = start_daemon(new_root)
    with Door(first.addresses["provider"]) as door:
        door.configure(region="eu-central-1")
        world = World(door)
        cases = [case for case in CASES if not case.confined or can_confine()]
        made = [door.create(case.type, f"kept-{n}", case.declare(world)) for n, case in enumerate(cases)]
        # As they are when all are there: making one may have changed another.
        before = [door.read(each) for each in made]
    if snapshot:
        assert ask(first, "snapshot")["calls_since_snapshot"] == 0
    kill(first)
    second = start_daemon(new_root)
    state = ask(second, "status")["state"]
    assert (state["replayed"] == 0) is snapshot
    assert state["differing"] == []
    assert second.generation == first.generation
    rds = boto(second, "rds", region="eu-central-1")
    # Their servers start again; until one answers its instance is told as not available yet.
    wait_for(lambda: {each["DBInstanceStatus"] for each in rds.describe_db_instances()["DBInstances"]} <= {"available"})
    with Door(second.addresses["provider"]) as door:
        door.configure(region="eu-central-1")
        for was in before:
            assert was is not None
            now = door.read(was)
            assert now is not None, was.type
            if was.type not in RESTARTED:
                assert (now.id, now.inputs, now.outputs) == (was.id, was.inputs, was.outputs), was.type
        for each in reversed(made):
            door.delete(each)


@pytest.mark.long
def test_accounts_regions_and_bytes_outlive_it(new_root: FactoryRoot, start_daemon: Start) -> None:
    first = start_daemon(new_root)
    accounts, regions = ("123456789012", "111122223333"), ("eu-west-1", "us-east-1")
    places = [(account, region) for account in accounts for region in regions]
    vpcs = {place: boto(first, "ec2", *place).create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"] for place in places}
    s3 = boto(first, "s3", region="us-east-1")
    s3.create_bucket(Bucket="kept")
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    versions = [
        s3.put_object(Bucket="kept", Key="k", Body=bytes([number]) * 200_000)["VersionId"] for number in range(3)
    ]
    key = boto(first, "ec2").create_key_pair(KeyName="pair")["KeyFingerprint"]
    for again in range(2):
        if again:
            ask(first, "snapshot")
        kill(first)
        first = start_daemon(new_root)
        for place, vpc in vpcs.items():
            there = boto(first, "ec2", *place).describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.0.0.0/16"]}])
            assert [each["VpcId"] for each in there["Vpcs"]] == [vpc]
        for number, version in enumerate(versions):
            body = boto(first, "s3").get_object(Bucket="kept", Key="k", VersionId=version)["Body"].read()
            assert body == bytes([number]) * 200_000
        assert boto(first, "ec2").describe_key_pairs()["KeyPairs"][0]["KeyFingerprint"] == key


def test_a_torn_last_record_is_cut_off(new_root: FactoryRoot, start_daemon: Start) -> None:
    iam = boto(start_daemon(new_root), "iam")
    for name in ("first", "second"):
        iam.create_user(UserName=name)
    run_file = daemons.read(new_root, "localcloud")
    assert run_file
    kill(run_file)
    log = newest_log(new_root)
    os.truncate(log, log.stat().st_size - 3)
    again = boto(start_daemon(new_root), "iam")
    assert [user["UserName"] for user in again.list_users()["Users"]] == ["first"]
    # And the log goes on after the cut.
    again.create_user(UserName="third")
    daemons.stop(new_root, "localcloud")
    last = boto(start_daemon(new_root), "iam")
    assert [user["UserName"] for user in last.list_users()["Users"]] == ["first", "third"]


@pytest.mark.parametrize("where", ["length", pytest.param("content", marks=pytest.mark.long)])
def test_a_damaged_record_is_refused_and_nothing_is_changed(
    new_root: FactoryRoot, start_daemon: Start, where: str
) -> None:
    iam = boto(start_daemon(new_root), "iam")
    for number in range(3):
        iam.create_user(UserName=f"u{number}")
    daemons.stop(new_root, "localcloud")
    log = newest_log(new_root)
    data = bytearray(log.read_bytes())
    data[1 if where == "length" else 100] ^= 0xFF
    log.write_bytes(data)
    with pytest.raises(CloudUnavailable, match=r"log-0{11}1: the record at byte 0 is damaged") as refused:
        start_daemon(new_root)
    assert "millwright cloud reset" in str(refused.value)
    assert log.read_bytes() == data
    # The file put right, everything is there.
    data[1 if where == "length" else 100] ^= 0xFF
    log.write_bytes(data)
    assert len(boto(start_daemon(new_root), "iam").list_users()["Users"]) == 3


def test_a_damaged_snapshot_is_passed_over(new_root: FactoryRoot, start_daemon: Start) -> None:
    run_file = start_daemon(new_root)
    boto(run_file, "iam").create_user(UserName="before")
    ask(run_file, "snapshot")
    boto(run_file, "iam").create_user(UserName="after")
    kill(run_file)
    (snapshot,) = state_folder(new_root).glob("snapshot-*")
    data = bytearray(snapshot.read_bytes())
    data[len(data) // 2] ^= 0xFF
    snapshot.write_bytes(data)
    again = start_daemon(new_root)
    assert ask(again, "status")["state"]["replayed"] == 2
    assert {user["UserName"] for user in boto(again, "iam").list_users()["Users"]} == {"before", "after"}


@pytest.mark.long
def test_other_versions_keep_the_state_or_say_that_they_cannot(new_root: FactoryRoot, start_daemon: Start) -> None:
    run_file = start_daemon(new_root)
    vpc = boto(run_file, "ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ask(run_file, "snapshot")
    daemons.stop(new_root, "localcloud")
    identity = new_root.local_cloud / "state.json"
    now = json.loads(identity.read_text())
    identity.write_text(json.dumps(now | {"versions": now["versions"] | {"moto": "5.0.0"}}))
    # As if an older version had written it: the whole log is done again, and everything is the same.
    again = start_daemon(new_root)
    assert ask(again, "status")["state"]["replayed"] == 1
    assert vpc in [each["VpcId"] for each in boto(again, "ec2").describe_vpcs()["Vpcs"]]
    assert json.loads(identity.read_text()) == now
    daemons.stop(new_root, "localcloud")
    # As if other versions drew other ids.
    other = now | {"versions": now["versions"] | {"moto": "5.0.0"}, "salt": "another"}
    identity.write_text(json.dumps(other))
    before = {path: path.read_bytes() for path in new_root.local_cloud.rglob("*") if path.is_file()}
    with pytest.raises(CloudUnavailable, match=r"moto 5\.0\.0 -> .*1 of 1 calls answer differently.*CreateVpc"):
        start_daemon(new_root)
    assert {path: path.read_bytes() for path in new_root.local_cloud.rglob("*") if path.is_file()} == before
    identity.write_text(json.dumps(now))
    assert vpc in [each["VpcId"] for each in boto(start_daemon(new_root), "ec2").describe_vpcs()["Vpcs"]]


def test_an_operation_that_was_cut_in_two_leaves_nothing(new_root: FactoryRoot) -> None:
    cut = """
        with backends.operation():
            iam("whole-1"); iam("whole-2")
        with backends.operation():
            iam("cut-1"); iam("cut-2")
            os._exit(9)
    """
    assert in_a_process(new_root, cut).returncode == 9
    after = in_a_process(new_root, "iam('later'); print(recovered.dropped, recovered.differing, users())")
    assert after.stdout == "2 () ['whole-1', 'whole-2', 'later']\n", after.stderr
    # What is cut stays cut when the log goes on.
    assert in_a_process(new_root, "print(users())").stdout == "['whole-1', 'whole-2', 'later']\n"


def test_a_snapshot_waits_for_operations_and_comes_by_itself(new_root: FactoryRoot) -> None:
    busy = """
        from factory.errors import Busy
        from localcloud.durable import state
        state.SNAPSHOT_CALLS = 5
        with backends.operation():
            for number in range(8): iam(f"in-{number}")
            try: backends.snapshot(0.2)
            except Busy as error: print("busy:", error)
            assert backends.kept()["calls_since_snapshot"] == 8
        import time
        for _ in range(500):
            if not backends._state.snapshotting: break
            time.sleep(0.01)
        print(backends.kept()["calls_since_snapshot"])
    """
    told = in_a_process(new_root, busy)
    assert told.stdout == "busy: operations are under way all the time\n0\n", told.stderr
    assert len(list(state_folder(new_root).glob("snapshot-*"))) == 1
    assert in_a_process(new_root, "print(len(users()), recovered.replayed)").stdout == "8 0\n"


def test_what_was_made_and_no_state_names_is_known_after_a_restart(new_root: FactoryRoot, start_daemon: Start) -> None:
    run_file = start_daemon(new_root)
    made: list[Made] = []
    for name in ("named", "lost-before", "lost-after"):
        with Door(run_file.addresses["provider"]) as door:
            door.configure(region="eu-central-1")
            made.append(door.create("aws:ec2/vpc:Vpc", name, {"cidrBlock": "10.0.0.0/16"}))
        if name == "lost-before":
            ask(run_file, "snapshot")
    kill(run_file)
    run_file = start_daemon(new_root)
    named = made[0]
    asked = {"prefix": urn(named.type, ""), "kept": [(named.type, named.id, named.outputs["arn"])]}
    gone = daemons.call(run_file, "discard", json.dumps(asked).encode())["discarded"]
    assert gone == [urn(each.type, each.name) for each in made[1:]]
    kill(run_file)
    with Door(start_daemon(new_root).addresses["provider"]) as door:
        door.configure(region="eu-central-1")
        assert [door.read(each) is not None for each in made] == [True, False, False]


def test_a_reset_is_final_and_only_one_generation_is_kept(new_root: FactoryRoot, start_daemon: Start) -> None:
    first = start_daemon(new_root)
    boto(first, "iam").create_user(UserName="old")
    ask(first, "reset")
    again = daemons.read(new_root, "localcloud")
    assert again
    boto(again, "iam").create_user(UserName="new")
    kill(again)
    last = start_daemon(new_root)
    assert [user["UserName"] for user in boto(last, "iam").list_users()["Users"]] == ["new"]
    assert last.generation == again.generation != first.generation
    assert [path.name for path in new_root.local_cloud.iterdir() if path.is_dir()] == [last.generation]


def test_nobody_else_can_read_the_state(new_root: FactoryRoot, start_daemon: Start) -> None:
    run_file = start_daemon(new_root)
    boto(run_file, "secretsmanager").create_secret(Name="s", SecretString="a-secret-value")
    ask(run_file, "snapshot")
    boto(run_file, "iam").create_user(UserName="u")
    files = [path for path in new_root.local_cloud.rglob("*") if path.is_file()]
    assert len(files) >= 4
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in new_root.local_cloud.rglob("*") if path.is_dir()} == {0o700}


def test_a_full_disk_stops_it_and_loses_nothing_that_was_answered(new_root: FactoryRoot, start_daemon: Start) -> None:
    unshare = shutil.which("unshare")
    if os.geteuid() != 0 or unshare is None:
        pytest.skip("only root can mount a small disk")
    new_root.local_cloud.mkdir(parents=True)
    new_root.run.mkdir(parents=True)
    backing = new_root.path / "kept"
    # The small disk is seen by the daemon alone; what it holds is copied out when it ends.
    script = f"""
        mount -t tmpfs -o size=64k,mode=700 small {new_root.local_cloud} || exit 99
        {sys.executable} -P -m localcloud.daemon --root {new_root.path}
        status=$?
        cp -a {new_root.local_cloud}/. {backing}
        exit $status
    """
    small = subprocess.Popen([unshare, "-m", "sh", "-c", script])
    try:
        deadline = 60.0
        run_file = daemons._wait(lambda: daemons.read(new_root, "localcloud"), deadline, lambda: small.poll() is None)
        if run_file is None and small.wait(5) == 99:
            pytest.skip("no disk can be mounted here")
        assert run_file
        iam = boto(run_file, "iam")
        kept = []

        def fill() -> None:
            for number in range(500):
                iam.create_user(UserName=f"u{number}", Tags=[{"Key": "k", "Value": "v" * 200}])
                kept.append(f"u{number}")

        with pytest.raises(ClientError, match=r"No space left on device.*everything that was answered is kept"):
            fill()
        assert small.wait(20) == CloudUnavailable.exit_code
    finally:
        small.kill()
        small.wait(10)
    assert len(kept) > 20
    shutil.rmtree(new_root.local_cloud)
    backing.rename(new_root.local_cloud)
    there = boto(start_daemon(new_root), "iam").get_paginator("list_users").paginate()
    assert [user["UserName"] for page in there for user in page["Users"]] == kept
