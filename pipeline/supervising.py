"""A task's process from its start to its end, and what the task has when it begins."""

import time
from dataclasses import dataclass
from pathlib import Path

from agents.brief import EgressWay
from agents.task import LATER, OUTCOME
from factory.errors import AccessDenied
from pipeline.context import Context
from pipeline.gates import check_cancelled
from pipeline.records import ChangeRecord
from pipeline.task_grants import TaskGrants

POLL_SECONDS = 0.1
# A task's process that can go on later is run again so often, so far apart.
RESUMES = 20
RESUME_SECONDS = 2.0


@dataclass(frozen=True)
class Begun:
    """What a task has when it begins."""

    folder: Path
    worktree: Path
    egress: EgressWay | None
    grants: TaskGrants
    way: Path | None


def require_access(begun: Begun) -> None:
    """Raises AccessDenied when the task failed since what it holds is over: it can go on when a person says so."""
    try:
        begun.grants.require()
    except AccessDenied:
        (begun.folder / OUTCOME).unlink(missing_ok=True)
        raise


def until_ended(context: Context, record: ChangeRecord, begun: Begun, token: str, seconds: float) -> int:
    """Run the task's process until it has an outcome; again, so many times, when it says that it can go on later."""
    for _ in range(RESUMES):
        code = _supervise(context, record, begun, token, seconds)
        if code != LATER:
            break
        # Mostly the process of a dead worker, which still holds the task and is about to notice.
        time.sleep(RESUME_SECONDS)
    return code


def _supervise(context: Context, record: ChangeRecord, begun: Begun, token: str, seconds: float) -> int:
    """Run the task's process to its end; end it when the change is cancelled, what the task holds is over, or its time
    is long over.
    """
    reach = context.faults.reach
    process = context.processes.start(begun.folder, token, lambda: reach("generate.process-made"))
    reach("generate.task-started")
    deadline = time.monotonic() + seconds
    try:
        while not context.processes.ended(process):
            check_cancelled(context, record.id)
            begun.grants.beat()
            if time.monotonic() > deadline:
                break
            time.sleep(POLL_SECONDS)
    finally:
        if process.poll() is None:
            context.processes.end(process)
    return process.wait()
