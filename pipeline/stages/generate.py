"""Generate: a coder works in its own worktree, on the change's branch; every step of it is a commit."""

from pipeline.context import Context
from pipeline.durable import Json
from pipeline.stages.review import specification
from pipeline.tasks import Assignment, run_agent

MAP_FILES = 200


def generate(context: Context, identifier: str, argument: Json) -> Json:
    """Let a coder work. The answer: `{"state", "reason", "head"}`; `head` is the branch's commit afterwards."""
    record = context.change(identifier)
    attempt = argument["attempt"]
    context.set(record, attempt=attempt, detail=f"a coder works, attempt {attempt}")
    repository = context.repository(record.app)
    base = repository.head(record.branch) if repository.exists(record.branch) else repository.head()
    outcome = run_agent(
        context,
        record,
        Assignment(
            function="coder",
            attempt=attempt,
            commit=base,
            branch=record.branch,
            context={
                **specification(record.specification),
                "files of the app": "\n".join(repository.files(base)[:MAP_FILES]),
                **({"what went wrong before": argument["feedback"]} if argument["feedback"] else {}),
            },
        ),
    )
    head = repository.head(record.branch)
    context.set(record, head=head)
    context.faults.reach("generate.task-ended")
    return {"state": outcome.state, "reason": outcome.reason, "head": head, "changed": head != repository.head()}
