"""Stopped or killed half-way, the next command goes on: nothing twice, nothing orphaned, no lock left for a person."""

import contextlib
import itertools
import json
import os
import platform
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from e2e_place import Place, wait_for
from localcloud_door import Door

from console.demo.inventory import inventory
from engine import stack_lock
from factory import daemons
from factory.project import project_name
from stacks.driver import unsettled

pytestmark = pytest.mark.e2e

# What links-build is made of; one more would be an orphan.
BUILD = {
    "network": 1,
    "subnet": 2,
    "route table": 1,
    "firewall": 2,
    "firewall rule": 1,
    "endpoint": 7,
    "flow log": 1,
    "key": 1,
    "key alias": 1,
    "secret": 2,
    "role": 6,
    "policy": 1,
    "log group": 4,
    "image repository": 1,
    "cluster": 1,
    "task definition": 2,
    "database": 1,
    "database network": 1,
    "pipeline": 1,
    "build project": 1,
    "topic": 1,
    "budget": 1,
    "bucket": 1,
}


def counts(place: Place) -> dict[str, int]:
    return {kind: len(found) for kind, found in inventory(place.cloud).items()}


def engine_of(place: Place) -> psutil.Process | None:
    """The engine that works on this factory right now."""
    for process in psutil.process_iter(["name"]):
        with contextlib.suppress(psutil.Error):
            if process.info["name"] == "pulumi" and process.environ().get("PULUMI_HOME") == str(place.root.pulumi_home):
                return process
    return None


def read_until(process: subprocess.Popen[str], words: str, times: int) -> None:
    """Read what the command says until `words` have come up so often: it is in the midst of its work then.

    Asking the cloud instead takes so long that the command may have ended meanwhile.
    """
    assert process.stdout is not None
    seen = list(itertools.islice((line for line in process.stdout if words in line), times))
    assert len(seen) == times, "it ended before"


# What either door says when a thing is made or gone.
DONE, CREATED = '"event": "step_done"', " created ("


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    out, err = process.communicate(timeout=120)
    return out, err


@pytest.fixture
def empty(place: Place):
    """Starts from nothing, and ends with nothing, through the front door."""
    yield place
    destroyed = place.millwright("destroy", "links", "build", "--json")
    assert destroyed.code == 0, destroyed.out + destroyed.err
    assert inventory(place.cloud) == {}


@pytest.mark.long
def test_ctrl_c_ends_an_update_cleanly_and_the_next_one_goes_on(empty: Place) -> None:
    process = empty.start("millwright", "up", "links", "build", "--json")
    read_until(process, DONE, 3)
    # As a terminal does it: to the whole group of the foreground.
    os.killpg(process.pid, signal.SIGINT)
    out, err = finish(process)
    assert process.returncode == 130, out + err
    assert "Traceback" not in out + err
    again = empty.millwright("up", "links", "build", "--json")
    assert again.code == 0, again.out + again.err
    assert counts(empty) == BUILD


@pytest.mark.long
@pytest.mark.parametrize("least", [1, 8, 14])
def test_a_killed_engine_leaves_nothing_twice(empty: Place, least: int) -> None:
    process = empty.start("millwright", "up", "links", "build", "--json")
    read_until(process, DONE, least)
    engine = engine_of(empty)
    assert engine is not None
    engine.send_signal(signal.SIGKILL)
    finish(process)
    assert process.returncode not in (0, None)
    again = empty.millwright("up", "links", "build", "--json")
    assert again.code == 0, again.out + again.err
    assert counts(empty) == BUILD
    assert empty.pulumi("preview", "--expect-no-changes", "-s", "links-build").code == 0


@pytest.mark.long
def test_a_create_that_no_state_saw_the_end_of_is_taken_back(empty: Place, tmp_path: Path) -> None:
    assert empty.millwright("up", "links", "build").code == 0
    # As an engine leaves things that is killed between a create's end and its record: of one the state says that it
    # began; of the other not even that, but then the engine's lock is left. Both revisions share an id.
    definition = {"family": "lost", "containerDefinitions": json.dumps([{"name": "a", "image": "i", "memory": 64}])}
    project, type_ = project_name(empty.root), "aws:ecs/taskDefinition:TaskDefinition"
    with Door(daemons.ensure(empty.root, "localcloud").addresses["provider"]) as provider:
        provider.configure(region=empty.cloud.region)
        for name in ("begun", "unsaid"):
            provider.create(type_, name, definition, stack="links-build", project=project)
    assert counts(empty)["task definition"] == BUILD["task definition"] + 2
    exported = json.loads(empty.pulumi("stack", "export", "-s", "links-build").out)
    begun = {"urn": f"urn:pulumi:links-build::{project}::{type_}::begun", "type": type_, "custom": True}
    exported["deployment"]["pending_operations"] = [{"type": "creating", "resource": begun | {"inputs": definition}}]
    state = tmp_path / "state.json"
    state.write_text(json.dumps(exported))
    assert empty.pulumi("stack", "import", "-s", "links-build", "--file", str(state)).code == 0
    dead_engine(empty, "links-build")
    again = empty.millwright("up", "links", "build", "--json")
    assert again.code == 0, again.out + again.err
    assert counts(empty) == BUILD
    assert empty.pulumi("preview", "--expect-no-changes", "-s", "links-build").code == 0


def dead_engine(place: Place, stack: str) -> None:
    """Leave the lock of an engine that is dead."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    folder = place.root.backend / ".pulumi" / "locks" / "organization" / project_name(place.root) / stack
    folder.mkdir(parents=True, exist_ok=True)
    taken = datetime.now(UTC).isoformat()
    lock = {"pid": gone.pid, "username": "u", "hostname": platform.node(), "timestamp": taken}
    (folder / "dead.json").write_text(json.dumps(lock))


@pytest.mark.long
def test_a_killed_engine_of_the_plain_door_leaves_nothing_twice_either(empty: Place) -> None:
    process = empty.start("pulumi", "up", "--yes", "--skip-preview", "-s", "links-build", "--non-interactive")
    read_until(process, CREATED, 5)
    engine = engine_of(empty)
    assert engine is not None
    engine.send_signal(signal.SIGKILL)
    finish(process)
    again = empty.pulumi("up", "--yes", "-s", "links-build")
    assert again.code == 0, again.out + again.err
    assert counts(empty) == BUILD


@pytest.mark.long
def test_a_killed_command_interrupts_its_engine_and_the_next_one_goes_on(empty: Place) -> None:
    process = empty.start("millwright", "up", "links", "build", "--json")
    read_until(process, DONE, 3)
    process.kill()
    process.communicate()
    again = empty.millwright("up", "links", "build", "--json")
    assert again.code == 0, again.out + again.err
    assert counts(empty) == BUILD
    wait_for(lambda: engine_of(empty) is None)


@pytest.mark.long
def test_a_destroy_killed_half_way_goes_on(empty: Place) -> None:
    assert empty.millwright("up", "links", "build").code == 0
    process = empty.start("millwright", "destroy", "links", "build", "--json")
    read_until(process, DONE, 3)
    if engine := engine_of(empty):
        engine.send_signal(signal.SIGKILL)
    finish(process)
    # The fixture destroys again and finds nothing left.


@pytest.mark.long
def test_a_cloud_that_was_killed_or_stopped_is_there_again_for_either_door(empty: Place) -> None:
    assert empty.millwright("up", "links", "build").code == 0
    before = inventory(empty.cloud)
    kill_cloud(empty)
    assert empty.pulumi("preview", "--expect-no-changes", "-s", "links-build").code == 0
    daemons.stop(empty.root, "localcloud")
    again = empty.millwright("up", "links", "build", "--json")
    assert again.code == 0, again.out + again.err
    assert '"kind": "up", "changes": {"same"' in again.out
    assert inventory(empty.cloud) == before


@pytest.mark.long
def test_a_cloud_that_was_emptied_is_noticed_and_built_again_by_either_door(empty: Place) -> None:
    assert empty.millwright("up", "links", "build").code == 0
    assert empty.millwright("cloud", "reset").code == 0
    again = empty.millwright("up", "links", "build", "--json")
    assert again.code == 0, again.out + again.err
    assert counts(empty) == BUILD
    daemons.stop(empty.root, "localcloud")
    assert empty.millwright("cloud", "reset").code == 0
    plain = empty.pulumi("up", "--yes", "-s", "links-build")
    assert plain.code == 0, plain.out + plain.err
    assert counts(empty) == BUILD


@pytest.mark.long
@pytest.mark.parametrize("door", ["driver", "plain"])
def test_what_a_killed_cloud_made_and_told_nobody_is_taken_back(empty: Place, door: str) -> None:
    """Killed after it wrote a creation down and before it answered: no state can name it."""
    up = {
        "driver": lambda: empty.millwright("up", "links", "build", "--json"),
        "plain": lambda: empty.pulumi("up", "--yes", "-s", "links-build"),
    }[door]
    assert up().code == 0
    project = project_name(empty.root)
    with Door(daemons.ensure(empty.root, "localcloud").addresses["provider"]) as provider:
        provider.configure(region=empty.cloud.region)
        provider.create("aws:ec2/vpc:Vpc", "lost", {"cidrBlock": "10.200.0.0/16"}, stack="links-build", project=project)
    assert counts(empty)["network"] == 2
    process = empty.start("millwright", "up", "links", "build", "--json")
    wait_for(lambda: unsettled.left(empty.root, "links-build"))
    kill_cloud(empty)
    finish(process)
    again = up()
    assert again.code == 0, again.out + again.err
    assert counts(empty) == BUILD


@pytest.mark.long
def test_two_updates_at_once_wait_for_each_other(empty: Place) -> None:
    both = [empty.start("millwright", "up", "links", "build", "--json") for _ in range(2)]
    said = [finish(process) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sum('"event": "waiting"' in out for out, _ in said) == 1
    assert counts(empty) == BUILD


def test_ctrl_c_while_waiting_for_the_stack_gives_up_at_once(place: Place) -> None:
    with stack_lock(place.root, "links-build"):
        process = place.start("millwright", "up", "links", "build", "--json")
        assert process.stdout is not None
        assert '"event": "waiting"' in process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        out, err = finish(process)
    assert process.returncode == 130, out + err
    assert inventory(place.cloud) == {}


def kill_cloud(place: Place) -> None:
    run_file = daemons.read(place.root, daemons.LOCAL_CLOUD)
    if run_file is not None:
        os.kill(run_file.pid, signal.SIGKILL)
        wait_for(lambda: not run_file.alive())


def plugin_of(place: Place) -> psutil.Process | None:
    """The program that the plain door's engine started as its provider."""
    engine = engine_of(place)
    with contextlib.suppress(psutil.Error):
        for child in engine.children() if engine else []:
            if "localcloud.plugin" in child.cmdline():
                return child
    return None


DOORS = {
    "driver": ("millwright", "up", "links", "build", "--json"),
    "plain": ("pulumi", "up", "--yes", "--skip-preview", "-s", "links-build", "--non-interactive"),
}
VICTIMS = [("driver", victim) for victim in ("engine", "command", "cloud")]
VICTIMS += [("plain", victim) for victim in ("engine", "plugin", "cloud")]


def moments() -> list[Any]:
    """Five in make test-long, fifty in make soak."""
    return [pytest.param(n, marks=pytest.mark.long if n <= 5 else pytest.mark.soak) for n in range(1, 51)]


@pytest.mark.parametrize("seed", moments())
def test_killed_at_any_moment_it_goes_on(empty: Place, seed: int) -> None:
    """Engine, command, plugin or cloud, killed at a random moment of an update; the seed says which and when."""
    chance = random.Random(seed)
    door, victim = VICTIMS[seed % len(VICTIMS)]
    daemons.ensure(empty.root, daemons.LOCAL_CLOUD)
    process = empty.start(*DOORS[door])
    # Updates take three to eight seconds here; a kill after the end is a case as well.
    time.sleep(chance.uniform(0.3, 7.0))
    if victim == "command":
        process.kill()
    elif victim == "cloud":
        kill_cloud(empty)
    elif found := (engine_of if victim == "engine" else plugin_of)(empty):
        with contextlib.suppress(psutil.NoSuchProcess):
            found.kill()
    finish(process)
    again = empty.millwright("up", "links", "build", "--json")
    assert again.code == 0, f"{victim} of {door}: {again.out}{again.err}"
    assert counts(empty) == BUILD
