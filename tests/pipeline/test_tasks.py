"""A task of an agent ends once, whatever kills its worker, and leaves nothing behind."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from task_bench import SUBMITTED, WAITS, Killed, TaskBench, make_task_bench

from agents.brief import OutcomeState, TaskBrief
from factory import daemons, db
from factory.paths import FactoryRoot
from factory.processes import start_ticks
from pipeline import leftovers, records, task_process, tasks
from pipeline.checks import sockets
from pipeline.gates import Cancelled
from pipeline.git import Repository
from pipeline.records import ChangeState

FIRST = "links.tags.coder.1"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TaskBench:
    return make_task_bench(tmp_path, monkeypatch)


def wait_for(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def running(bench: TaskBench) -> list[int]:
    """Every process that works in the folder of a task."""
    mine = str(bench.context.root.tasks)
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.cwd().startswith(mine):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def left_by_a_killed_worker(bench: TaskBench) -> None:
    """A task that runs, with its worktree and its row, and nobody who waits for it."""
    bench.agent(WAITS)
    bench.begin()
    wait_for((bench.folder(FIRST) / "begun").exists)
    # Its thread is still here, as no dead worker's is: it must not see how the process ends.
    bench.context.processes._closed = True
    bench.restart()


@pytest.mark.parametrize(
    "point", ["generate.worktree-made", "generate.process-made", "generate.task-started", "generate.outcome-written"]
)
def test_killed_anywhere_a_task_ends_once_and_the_next_attempt_has_the_branch(bench: TaskBench, point: str) -> None:
    bench.faults.armed.add(point)
    with pytest.raises(Killed):
        bench.run()
    bench.restart()
    assert bench.run() == SUBMITTED
    assert not list(bench.context.root.tasks.glob("*/*worktree*"))
    assert bench.run(2) == SUBMITTED
    assert [event.task for event in bench.told()] == [FIRST, "links.tags.coder.2"]
    assert [(row.id, row.state, row.ended is not None) for row in bench.rows] == [
        (FIRST, "submitted", True),
        ("links.tags.coder.2", "submitted", True),
    ]
    assert bench.context.repository("links").worktrees() == []


def test_a_process_that_no_file_names_does_no_work(bench: TaskBench) -> None:
    folder = bench.folder(FIRST)
    worker = f"""
import os, pathlib, sys
sys.path.append({str(Path(__file__).parents[1])!r})
from pipeline.task_process import TaskProcesses
from task_bench import Programs
dies = lambda: os.kill(os.getpid(), 9)
TaskProcesses(Programs({bench.script!r})).start(pathlib.Path({str(folder)!r}), "token", dies)
"""
    assert (
        subprocess.run([sys.executable, "-c", worker], check=False, timeout=60, cwd=Path(__file__).parent).returncode
        == -signal.SIGKILL
    )
    assert not (folder / "process").exists()
    wait_for(lambda: not running(bench))
    assert not (folder / "begun").exists()
    assert bench.context.processes.start(folder, "token").wait(20) == 0
    assert (folder / "begun").exists()


def test_a_failure_is_written_down_and_not_run_again(bench: TaskBench) -> None:
    bench.agent("echo no model; exit 3")
    bench.faults.armed.add("generate.outcome-written")
    with pytest.raises(Killed):
        bench.run()
    bench.restart()
    bench.agent("echo must not run; exit 4")
    outcome = bench.run()
    assert outcome.state is OutcomeState.FAILED
    assert "ended with 3" in outcome.reason
    assert len(bench.told()) == 1


def test_a_cancelled_task_is_told_written_down_and_ended(bench: TaskBench) -> None:
    bench.agent(WAITS)
    bench.cancel()
    with pytest.raises(Cancelled, match="not wanted"):
        bench.run()
    (row,) = bench.rows
    assert (row.state, row.reason, row.ended is not None) == ("cancelled", "not wanted", True)
    assert [event.properties["state"] for event in bench.told()] == ["cancelled"]
    assert running(bench) == []
    assert not list(bench.context.root.tasks.glob("*/*worktree*"))


def test_a_change_cancelled_while_no_worker_ran_leaves_nothing_of_its_tasks(bench: TaskBench) -> None:
    left_by_a_killed_worker(bench)
    other = bench.folder("links.tags.2.coder.1")
    (other / "worktree").mkdir()
    bench.cancel()
    for _ in range(2):
        tasks.sweep(bench.context, bench.record)
    assert running(bench) == []
    assert [(row.state, row.reason) for row in bench.rows] == [("cancelled", "not wanted")]
    assert [event.properties["state"] for event in bench.told()] == ["cancelled"]
    assert bench.context.repository("links").worktrees() == []
    assert list(bench.context.root.tasks.glob("*/*worktree*")) == [other / "worktree"]


def test_what_cannot_be_swept_keeps_no_change_from_its_end_and_is_tried_again(
    bench: TaskBench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    left_by_a_killed_worker(bench)
    bench.cancel()
    with monkeypatch.context() as broken:
        broken.setattr(Repository, "remove_worktree", lambda *_: (_ for _ in ()).throw(OSError("read-only")))
        tasks.sweep(bench.context, bench.record)
    assert "read-only" in caplog.text
    assert [row.ended for row in bench.rows] == [None]
    # The change has not ended yet: nothing of it is the sweep's.
    tasks.sweep_ended(bench.context)
    assert [row.ended for row in bench.rows] == [None]
    with db.transaction(bench.context.database) as connection:
        records.end_change(connection, bench.record.id, ChangeState.CANCELLED, "not wanted")
    tasks.sweep_ended(bench.context)
    assert [row.state for row in bench.rows] == ["cancelled"]
    assert bench.context.repository("links").worktrees() == []


def test_an_outcome_that_was_reached_is_what_a_swept_task_ended_with(bench: TaskBench) -> None:
    bench.faults.armed.add("generate.outcome-written")
    with pytest.raises(Killed):
        bench.run()
    bench.cancel()
    tasks.sweep(bench.context, bench.record)
    assert [row.state for row in bench.rows] == ["submitted"]


def test_what_main_does_not_hold_of_an_ended_change_is_archived(bench: TaskBench) -> None:
    head = bench.merge.head
    tasks.sweep(bench.context, bench.record)
    assert bench.refs() == {"refs/heads/main", "refs/archive/tags"}
    assert bench.merge.git("rev-parse", "refs/archive/tags").stdout.strip() == head


def test_the_branch_of_a_merged_change_is_removed(bench: TaskBench) -> None:
    repository = bench.context.repository("links")
    repository.merge(
        bench.record.branch,
        expected_head=bench.merge.head,
        expected_base=bench.merge.main,
        message="m",
        trailers={"Change": bench.record.id},
    )
    tasks.sweep(bench.context, bench.record)
    assert bench.refs() == {"refs/heads/main"}


def test_a_worker_that_stops_ends_its_tasks_and_leaves_them_to_the_next(bench: TaskBench) -> None:
    bench.agent(WAITS)
    thread = bench.begin()
    wait_for((bench.folder(FIRST) / "begun").exists)
    bench.context.processes.close()
    # Whoever is killed is there for a moment more.
    wait_for(lambda: running(bench) == [])
    thread.join(1)
    # Held: an answer now would be remembered as the stage's.
    assert thread.is_alive()
    assert [row.state for row in bench.rows] == ["running"]
    assert bench.told() == []
    bench.restart()
    bench.agent('read -r token; cd "$2"; cp given.json outcome.json')
    assert bench.run() == SUBMITTED


def test_no_task_is_started_by_a_worker_that_stops(bench: TaskBench) -> None:
    bench.context.processes.close()
    thread = bench.begin()
    thread.join(1)
    assert thread.is_alive()
    assert not (bench.folder(FIRST) / "process").exists()


def test_what_a_killed_worker_left_is_swept_under_its_claim(bench: TaskBench) -> None:
    left_by_a_killed_worker(bench)
    root = bench.context.root
    names = ("tree-1", "tests-1", "scan-1", "up-links-staging")
    for name in names:
        (root.work / name / "deep").mkdir(parents=True)
        (root.work / name / "deep").chmod(0o500)
    doors, of_others = sockets.make(root), sockets.make(FactoryRoot(root.path / "another"))
    leftovers.stop_worker(root)
    assert (doors.exists(), of_others.exists()) == (False, True)
    of_others.rmdir()
    assert running(bench) == []
    assert [path.name for path in root.work.iterdir()] == ["up-links-staging"]
    # The task itself is the next worker's.
    assert [row.state for row in bench.rows] == ["running"]


def test_nothing_is_swept_while_a_worker_holds_its_claim(bench: TaskBench) -> None:
    claim = daemons.claim(bench.context.root, daemons.WORKER)
    (bench.context.root.work / "tree-1").mkdir(parents=True)
    leftovers.stop_worker(bench.context.root)
    assert (bench.context.root.work / "tree-1").exists()
    claim.release()
    leftovers.stop_worker(bench.context.root)
    assert not (bench.context.root.work / "tree-1").exists()


def test_another_process_of_the_same_number_is_left_alone(bench: TaskBench) -> None:
    left_by_a_killed_worker(bench)
    path = bench.folder(FIRST) / "process"
    pid, started = (int(word) for word in path.read_text().split())
    path.write_text(f"{pid} {started - 1}")
    task_process.end_leftover(path.parent)
    assert start_ticks(pid) == started
    path.write_text(f"{pid} {started}")
    task_process.end_leftover(path.parent)
    assert running(bench) == []


def test_a_tasks_row_names_the_attempt_it_is(bench: TaskBench) -> None:
    bench.run(2)
    bench.run("2.1", "code-reviewer")
    assert [(row.function, row.attempt) for row in bench.rows] == [("coder", 2), ("code-reviewer", 2)]


def test_a_task_is_offered_what_the_apps_file_leaves_to_its_function(bench: TaskBench) -> None:
    path = bench.context.root.apps / "links" / "app.yaml"
    told = path.read_text()
    for attempt, (tools, offered) in enumerate(
        [("", ["read", "search", "edit", "run"]), ("    tools: [edit, read]\n", ["read", "edit"])], start=1
    ):
        path.write_text(told.replace("  coder:\n", f"  coder:\n{tools}"))
        bench.run(attempt)
        brief = TaskBrief.model_validate_json((bench.folder(f"links.tags.coder.{attempt}") / "brief.json").read_bytes())
        assert list(brief.tools) == offered
    # Who reviews what came of it sees what it was done with.
    assert [event.properties["tools"] for event in bench.told("task.started")] == [
        ["read", "search", "edit", "run"],
        ["read", "edit"],
    ]
