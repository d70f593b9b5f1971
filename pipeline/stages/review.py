"""Review: an agent reads the diff first; what it finds goes back to the coder, and to the person who decides."""

from pipeline.context import Context
from pipeline.durable import Json
from pipeline.tasks import Assignment, run_agent

DIFF_NAME = "the change as a diff"


def review(context: Context, identifier: str, argument: Json) -> Json:
    """Let a code-reviewer read. The answer: `{"state", "verdict", "summary", "comments"}`."""
    record = context.change(identifier)
    context.set(record, detail="an agent reviews")
    repository = context.repository(record.app)
    head = argument["head"]
    outcome = run_agent(
        context,
        record,
        Assignment(
            function="code-reviewer",
            attempt=argument["round"],
            commit=head,
            branch=None,
            context={
                **specification(record.specification),
                DIFF_NAME: repository.diff(repository.head(), head),
                "test results": argument["tests"],
                "scanner findings": argument["findings"] or "none",
            },
        ),
    )
    context.faults.reach("review.task-ended")
    submission = outcome.submission or {}
    return {
        "state": outcome.state,
        "reason": outcome.reason,
        "verdict": submission.get("verdict", ""),
        "summary": submission.get("summary", ""),
        "comments": submission.get("comments", []),
    }


def specification(parts: Json) -> dict[str, str]:
    """What agents may see of a change, as named texts."""
    return {f"change: {name}": str(text) for name, text in parts.items()}
