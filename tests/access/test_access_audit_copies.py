"""The daemon logs what happens within moments; copies of checkpoints lie where the factory cannot take them back."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from audit_place import Audited, audited
from botocore.exceptions import ClientError
from process_stopped import stopped
from sqlalchemy import text

from access import audit
from access.clock import Clock, boot_seconds, utc_now
from access.grants import Desk
from access.grants.desk import BACKLOG_SECONDS
from factory import daemons, db, environments
from factory.cloud_clients import client
from factory.environments import EnvironmentRecord
from factory.errors import AccessDenied, Busy
from factory.outputs import AuditOutputs, PlatformOutputs, StateOutputs
from factory.settings import Settings

pytestmark = pytest.mark.e2e
BUCKET, REGION = "platform-audit-123456789012", "eu-central-1"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Audited]:
    made = audited(tmp_path)
    yield made
    for name in (daemons.ACCESS, daemons.LOCAL_CLOUD):
        daemons.stop(made.root, name)


@pytest.fixture
def clients(place: Audited) -> Callable[[str, str], Any]:
    return partial(client, place.root, Settings())


@pytest.fixture
def bucket(place: Audited, clients: Callable[[str, str], Any]) -> Any:
    """The platform's audit store, as its update records it."""
    s3 = clients("s3", REGION)
    s3.create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}, ObjectLockEnabledForBucket=True
    )
    lock = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 365}}}
    s3.put_object_lock_configuration(Bucket=BUCKET, ObjectLockConfiguration=lock)
    outputs = PlatformOutputs(
        region=REGION,
        account="123456789012",
        spec="sha256:0",
        key="key",
        audit=AuditOutputs(store=BUCKET, trail="trail"),
        state=StateOutputs(store="state", url="s3://state"),
        registry="registry",
    )
    row = EnvironmentRecord(
        stack="platform",
        app="platform",
        environment="shared",
        updated=environments.now(),
        actor="ada",
        version=1,
        cloud_generation=None,
        outputs=outputs,
    )
    with db.transaction(place.database) as connection:
        environments.record(connection, row)
    return s3


def wait_for(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("did not happen")


def waits(place: Audited) -> int:
    with db.transaction(place.database) as connection:
        return audit.backlog(connection).events


def verified(place: Audited, clients: Callable[[str, str], Any]) -> audit.Verified:
    public = audit.raw(audit.signing_key(place.root).public_key())
    with db.transaction(place.database) as connection:
        return audit.verify(connection, "links", public, audit.copied(connection, clients, "links"))


def keys(s3: Any) -> list[str]:
    return [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def test_the_newest_checkpoint_of_each_log_is_copied_once(place: Audited, bucket: Any, clients: Any) -> None:
    for _ in range(3):
        place.happen("update.started")
        place.logged()
    place.happen("update.started", app="tally")
    place.logged()
    assert audit.copy(place.database, clients) == [
        f"s3://{BUCKET}/checkpoints/links/000000000003",
        f"s3://{BUCKET}/checkpoints/tally/000000000001",
    ]
    assert audit.copy(place.database, clients) == []
    assert (verified(place, clients).copies, verified(place, clients).faults) == (1, [])
    place.happen("update.failed")
    place.logged()
    assert audit.copy(place.database, clients) == [f"s3://{BUCKET}/checkpoints/links/000000000004"]
    assert (verified(place, clients).copies, verified(place, clients).faults) == (2, [])


def test_before_the_platform_is_up_nothing_is_copied_and_nothing_fails(place: Audited, clients: Any) -> None:
    place.happen("update.started")
    place.logged()
    assert audit.copy(place.database, clients) == []
    assert verified(place, clients).copies == 0


def test_a_log_that_was_taken_back_or_written_anew_does_not_agree_with_its_copies(
    place: Audited, bucket: Any, clients: Any
) -> None:
    place.happen("update.started", "update.failed", "update.started")
    place.logged()
    audit.copy(place.database, clients)
    # Somebody with database and key: everything agrees with itself.
    with db.transaction(place.database) as connection:
        connection.execute(text("DELETE FROM factory_event WHERE kind = 'update.failed'"))
        for table in ("entry", "log", "checkpoint"):
            connection.execute(text(f"DELETE FROM access_audit_{table}"))  # noqa: S608 -- names of this list
        connection.execute(text("UPDATE factory_event SET logged = false"))
    place.logged()
    assert place.verified().faults == []
    assert verified(place, clients).faults == ["copy 1 of a checkpoint: the log does not have 3 entries"]
    place.happen("update.succeeded")
    place.logged()
    assert verified(place, clients).faults == ["copy 1 of a checkpoint: the entries have another root"]


def test_a_copy_cannot_be_removed_or_shortened(place: Audited, bucket: Any, clients: Any) -> None:
    place.happen("update.started")
    place.logged()
    audit.copy(place.database, clients)
    (version,) = bucket.list_object_versions(Bucket=BUCKET)["Versions"]
    with pytest.raises(ClientError, match="AccessDenied"):
        bucket.delete_object(Bucket=BUCKET, Key=version["Key"], VersionId=version["VersionId"])
    assert len(keys(bucket)) == 1


def test_the_daemon_logs_copies_and_ends_with_everything_logged(place: Audited, bucket: Any, clients: Any) -> None:
    place.happen("update.started")
    daemon = daemons.ensure(place.root, daemons.ACCESS)
    wait_for(lambda: keys(bucket) == ["checkpoints/links/000000000001"])
    place.happen("update.succeeded")
    wait_for(lambda: waits(place) == 0)
    with pytest.raises(Busy):
        daemons.claim(place.root, daemons.ACCESS)
    # What happened while it was being stopped is in the log, too.
    os.kill(daemon.pid, signal.SIGSTOP)
    place.happen("update.failed")
    os.kill(daemon.pid, signal.SIGTERM)
    os.kill(daemon.pid, signal.SIGCONT)
    wait_for(lambda: not daemon.alive())
    assert waits(place) == 0
    assert place.verified().faults == []


def test_a_daemon_that_stands_still_is_noticed_by_others_however_the_clock_is_set(place: Audited) -> None:
    daemon = daemons.ensure(place.root, daemons.ACCESS)
    later = Clock(lambda: utc_now() - timedelta(minutes=10), lambda: boot_seconds() + BACKLOG_SECONDS + 1)
    now, then = (Desk(place.root, Settings(), place.database, clock) for clock in (Clock(), later))
    with stopped(daemon.pid):
        place.happen("update.failed")
        with db.transaction(place.database) as connection:
            now.require_logged(connection)
            with pytest.raises(AccessDenied, match=r"1 events since .* are in no audit log yet"):
                then.require_logged(connection)
    wait_for(lambda: waits(place) == 0)
    with db.transaction(place.database) as connection:
        then.require_logged(connection)


def test_killed_whenever_each_event_is_logged_once(place: Audited) -> None:
    total = 0
    for _ in range(4):
        daemon = daemons.ensure(place.root, daemons.ACCESS)
        place.happen(*["step.done"] * 25)
        total += 25
        with contextlib.suppress(ProcessLookupError):
            os.kill(daemon.pid, signal.SIGKILL)
        wait_for(lambda daemon=daemon: not daemon.alive())
        assert place.verified().faults == []
    daemons.ensure(place.root, daemons.ACCESS)
    wait_for(lambda: waits(place) == 0)
    found = place.verified()
    assert (found.size, found.faults) == (total, [])
