"""What is remembered of an operation that was not seen to end, and until when."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from factory import daemons
from factory.daemons import RunFile
from factory.errors import CloudUnavailable
from factory.paths import FactoryRoot
from factory.settings import Settings
from stacks.driver import unsettled

STACK = "links-build"
LOCAL, ACCOUNT = Settings(), Settings(aws="account", aws_account="123456789012")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FactoryRoot:
    root = FactoryRoot(tmp_path)
    root.project_file.write_text("name: tiny\nruntime: python\n")
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{root.backend}")
    return root


class Cloud:
    """Stands in for the local cloud's daemon: which life it is in, and what it was told."""

    def __init__(self) -> None:
        self.life = 1
        self.told: list[tuple[str, str]] = []
        self.answers = True

    def read(self, *_: object) -> RunFile:
        return RunFile(name="localcloud", pid=os.getpid(), started=self.life, addresses={}, token="t", generation="g")

    def call(self, _: RunFile, name: str, body: bytes) -> None:
        if not self.answers:
            raise CloudUnavailable("it does not answer")
        self.told.append((name, json.loads(body)["prefix"]))


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    made = Cloud()
    monkeypatch.setattr(daemons, "read", made.read)
    monkeypatch.setattr(daemons, "call", made.call)
    return made


def dead_engine(root: FactoryRoot) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    folder = root.backend / ".pulumi" / "locks" / "organization" / "tiny" / STACK
    folder.mkdir(parents=True)
    lock = {"pid": gone.pid, "hostname": platform.node(), "timestamp": datetime.now(UTC).isoformat()}
    (folder / "an-id.json").write_text(json.dumps(lock))


def pending(root: FactoryRoot) -> None:
    path = root.backend / ".pulumi" / "stacks" / "tiny" / f"{STACK}.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"checkpoint": {"latest": {"pending_operations": []}}}')


def test_an_operation_that_was_seen_to_end_leaves_nothing_to_remember(root: FactoryRoot, cloud: Cloud) -> None:
    with unsettled.watched(root, LOCAL, STACK, owed=False):
        assert unsettled.left(root, STACK)
    assert not unsettled.left(root, STACK)
    assert cloud.told == [("settled", "urn:pulumi:links-build::tiny::")]


def another_life(_: FactoryRoot, cloud: Cloud) -> None:
    cloud.life += 1


def no_answer(_: FactoryRoot, cloud: Cloud) -> None:
    cloud.answers = False


@pytest.mark.parametrize(
    "happens",
    [another_life, no_answer, lambda root, _: dead_engine(root), lambda root, _: pending(root)],
    ids=["the cloud was another one", "the cloud does not answer", "the engine was killed", "a create is pending"],
)
def test_an_operation_of_which_something_may_be_lost_is_remembered(
    root: FactoryRoot, cloud: Cloud, happens: Callable[[FactoryRoot, Cloud], None]
) -> None:
    def operation() -> None:
        with unsettled.watched(root, LOCAL, STACK, owed=False):
            happens(root, cloud)
            raise ValueError("it failed")

    with pytest.raises(ValueError, match="it failed"):
        operation()
    assert unsettled.left(root, STACK)
    assert cloud.told == []


@pytest.mark.parametrize("settings", [LOCAL, ACCOUNT], ids=["local", "account"])
def test_a_refresh_is_owed_until_an_operation_has_made_it(root: FactoryRoot, cloud: Cloud, settings: Settings) -> None:
    del cloud
    dead_engine(root)
    assert unsettled.found_dead(root, settings, STACK)
    assert not unsettled.found_dead(root, settings, STACK)
    # A preview, say, and an update that fails.
    for _ in range(2):
        assert unsettled.left(root, STACK)
        with unsettled.watched(root, settings, STACK, owed=True):
            pass
    with unsettled.watched(root, settings, STACK, owed=True) as operation:
        operation.refreshed = True
    assert not unsettled.left(root, STACK)


def test_on_an_account_nothing_is_written_where_nothing_is_owed(root: FactoryRoot) -> None:
    with unsettled.watched(root, ACCOUNT, STACK, owed=False):
        assert not unsettled.left(root, STACK)


def test_a_file_that_an_older_version_wrote_counts_as_left(root: FactoryRoot, cloud: Cloud) -> None:
    del cloud
    root.locks.mkdir(parents=True)
    (root.locks / f"{STACK}.begun").write_text("123 456")
    assert unsettled.left(root, STACK)
    unsettled.end(root, LOCAL, STACK, refreshed=True)
    assert unsettled.left(root, STACK)
