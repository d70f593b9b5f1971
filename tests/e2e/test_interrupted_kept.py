"""What recovery must not do: judge while an engine still works, take back what was let go, forget to look."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from e2e_place import Place
from localcloud_door import boto
from test_interrupted import BUILD, CREATED, counts, engine_of, finish, read_until
from test_interrupted import empty as empty  # noqa: PLC0414  (the fixture)

from factory import daemons
from stacks.driver import unsettled

pytestmark = [pytest.mark.e2e, pytest.mark.long]

STACK = "links-build"
TOPIC = """
import pulumi
import pulumi_aws as aws

def extend(factory):
    aws.sns.Topic({name!r}, opts=pulumi.ResourceOptions(parent=factory{options}))
"""
RENAMED = TOPIC.format(name="alarms", options=", aliases=[pulumi.Alias(name='bells')]")
RETAINED = TOPIC.format(name="alarms", options=", retain_on_delete=True")
WITH_A_SECRET = TOPIC.format(name="alarms", options=", additional_secret_outputs=['arn']")
NOTHING = "def extend(factory):\n    pass\n"


def test_an_engine_whose_command_was_killed_is_waited_for(empty: Place) -> None:
    process = empty.start("pulumi", "up", "--yes", "--skip-preview", "-s", STACK, "--non-interactive")
    read_until(process, CREATED, 1)
    engine = engine_of(empty)
    assert engine is not None
    # It must not have ended before the next command looks.
    engine.suspend()
    process.send_signal(signal.SIGKILL)
    again = empty.start("millwright", "up", "links", "build", "--json")
    read_until(again, f'"reason": "an engine whose command was killed, pid {engine.pid}"', 1)
    engine.resume()
    out, err = finish(again)
    assert again.returncode == 0, out + err
    assert '"event": "waiting"' not in out
    assert counts(empty) == BUILD
    finish(process)


def client(place: Place, service: str) -> Any:
    return boto(daemons.ensure(place.root, daemons.LOCAL_CLOUD), service, region=place.cloud.region)


def topics(place: Place) -> list[str]:
    """What infra.py declares: the environment's own topic is its budget's."""
    found = [each["TopicArn"] for each in client(place, "sns").list_topics()["Topics"]]
    return [arn for arn in found if not arn.endswith("-budget")]


def not_seen_to_end(place: Place) -> None:
    """As a command leaves it that was killed when it had made nothing."""
    (place.root.locks / f"{STACK}.begun").write_text(json.dumps({"life": "1 1", "owed": False}))


def test_what_an_operation_was_seen_to_make_is_never_taken_back(empty: Place) -> None:
    infra: Path = empty.root.apps / "links" / "infra.py"
    kept = infra.read_text() if infra.exists() else None

    def up(text: str) -> None:
        infra.write_text(text)
        ran = empty.millwright("up", "links", "build", "--json")
        assert ran.code == 0, ran.out + ran.err

    try:
        up(TOPIC.format(name="bells", options=""))
        # Renamed; with an ARN that the state keeps secret; let go, and kept in the cloud.
        for text in (RENAMED, WITH_A_SECRET, RETAINED, NOTHING):
            up(text)
            not_seen_to_end(empty)
            assert empty.millwright("preview", "links", "build").code == 0
            (topic,) = topics(empty)
            assert topic.rpartition(":")[2].rpartition("-")[0] == "bells"
    finally:
        infra.unlink() if kept is None else infra.write_text(kept)
    client(empty, "sns").delete_topic(TopicArn=topic)


def test_a_preview_does_not_use_up_what_an_update_has_to_know(empty: Place) -> None:
    assert empty.millwright("up", "links", "build").code == 0
    logs = client(empty, "logs")
    logs.delete_log_group(logGroupName=logs.describe_log_groups()["logGroups"][0]["logGroupName"])
    not_seen_to_end(empty)
    for _ in range(2):
        assert empty.millwright("preview", "links", "build").code == 0
        assert unsettled.left(empty.root, STACK)
    assert empty.millwright("up", "links", "build").code == 0
    assert counts(empty) == BUILD
    assert not unsettled.left(empty.root, STACK)
