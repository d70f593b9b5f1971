"""The worker is killed at every point between an effect and its record; the change ends as if it had not been."""

import os
import re
import signal
import time
from collections import Counter

import psutil
import pytest
from e2e_line import APP, Line, approve_all
from e2e_place import Place

from factory import daemons, db
from pipeline import records
from pipeline.faults import POINTS
from pipeline.records import ChangeState

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(900)]
SECONDS = 600


@pytest.fixture(scope="module")
def line(place: Place) -> Line:
    # Not the build environment: the first change makes it, and is killed at that too.
    ran = place.millwright("up", APP, "staging")
    assert ran.code == 0, ran.err
    line = Line(place)
    line.worker()
    with line.people():
        line.until_ended(line.promote().id)
    daemons.stop(place.root, daemons.WORKER)
    return line


def run_to_the_end(line: Line, change: str, *die_at: str) -> int:
    """Start workers until the change has ended; how many died."""
    died, deadline = 0, time.monotonic() + SECONDS
    with line.people(approve_all):
        worker = line.start_worker(*die_at)
        try:
            while not line.change(change).ended:
                assert time.monotonic() < deadline, line.change(change)
                if worker.poll() is not None:
                    assert worker.returncode == -signal.SIGKILL, worker.returncode
                    died += 1
                    assert died <= len(POINTS), "the same point killed twice"
                    worker = line.start_worker(*die_at)
                time.sleep(0.1)
        finally:
            if worker.poll() is None:
                os.kill(worker.pid, signal.SIGTERM)
                worker.wait(30)
    return died


def test_a_worker_killed_at_every_fault_point_ends_the_change_and_does_everything_once(line: Line) -> None:
    change = line.submit("https-only")
    before = line.serving("production")
    died = run_to_the_end(line, change.id, *POINTS)
    assert died == len(POINTS)

    ended = line.change(change.id)
    assert ended.state is ChangeState.ROLLED_BACK, ended
    # Git: each step of an agent is one commit, main took one merge and one revert.
    log = line.git("log", "--all", "--format=%H %s%n%(trailers:key=Step,valueonly)")
    steps = Counter(re.findall(r"^links\.https-only\.\S+/\d+$", log, re.MULTILINE))
    assert steps
    assert set(steps.values()) == {1}
    assert len(line.git("log", "main", "--merges", "--format=%H").split()) == 1
    assert len(line.git("log", "main", "--first-parent", "--format=%H").split()) == 3
    # The record: one of each, and production serves what it served before.
    for kind in ("change.merged", "change.reverted", "change.ended", "release.failed"):
        told = line.events(kind, "https-only")
        assert len(told) == len({(e.kind, str(e.properties.get("release"))) for e in told}), kind
        assert told, kind
    commits = Counter(str(event.properties["commit"]) for event in line.events("commit.made", "https-only"))
    assert set(commits.values()) == {1}
    # Each task and each suite of tests is told once, and no task is left open.
    ended_tasks = Counter(event.task for event in line.events("task.ended", "https-only"))
    assert set(ended_tasks.values()) == {1}
    with db.transaction(line.database) as connection:
        tasks = records.tasks_of(connection, APP, "https-only")
    assert {task.id for task in tasks} == set(ended_tasks)
    assert all(task.ended for task in tasks)
    assert len(line.events("task.started", "https-only")) == len(tasks)
    tested = Counter(str(event.properties["head"]) for event in line.events("tests.", "https-only"))
    assert set(tested.values()) == {1}
    keys = [request.key for request in line.requests_of("https-only")]
    assert len(keys) == len(set(keys))
    assert line.serving("production") == before
    states = Counter((r.environment, r.state) for r in line.releases() if r.state in ("serving", "deploying"))
    assert states[("production", "serving")] == 1
    assert states[("production", "deploying")] == 0
    assert_nothing_of_the_killed_workers_is_left(line)


def assert_nothing_of_the_killed_workers_is_left(line: Line) -> None:
    assert not list(line.place.root.tasks.glob("*/worktree"))
    assert not list(line.place.root.work.iterdir())
    assert len(line.git("worktree", "list").splitlines()) == 1
    assert line.git("for-each-ref", "--format=%(refname)", "refs/heads").split() == ["refs/heads/main"]
    mine = str(line.place.root.path)
    commands = [" ".join(p.info["cmdline"] or []) for p in psutil.process_iter(["cmdline"])]
    assert not [c for c in commands if mine in c and ("agents.task" in c or "pipeline.worker" in c)]


def test_a_second_worker_is_refused(line: Line) -> None:
    line.worker()
    try:
        second = line.start_worker()
        assert second.wait(30) == 8
    finally:
        daemons.stop(line.place.root, daemons.WORKER)
