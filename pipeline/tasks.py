"""One run of one agent: its worktree, its token, its process, its row; taken up again where a dead worker left it."""

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from agents.brief import ContextPart, Outcome, OutcomeState, TaskBrief, TaskLimits
from agents.task import BRIEF, OUTCOME, write_outcome
from factory import db
from factory.paths import private_folder
from factory.quiet import quiet_lock
from factory.spec import Function, variable_name
from factory.trees import remove_tree
from pipeline import records
from pipeline.context import Context, OpenTask
from pipeline.gates import Cancelled
from pipeline.holding import held
from pipeline.reaching import reached, variable_of
from pipeline.records import ChangeRecord, ChangeState, TaskRecord
from pipeline.spending import settled
from pipeline.supervising import Begun, require_access, until_ended
from pipeline.task_grants import APIS, DATABASES, SECRETS, TaskGrants
from pipeline.task_process import OUTPUT, end_leftover
from pipeline.ways_out import way_out

# The task ends itself at its own limit; this is for one that does not.
GRACE_SECONDS = 60.0
WORKTREE = "worktree"
LOG = logging.getLogger("millwright.worker")


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """What an agent is to do. `commit` is where it starts; `branch` takes its commits (None: it only reads)."""

    function: str
    attempt: int | str
    commit: str
    branch: str | None
    context: dict[str, str]

    @property
    def number(self) -> int:
        """The coder's attempt that this is about: "2.1" looks at the second one again."""
        return int(str(self.attempt).split(".")[0])


def task_id(record: ChangeRecord, assignment: Assignment) -> str:
    """`<app>.<change>.<function>.<attempt>`: a file name, and unique among all tasks."""
    return f"{record.id.replace('/', '.')}.{assignment.function}.{assignment.attempt}"


def run_agent(context: Context, record: ChangeRecord, assignment: Assignment) -> Outcome:
    """The outcome of the task, which is run once however often this is called.

    Raises Cancelled, and AccessDenied when what it needs is not given, or is over before it is.
    """
    task = task_id(record, assignment)
    folder = private_folder(context.root.tasks / task)
    try:
        if (done := _outcome(folder)) is None:
            end_leftover(folder)
            settled(folder)
            with _held(context, record, assignment) as grants:
                worktree = _worktree(context, record, assignment, folder / WORKTREE)
                context.faults.reach("generate.worktree-made")
                with (
                    way_out(context, record, assignment.function, task, folder) as egress,
                    reached(context, grants, folder) as way,
                ):
                    begun = Begun(folder, worktree, egress, grants, way)
                    done = _run(context, record, assignment, begun)
            context.faults.reach("generate.outcome-written")
    except Cancelled:
        end_task(context, record, folder)
        raise
    # Also where a dead worker had come this far: a worktree that stays keeps the branch from the next attempt.
    _remove_worktree(context, record, folder)
    _close(context, record, task, done)
    return done


def sweep(context: Context, record: ChangeRecord) -> None:
    """Leave nothing of a change that ends: its tasks' processes, worktrees and open rows, its branch.

    May be repeated, and goes on after a kill. The branch's commits stay reachable (see `Repository.retire`). What
    cannot be removed is logged, and keeps no change from its end; open tasks are tried again by the next worker.
    """
    for folder in _folders(context, record):
        _logged(partial(end_task, context, record, folder))
    _logged(lambda: context.repository(record.app).retire(record.branch))


def sweep_ended(context: Context) -> None:
    """Sweep every change that has ended and has a task that has not."""
    with db.transaction(context.database) as connection:
        open_tasks = records.open_tasks(connection)
        ended = [record for record in records.all_changes(connection) if record.ended]
    for record in ended:
        if {task.id for task in open_tasks} & {folder.name for folder in _folders(context, record)}:
            sweep(context, record)


def _logged(work: Callable[[], None]) -> None:
    try:
        work()
    except Exception:
        LOG.exception("something of a change that ends could not be removed")


def end_task(context: Context, record: ChangeRecord, folder: Path) -> None:
    """End the task in `folder`, wherever it is: its process, its worktree, its row."""
    end_leftover(folder)
    _remove_worktree(context, record, folder)
    with db.transaction(context.database) as connection:
        row = records.read_task(connection, folder.name)
    if row is not None and row.ended is None:
        change = context.change(record.id)
        said = change.state is ChangeState.CANCELLING or change.ended
        reason = change.detail if said else "its change has come to an end"
        _close(context, record, row.id, _outcome(folder) or _cancelled(reason, row, folder))


def _folders(context: Context, record: ChangeRecord) -> list[Path]:
    beginning = record.id.replace("/", ".") + "."
    found = sorted(context.root.tasks.glob(f"{beginning}*"))
    # `links.tags.2.coder.1` is a task of the change `tags` submitted again, not of this one.
    return [folder for folder in found if folder.name.removeprefix(beginning).split(".")[0] in set(Function)]


def _held(
    context: Context, record: ChangeRecord, assignment: Assignment
) -> contextlib.AbstractContextManager[TaskGrants]:
    function, branch = Function(assignment.function), assignment.branch
    return held(context, record, task_id(record, assignment), function, assignment.number, branch)


def _worktree(context: Context, record: ChangeRecord, assignment: Assignment, folder: Path) -> Path:
    """Where the agent works: a worktree of its branch, or a plain copy for one that only reads."""
    repository = context.repository(record.app)
    if assignment.branch is None:
        remove_tree(folder)
        repository.export(assignment.commit, folder)
    else:
        repository.worktree(folder, assignment.branch, assignment.commit)
    return folder


def _remove_worktree(context: Context, record: ChangeRecord, folder: Path) -> None:
    """Remove where the task worked, and what a kill left of making it. Nothing there is fine."""
    repository, worktree = context.repository(record.app), folder.resolve() / WORKTREE
    if worktree in {known.folder for known in repository.worktrees()}:
        repository.remove_worktree(worktree)
    for left in folder.glob(f"*{WORKTREE}*"):
        remove_tree(left)


def _run(context: Context, record: ChangeRecord, assignment: Assignment, begun: Begun) -> Outcome:
    task, folder, egress = task_id(record, assignment), begun.folder, begun.egress
    brief = _brief(context, record, assignment, begun)
    (folder / BRIEF).write_text(brief.model_dump_json(indent=1))
    _open(context, record, assignment, task)
    # What the agent sees, so that a reviewer sees it too.
    context.tell(
        "task.started",
        record,
        task=task,
        once=task,
        function=assignment.function,
        commit=assignment.commit,
        tools=list(brief.tools),
        context=assignment.context,
        egress=egress.hosts if egress else [],
        grants=begun.grants.ids,
    )
    context.open_tasks[task] = OpenTask(
        record=record,
        function=assignment.function,
        worktree=begun.worktree,
        branch=assignment.branch,
        model=context.settings.model_name,
        grants=begun.grants,
        way=begun.way,
    )
    token = context.door.issue(task)
    try:
        code = until_ended(context, record, begun, token, brief.limits.minutes * 60 + GRACE_SECONDS)
    finally:
        context.door.revoke(task)
        context.open_tasks.pop(task, None)
    done = _outcome(folder)
    if done is None or done.state is OutcomeState.FAILED:
        require_access(begun)
    if done is None:
        tail = (folder / OUTPUT).read_text(errors="replace")[-1000:]
        known = settled(folder)
        reason = f"its process ended with {code} and no outcome: {tail}"
        done = Outcome.failed(reason, brief, turns=len(known.steps), usage=known.usage())
        # So that it is not run again when this worker is killed before the answer is remembered.
        write_outcome(folder, done)
    return done


def _brief(context: Context, record: ChangeRecord, assignment: Assignment, begun: Begun) -> TaskBrief:
    spec, function = context.spec(record.app), Function(assignment.function)
    agent = spec.agents[function]
    return TaskBrief(
        task=task_id(record, assignment),
        app=record.app,
        change=record.change,
        function=assignment.function,
        attempt=str(assignment.attempt),
        worktree=begun.worktree,
        quiet=quiet_lock(context.root, record.app),
        model_name=agent.model or context.settings.model_name,
        scripted=context.settings.model == "scripted",
        limits=TaskLimits(turns=agent.budget.turns, minutes=agent.budget.minutes, dollars=agent.budget.dollars),
        tools=spec.tools_of(function),
        context=[ContextPart(name=name, text=text) for name, text in assignment.context.items()],
        door=context.door.url,
        egress=begun.egress,
        databases=_scopes(begun, DATABASES),
        apis=_scopes(begun, APIS),
        secrets=sorted(variable_name(name) for name in begun.grants.held(SECRETS)),
    )


def _scopes(begun: Begun, kind: str) -> dict[str, str]:
    return {variable_of(name): told.grant["scope"] for name, told in begun.grants.held(kind).items()}


def _outcome(folder: Path) -> Outcome | None:
    path = folder / OUTCOME
    return Outcome.model_validate_json(path.read_bytes()) if path.is_file() else None


def _cancelled(reason: str, row: TaskRecord, folder: Path) -> Outcome:
    known = settled(folder)
    return Outcome.without_own(
        OutcomeState.CANCELLED,
        reason,
        turns=len(known.steps),
        usage=known.usage(),
        model=row.model,
        scripted=row.scripted,
    )


def _open(context: Context, record: ChangeRecord, assignment: Assignment, task: str) -> None:
    """The task has a row, from its first start on."""
    with db.transaction(context.database) as connection:
        known = records.read_task(connection, task)
        row = TaskRecord(
            id=task,
            app=record.app,
            change=record.change,
            function=assignment.function,
            attempt=assignment.number,
            state="running",
            reason="",
            model=context.settings.model_name,
            scripted=context.settings.model == "scripted",
            turns=0,
            input_tokens=0,
            output_tokens=0,
            dollars=0.0,
            started=known.started if known else records.now(),
            ended=None,
        )
        records.put_task(connection, row)


def _close(context: Context, record: ChangeRecord, task: str, done: Outcome) -> None:
    """Tell that the task has ended, and write it down; once."""
    with db.transaction(context.database) as connection:
        row = records.read_task(connection, task)
    if row is None or row.ended is not None:
        return
    actor = f"agent:{record.app}/{row.function}/{task}"
    context.tell("task.ended", record, task=task, actor=actor, once=task, **done.as_event())
    ended = done.model_dump(exclude={"submission"}) | {"state": done.state.value, "ended": records.now()}
    with db.transaction(context.database) as connection:
        records.put_task(connection, row.model_copy(update=ended))
