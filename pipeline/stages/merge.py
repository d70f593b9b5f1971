"""Merge: what was decided, and nothing else, reaches main; it is tested again as merged, and built."""

import hashlib
from typing import Any

from factory import artefacts, db, decisions
from factory.errors import DecisionRequired, MillwrightError
from factory.fingerprints import fingerprint
from factory.gates import Gate
from pipeline.context import ACTOR, Context
from pipeline.durable import Json
from pipeline.records import ChangeRecord
from pipeline.stages.check import tested
from pipeline.stages.trees import exported

DIFF_LIMIT = 200_000


def shown_for_merge(context: Context, record: ChangeRecord, facts: Json) -> dict[str, Any]:
    """What a merge is decided on: the branch's commit, its diff, what tests, scanners and the reviewer said of it."""
    repository = context.repository(record.app)
    head = repository.head(record.branch)
    diff = repository.diff(repository.merge_base(record.branch), head)
    return {
        "change": record.id,
        "specification": record.digest,
        "head": head,
        "diff": diff[:DIFF_LIMIT],
        "diff_sha256": hashlib.sha256(diff.encode()).hexdigest(),
        "tests": facts["tests"],
        "findings": facts["findings"],
        "review": facts["review"],
    }


def merge(context: Context, identifier: str, argument: Json) -> Json:
    """Merge what the request `argument["request"]` decided. The answer: `{"state", "reason", "commit", "artefact"}`.

    `state` is merged, stale (something was pushed since), refused (no decision that holds) or broken (conflict, or
    the merged tree fails its tests).
    """
    record = context.change(identifier)
    repository = context.repository(record.app)
    shown = shown_for_merge(context, record, argument["facts"])
    if already := repository.merged(shown["head"]):
        # Killed after main had moved: the tests of that very merge had passed before.
        return _built(context, record, argument["request"], already)
    try:
        decision = decisions.verified(
            context.database,
            context.people(),
            argument["request"],
            gate=Gate.MERGE,
            fingerprint=fingerprint(shown),
        )
    except DecisionRequired as error:
        pushed = shown["head"] != argument["head"]
        return {"state": "stale" if pushed else "refused", "reason": str(error)}
    main = repository.head()
    check = repository.merge_check(record.branch)
    if check.conflicts:
        return {"state": "broken", "reason": "conflicts with main in " + ", ".join(check.conflicts)}
    if main != repository.merge_base(record.branch):
        # Main has gone on, so the merged tree is another one than was tested.
        report = tested(context, record, check.tree, main)
        if not report.ok:
            return {"state": "broken", "reason": "as merged with main, tests fail:\n" + report.for_agent()}
    context.faults.reach("merge.retested")
    commit = repository.merge(
        record.branch,
        expected_head=shown["head"],
        expected_base=main,
        message=f"{record.title}",
        trailers={"Change": record.id, "Decision": str(decision.request), "Decided-by": decision.person},
    )
    context.faults.reach("merge.main-moved")
    return _built(context, record, decision.request, commit)


def _built(context: Context, record: ChangeRecord, request: int, commit: str) -> Json:
    context.tell("change.merged", record, commit=commit, decision=request)
    digest = build(context, record.app, record.change, commit)
    context.faults.reach("merge.artefact-stored")
    context.set(record, artefact=digest, detail="merged")
    return {"state": "merged", "reason": "", "commit": commit, "artefact": digest}


def build(context: Context, app: str, change: str | None, commit: str) -> str:
    """The artefact of a commit: its tree, kept under its own digest."""
    with exported(context, app, commit) as tree:
        digest = artefacts.store(context.root, tree)
        with db.transaction(context.database) as connection:
            artefacts.record(connection, tree, digest, app=app, change=change, commit=commit)
    return digest


def revert(context: Context, identifier: str, argument: Json) -> Json:
    """Take a merge back from main, by a commit of its own. The answer: `{"commit"}`."""
    record = context.change(identifier)
    repository = context.repository(record.app)
    try:
        commit = repository.revert(
            argument["commit"],
            f"Revert: {record.title}",
            {"Change": record.id, "Decision": str(argument["request"])},
        )
    except MillwrightError as error:
        return {"commit": "", "reason": str(error)}
    context.tell("change.reverted", record, actor=ACTOR, commit=commit, reverts=argument["commit"])
    return {"commit": commit, "reason": ""}
