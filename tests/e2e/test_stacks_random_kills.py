"""Command, driver process, engine and cloud are killed at random moments of updates of six stacks; for `make soak`."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import psutil
import pytest
from e2e_place import REPOSITORY, Place

from console.demo.inventory import inventory
from factory import daemons

pytestmark = [pytest.mark.e2e, pytest.mark.soak, pytest.mark.timeout(1800)]
KILLS = 8
APPS = ("docsite", "links", "tally")
ENVIRONMENTS = ("build", "staging")
UP = ("up", "--all", "--json")
# The command goes on to other stacks when one fails; bounded, for a kill may leave it nothing to wait for.
COMMAND_SECONDS = 300


@pytest.fixture(scope="module")
def portfolio(place: Place) -> Iterator[Place]:
    for app in set(APPS) - {"links"}:
        shutil.copytree(REPOSITORY / "apps" / app, place.root.apps / app)
    yield place
    daemons.stop(place.root, daemons.LOCAL_CLOUD)


@pytest.fixture(scope="module")
def standing(portfolio: Place) -> dict[str, int]:
    """What an update that nobody disturbs makes; one more would be an orphan."""
    up = portfolio.millwright(*UP)
    assert up.code == 0, up.out + up.err
    found = counts(portfolio)
    destroy(portfolio)
    return found


def counts(place: Place) -> dict[str, int]:
    return {kind: len(found) for kind, found in inventory(place.cloud).items()}


def destroy(place: Place) -> None:
    for app in APPS:
        for environment in ENVIRONMENTS:
            done = place.millwright("destroy", app, environment, "--json")
            assert done.code == 0, done.out + done.err
    assert inventory(place.cloud) == {}


def below(command: subprocess.Popen[str]) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return psutil.Process(command.pid).children(recursive=True)
    return []


def engine(place: Place, command: subprocess.Popen[str]) -> int | None:
    return one_of(command, lambda name: name == "pulumi")


def driver(place: Place, command: subprocess.Popen[str]) -> int | None:
    return one_of(command, lambda name: name.startswith("python"))


def whole(place: Place, command: subprocess.Popen[str]) -> int | None:
    return command.pid


def cloud(place: Place, command: subprocess.Popen[str]) -> int | None:
    run_file = daemons.read(place.root, daemons.LOCAL_CLOUD)
    return run_file.pid if run_file else None


def one_of(command: subprocess.Popen[str], wanted: Callable[[str], bool]) -> int | None:
    found = []
    for process in below(command):
        with contextlib.suppress(psutil.Error):
            if wanted(process.name()):
                found.append(process.pid)
    return found[0] if found else None


VICTIMS = (engine, driver, whole, cloud)


def kill_in_the_midst(place: Place, random_: random.Random, arguments: tuple[str, ...]) -> str:
    """Start a command and kill somebody at a random moment; who it was."""
    command = place.start("millwright", *arguments)
    victim = random_.choice(VICTIMS)
    deadline = time.monotonic() + random_.uniform(1.0, 15.0)
    while time.monotonic() < deadline and command.poll() is None:
        time.sleep(0.05)
    pid = victim(place, command)
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    try:
        command.communicate(timeout=COMMAND_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(command.pid, signal.SIGKILL)
        raise
    return f"{victim.__name__} ({'nobody' if pid is None else pid}), exit {command.returncode}"


@pytest.mark.parametrize("seed", range(1, 7))
def test_whoever_is_killed_whenever_everything_converges(portfolio: Place, standing: dict[str, int], seed: int) -> None:
    random_ = random.Random(seed)
    killed = [kill_in_the_midst(portfolio, random_, UP) for _ in range(KILLS)]
    up = portfolio.millwright(*UP)
    assert up.code == 0, f"{killed}\n{up.out}{up.err}"
    assert counts(portfolio) == standing, killed
    seen = portfolio.millwright("preview", "--all", "--json")
    assert seen.code == 0, f"{killed}\n{seen.out}"
    outcomes = [each for each in seen.documents[-1]["outcomes"] if each["state"] == "done"]
    assert len(outcomes) == len(APPS) * len(ENVIRONMENTS)
    assert [each["changed"] for each in outcomes] == [[] for _ in outcomes], killed
    for app in APPS:
        for environment in ENVIRONMENTS:
            kill_in_the_midst(portfolio, random_, ("destroy", app, environment, "--json"))
    destroy(portfolio)
