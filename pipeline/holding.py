"""What a task of a change holds while it runs; while people decide on it, the change waits for them."""

import contextlib

from access.client import Told
from factory.spec import Function
from pipeline.context import Context
from pipeline.gates import check_cancelled
from pipeline.records import ChangeRecord, ChangeState
from pipeline.task_grants import Holder, People, TaskGrants, needs, taken


def held(
    context: Context, record: ChangeRecord, task: str, function: Function, attempt: int, branch: str | None
) -> contextlib.AbstractContextManager[TaskGrants]:
    """What the task holds for as long as the block runs. `branch` takes its commits.

    Raises AccessDenied, CloudUnavailable, Cancelled.
    """
    before = context.change(record.id).detail

    def waits(told: Told) -> None:
        check_cancelled(context, record.id)
        asked = f"{told.grant['resource']} ({told.grant['scope']})"
        detail = f"the {function} waits for a person to let it into {asked}: millwright review {told.grant['request']}"
        context.set(record, state=ChangeState.WAITING, detail=detail)

    def goes_on() -> None:
        context.set(record, state=ChangeState.RUNNING, detail=before)

    holder = Holder(
        app=record.app,
        change=record.change,
        function=function,
        task=task,
        attempt=attempt,
        on_behalf_of=record.author,
    )
    spec = context.spec(record.app)
    return taken(context.access, spec, holder, needs(spec, function, branch), People(waits, goes_on))
