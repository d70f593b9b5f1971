"""`millwright cloud`: the daemon's state through the command line."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from console_runner import Runner

from console.tail import last_lines
from factory import daemons
from factory.errors import ExitCode
from factory.paths import FactoryRoot


@pytest.fixture
def running(millwright: Runner, root: FactoryRoot) -> Iterator[daemons.RunFile]:
    assert millwright("cloud", "start", "--json").code == ExitCode.OK
    run_file = daemons.read(root, "localcloud")
    assert run_file
    yield run_file
    daemons.stop(root, "localcloud")


def users(root: FactoryRoot) -> list[str]:
    run_file = daemons.ensure(root, "localcloud")
    iam = boto3.client(
        "iam",
        endpoint_url=run_file.addresses["http"],
        region_name="eu-central-1",
        aws_access_key_id="123456789012",
        aws_secret_access_key="local",
    )
    if not iam.list_users()["Users"]:
        iam.create_user(UserName="somebody")
        return []
    return [user["UserName"] for user in iam.list_users()["Users"]]


def test_what_it_holds_is_there_after_a_stop_and_gone_after_a_reset(
    millwright: Runner, root: FactoryRoot, running: daemons.RunFile
) -> None:
    assert users(root) == []
    state = millwright("cloud", "snapshot", "--json").documents[0]
    assert (state["calls"], state["calls_since_snapshot"]) == (1, 0)
    assert millwright("cloud", "stop").code == ExitCode.OK
    assert users(root) == ["somebody"]
    (status,) = millwright("cloud", "status", "--json").documents
    assert status["generation"] == running.generation
    assert status["state"]["calls"] == 1
    assert "1 changes kept on disk" in millwright("cloud", "status").out
    # Also when it does not run, or could not.
    millwright("cloud", "stop")
    (root.local_cloud / "state.json").write_text("{")
    assert millwright("cloud", "start", "--json").code == ExitCode.CLOUD_UNAVAILABLE
    assert millwright("cloud", "logs").out.count("the local cloud's state cannot be read") == 1
    assert millwright("cloud", "reset", "--json").documents == [{"running": False}]
    assert users(root) == []


def test_the_end_of_a_log_is_shown_and_followed(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("one\ntwo\nthree\n")
    assert list(last_lines(path, 2, follow=False)) == ["two", "three"]
    following = last_lines(path, 1, follow=True)
    assert next(following) == "three"
    with path.open("a") as file:
        file.write("four\n")
    assert next(following) == "four"
    path.write_text("new\n")
    assert next(following) == "new"
