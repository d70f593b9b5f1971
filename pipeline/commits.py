"""A step of an agent becomes a commit: looked at, made and recorded by the factory, never by the agent."""

from factory.errors import AccessDenied
from factory.spec.access import REPOSITORY
from pipeline.context import Context
from pipeline.git import CommitRefused, Moved
from pipeline.task_door import Step, StepAnswer


def commit_step(context: Context, task: str, step: Step) -> StepAnswer:
    """Commit what a step changed, once. A step that touches what agents may not is refused, told, and undone; one that
    comes when the task's grants are over is refused, and stays in the worktree.
    """
    opened = context.open_tasks.get(task)
    if opened is None or opened.branch is None:
        return StepAnswer(commit=None, problems=("this task may not commit",))
    try:
        opened.grants.require()
    except AccessDenied as denied:
        # Its process is ended by the worker's next look at it.
        return StepAnswer(commit=None, problems=(str(denied),))
    record = opened.record
    actor = f"agent:{record.app}/{opened.function}/{task}"
    try:
        commit = context.repository(record.app).commit_step(
            opened.worktree,
            opened.branch,
            message=step.summary or f"Step {step.step}",
            trailers={
                "Change": record.id,
                "Task": task,
                "Function": opened.function,
                "Grant": opened.grants.ids[REPOSITORY],
                "Model": opened.model if context.settings.model == "live" else f"{opened.model} (scripted)",
            },
            key=f"{task}/{step.step}",
        )
    except Moved as moved:
        return StepAnswer(commit=None, problems=(f"somebody pushed to the branch meanwhile: {moved}",))
    except CommitRefused as refused:
        # The agent goes on from what stood before: else every later step would be refused for the same files.
        context.repository(record.app).restore(opened.worktree, opened.branch)
        told = tuple(str(problem) for problem in refused.problems)
        context.tell("commit.refused", record, actor=actor, task=task, step=step.step, problems=told)
        return StepAnswer(commit=None, problems=told)
    context.faults.reach("generate.step-committed")
    if commit:
        context.tell("commit.made", record, actor=actor, task=task, step=step.step, commit=commit)
    return StepAnswer(commit=commit)
