"""Main as a stage finds it: at a commit that the factory brought it to, or nothing goes on."""

from factory import db
from pipeline import mains
from pipeline.context import Context
from pipeline.mains import MainRecord, MovedByOthers
from pipeline.records import ChangeRecord


def main_as_recorded(context: Context, record: ChangeRecord) -> str:
    """Main's commit. Raises MovedByOthers when somebody else moved it; that is an event too."""
    repository = context.repository(record.app)
    known = _known(context, record.app)
    while True:
        found = repository.head()
        if known is not None and known.explains(found):
            with db.transaction(context.database) as connection:
                # A move whose end was not recorded, by a kill, ends here.
                mains.settle(connection, record.app, found)
            return found
        before, known = known, _known(context, record.app)
        # A merge of another change may have come between: its intent is written before main moves.
        if known == before:
            break
    last = known.last if known else None
    context.tell("main.moved_by_others", record, found=found, recorded=last)
    if last is None:
        raise MovedByOthers(
            f"{record.app} has a repository that the factory did not seed: nothing is built on it",
            hint=f"look at it, move {repository.folder} away, then approve trying again: it is seeded anew",
        )
    git = f"git --git-dir={repository.folder}"
    look, back = f"{git} log {last[:12]}..{found[:12]}", f"{git} update-ref refs/heads/main {last} {found}"
    raise MovedByOthers(
        f"somebody else moved {record.app}'s main: it is at {found[:12]}, and the factory left it at {last[:12]}",
        hint=f"look at it ({look}), put main back ({back}), then approve trying again; what was pushed can come as a "
        "change of its own",
    )


def _known(context: Context, app: str) -> MainRecord | None:
    with db.transaction(context.database) as connection:
        return mains.read(connection, app)
