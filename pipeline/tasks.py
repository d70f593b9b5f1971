"""One run of one agent: its worktree, its token, its process, its row; taken up again where a dead worker left it."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agents.brief import ContextPart, Outcome, TaskBrief, TaskLimits
from factory import db
from factory.paths import private_folder
from factory.processes import start_ticks
from factory.quiet import quiet_lock
from factory.spec import Function
from pipeline import records
from pipeline.context import Context, OpenTask
from pipeline.gates import check_cancelled
from pipeline.git import remove_tree
from pipeline.records import ChangeRecord, TaskRecord
from pipeline.spending import settled

POLL_SECONDS = 0.1
# The task ends itself at its own limit; this is for one that does not.
GRACE_SECONDS = 60.0
# A task's process that can go on later ends with this (sysexits: EX_TEMPFAIL); it is run again so often, so far apart.
LATER = os.EX_TEMPFAIL
RESUMES = 20
RESUME_SECONDS = 2.0
BRIEF, OUTCOME, PROCESS = "brief.json", "outcome.json", "process"


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """What an agent is to do. `commit` is where it starts; `branch` takes its commits (None: it only reads)."""

    function: str
    attempt: int | str
    commit: str
    branch: str | None
    context: dict[str, str]


def task_id(record: ChangeRecord, assignment: Assignment) -> str:
    """`<app>.<change>.<function>.<attempt>`: a file name, and unique among all tasks."""
    return f"{record.id.replace('/', '.')}.{assignment.function}.{assignment.attempt}"


def run_agent(context: Context, record: ChangeRecord, assignment: Assignment) -> Outcome:
    """The outcome of the task, which is run once however often this is called. Raises Cancelled."""
    task = task_id(record, assignment)
    folder = private_folder(context.root.tasks / task)
    if (done := _outcome(folder)) is None:
        _end_leftover(folder)
        settled(folder)
        with _worktree(context, record, assignment, folder / "worktree") as worktree:
            context.faults.reach("generate.worktree-made")
            done = _run(context, record, assignment, task, folder, worktree)
    _write_row(context, record, assignment, task, done)
    return done


@contextlib.contextmanager
def _worktree(context: Context, record: ChangeRecord, assignment: Assignment, folder: Path) -> Iterator[Path]:
    """Where the agent works: a worktree of its branch, or a plain copy for one that only reads; removed afterwards."""
    repository = context.repository(record.app)
    if assignment.branch is None:
        remove_tree(folder)
        repository.export(assignment.commit, folder)
    else:
        repository.worktree(folder, assignment.branch, assignment.commit)
    try:
        yield folder
    finally:
        if assignment.branch is None:
            remove_tree(folder)
        else:
            repository.remove_worktree(folder)


def _run(
    context: Context, record: ChangeRecord, assignment: Assignment, task: str, folder: Path, worktree: Path
) -> Outcome:
    brief = _brief(context, record, assignment, task, worktree)
    (folder / BRIEF).write_text(brief.model_dump_json(indent=1))
    _write_row(context, record, assignment, task, None)
    # What the agent sees, so that a reviewer sees it too.
    context.tell(
        "task.started",
        record,
        task=task,
        function=assignment.function,
        commit=assignment.commit,
        context=assignment.context,
    )
    context.open_tasks[task] = OpenTask(
        record=record,
        function=assignment.function,
        worktree=worktree,
        branch=assignment.branch,
        model=context.settings.model_name,
    )
    token = context.door.issue(task)
    try:
        code = _until_ended(context, record, folder, token, brief.limits.minutes * 60 + GRACE_SECONDS)
    finally:
        context.door.revoke(task)
        context.open_tasks.pop(task, None)
    done = _outcome(folder)
    if done is None:
        tail = (folder / "log").read_text(errors="replace")[-1000:]
        known = settled(folder)
        done = Outcome.failed(
            f"its process ended with {code} and no outcome: {tail}",
            brief,
            turns=len(known.steps),
            usage=known.usage(),
        )
    context.tell("task.ended", record, task=task, actor=_actor(record, assignment, task), **done.as_event())
    return done


def _brief(context: Context, record: ChangeRecord, assignment: Assignment, task: str, worktree: Path) -> TaskBrief:
    agent = context.spec(record.app).agents[Function(assignment.function)]
    return TaskBrief(
        task=task,
        app=record.app,
        change=record.change,
        function=assignment.function,
        attempt=str(assignment.attempt),
        worktree=worktree,
        quiet=quiet_lock(context.root, record.app),
        model_name=context.settings.model_name,
        scripted=context.settings.model == "scripted",
        limits=TaskLimits(turns=agent.turns, minutes=agent.minutes, dollars=agent.dollars),
        context=[ContextPart(name=name, text=text) for name, text in assignment.context.items()],
        door=context.door.url,
    )


def _until_ended(context: Context, record: ChangeRecord, folder: Path, token: str, seconds: float) -> int:
    """Run the task's process until it has an outcome; again, so many times, when it says that it can go on later."""
    for _ in range(RESUMES):
        code = _supervise(context, record, folder, token, seconds)
        if code != LATER:
            break
        # Mostly the process of a dead worker, which still holds the task and is about to notice.
        time.sleep(RESUME_SECONDS)
    return code


def _supervise(context: Context, record: ChangeRecord, folder: Path, token: str, seconds: float) -> int:
    """Run the task's process to its end; end it when the change is cancelled or its time is long over."""
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "agents.task", "--folder", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            # Nothing of ours is inherited: no key, no path to the factory's state.
            env={"PATH": os.defpath, "LANG": "C.UTF-8", "MILLWRIGHT_TASK_TOKEN": token},
            start_new_session=True,
        )
    (folder / PROCESS).write_text(f"{process.pid} {start_ticks(process.pid)}")
    context.faults.reach("generate.task-started")
    deadline = time.monotonic() + seconds
    try:
        while process.poll() is None:
            check_cancelled(context, record.id)
            if time.monotonic() > deadline:
                break
            time.sleep(POLL_SECONDS)
    finally:
        if process.poll() is None:
            _end_group(process.pid)
            process.wait()
    return process.returncode


def _end_leftover(folder: Path) -> None:
    """End the process that a dead worker had started for this task, if it still runs."""
    with contextlib.suppress(FileNotFoundError, ValueError, ProcessLookupError):
        pid, started = (int(word) for word in (folder / PROCESS).read_text().split())
        if start_ticks(pid) == started:
            _end_group(pid)
            for _ in range(100):
                start_ticks(pid)
                time.sleep(POLL_SECONDS)


def _end_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _outcome(folder: Path) -> Outcome | None:
    path = folder / OUTCOME
    return Outcome.model_validate_json(path.read_bytes()) if path.is_file() else None


def _write_row(context: Context, record: ChangeRecord, assignment: Assignment, task: str, done: Outcome | None) -> None:
    with db.transaction(context.database) as connection:
        known = {row.id: row for row in records.tasks_of(connection, record.app, record.change)}.get(task)
        row = TaskRecord(
            id=task,
            app=record.app,
            change=record.change,
            function=assignment.function,
            attempt=record.attempt or 1,
            state=done.state if done else "running",
            reason=done.reason if done else "",
            model=done.model if done else context.settings.model_name,
            scripted=done.scripted if done else context.settings.model == "scripted",
            turns=done.turns if done else 0,
            input_tokens=done.input_tokens if done else 0,
            output_tokens=done.output_tokens if done else 0,
            dollars=done.dollars if done else 0.0,
            started=known.started if known else records.now(),
            ended=records.now() if done else None,
        )
        records.put_task(connection, row)


def _actor(record: ChangeRecord, assignment: Assignment, task: str) -> str:
    return f"agent:{record.app}/{assignment.function}/{task}"
