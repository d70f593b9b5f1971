"""An agent that works for long ends with its worker, however that ends, and with its change."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator

import psutil
import pytest
from e2e_line import APP, Line
from e2e_place import Place, wait_for

from factory import daemons, db, demo_people
from pipeline import client, records
from pipeline.records import ChangeState, TaskRecord

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
CHANGE = "link-stats"
SLEEPS = "import time; open('begun', 'w').close(); time.sleep(100)"


@pytest.fixture(scope="module")
def line(place: Place) -> Iterator[Line]:
    """A line whose coder runs a program for as long as it may."""
    turns = [
        {"use": [{"run": {"argv": ["python", "-c", SLEEPS], "seconds": 120}}]},
        {"use": [{"submit": {"summary": "late"}}]},
    ]
    script = {"apiVersion": "millwright-script/v1", "attempts": {"1": {"turns": turns}}}
    (place.root.apps / APP / "scripts" / f"{CHANGE}.coder.yaml").write_text(json.dumps(script))
    line = Line(place)
    ran = place.millwright("up", APP, "build")
    assert ran.code == 0, ran.err
    yield line
    daemons.stop(place.root, daemons.WORKER)


def working(line: Line) -> list[str]:
    """Every process that works for a task of this factory, those in its sandbox too."""
    mine, found = str(line.place.root.tasks), []
    for process in psutil.process_iter():
        try:
            said = " ".join(process.cmdline())
            if process.status() != psutil.STATUS_ZOMBIE and (mine in said or SLEEPS in said):
                found.append(said)
        except psutil.Error:
            continue
    return found


def begins(line: Line, identifier: str) -> None:
    task = f"{identifier.replace('/', '.')}.coder.1"
    wait_for((line.place.root.tasks / task / "worktree" / "begun").exists, 120)
    assert working(line)


def tasks_of(line: Line) -> list[TaskRecord]:
    with db.transaction(line.database) as connection:
        return records.tasks_of(connection, APP, CHANGE)


def killed_and_down(line: Line) -> None:
    run_file = daemons.read(line.place.root, daemons.WORKER)
    assert run_file is not None
    os.kill(run_file.pid, signal.SIGKILL)
    wait_for(lambda: not run_file.alive())
    down(line)


def down(line: Line) -> None:
    assert line.place.millwright("factory", "down").code == 0


@pytest.mark.long
@pytest.mark.parametrize("stop", [down, killed_and_down])
def test_no_agent_outlives_its_worker_and_its_task_goes_on(line: Line, stop: Callable[[Line], None]) -> None:
    known = {record.id for record in changes(line)}
    identifier = next(iter(known), None) or line.submit(CHANGE).id
    line.worker()
    begins(line, identifier)
    began = time.monotonic()
    stop(line)
    # The program in the sandbox dies with its parent, a moment later.
    wait_for(lambda: not working(line), 5)
    assert time.monotonic() - began < 60
    assert [task.state for task in tasks_of(line)] == ["running"]
    assert not line.events("task.ended", CHANGE)
    (line.place.root.tasks / f"{identifier.replace('/', '.')}.coder.1" / "worktree" / "begun").unlink()


def test_a_cancelled_change_ends_its_agent_and_says_so(line: Line) -> None:
    (record,) = changes(line) or [line.submit(CHANGE)]
    line.worker()
    begins(line, record.id)
    reason = "not wanted"
    signature = line.signed(client.cancellation_payload(record, demo_people.AUTHOR, reason))
    client.cancel(
        line.place.root, line.settings, APP, CHANGE, person=demo_people.AUTHOR, reason=reason, signature=signature
    )
    line.until_ended(record.id)
    assert line.change(record.id).state is ChangeState.CANCELLED
    wait_for(lambda: not working(line), 5)
    (task,) = tasks_of(line)
    assert (task.state, bool(task.ended)) == ("cancelled", True)
    (told,) = line.events("task.ended", CHANGE)
    assert reason in str(told.properties["reason"])
    assert not list(line.place.root.tasks.glob("*/worktree"))
    assert len(line.git("worktree", "list").splitlines()) == 1


def changes(line: Line) -> list[records.ChangeRecord]:
    with db.transaction(line.database) as connection:
        return records.all_changes(connection, APP)
