"""Intake: the change's files are what was submitted, the app has its repository, and its build environment stands."""

from factory import db, environments
from factory.errors import InputError
from factory.spec import Environment
from pipeline.changefiles import lint_change
from pipeline.context import Context
from pipeline.durable import Json
from pipeline.specification import as_submitted
from pipeline.stages.main import main_as_recorded


def intake(context: Context, identifier: str, argument: Json) -> Json:
    """The answer: `{"ok": true}`, or `{"ok": false, "reason"}` when what stands there is not what was submitted."""
    del argument
    record = context.change(identifier)
    spec = context.spec(record.app)
    # First: what a mistake in another file would say is not for those who read the answer.
    try:
        as_submitted(context.root, record)
    except InputError as error:
        return {"ok": False, "reason": str(error)}
    lint_change(context.root, record.app, record.change)
    context.repository(record.app).ensure(context.root.apps / record.app / "source")
    context.faults.reach("intake.repository-seeded")
    main_as_recorded(context, record)
    if Environment.BUILD in spec.environments and not _stands(context, spec.stack(Environment.BUILD)):
        context.set(record, detail="the build environment is being made")
        context.driver.up(record.app, Environment.BUILD)
        context.faults.reach("intake.build-made")
    return {"ok": True}


def _stands(context: Context, stack: str) -> bool:
    with db.transaction(context.database) as connection:
        row = environments.read(connection, stack)
    return row is not None and row.outputs is not None
