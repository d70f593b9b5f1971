"""Merge: what was decided, and nothing else, reaches main; it is looked at again as merged, and built."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from factory import artefacts, db
from factory.approvals import Approval
from factory.errors import DecisionRequired, MillwrightError
from factory.findings import Finding, Severity
from factory.gates import Gate
from pipeline import accepted, mains
from pipeline.approvals import approved
from pipeline.context import ACTOR, Context
from pipeline.durable import Json
from pipeline.records import ChangeRecord
from pipeline.stages.check import scanned, shown_for_exception, tested, told
from pipeline.stages.main import main_as_recorded
from pipeline.stages.trees import exported


def shown_for_merge(context: Context, record: ChangeRecord, facts: Json) -> dict[str, Any]:
    """What a merge is decided on: the branch's commit, its diff, what tests, scanners and the reviewer said of it.

    `exception` says who accepted which critical findings; None when there were none to accept. `accepted`, where there
    are any, are those that exceptions.yaml covers.
    """
    repository = context.repository(record.app)
    head, base = repository.head(record.branch), repository.merge_base(record.branch)
    return {
        "change": record.id,
        "specification": record.digest,
        "head": head,
        # Whole, however long the diff is: nobody approves a file that they were not told of.
        "files": repository.changed_files(base, head),
        "diff": repository.diff(base, head),
        "tests": facts["tests"],
        "findings": facts["findings"],
        "exception": facts["exception"],
        "review": facts["review"],
        **({"accepted": facts["accepted"]} if facts.get("accepted") else {}),
    }


def merge(context: Context, identifier: str, argument: Json) -> Json:
    """Merge what the request `argument["request"]` decided. The answer: `{"state", "reason", "commit", "artefact"}`.

    `state` is merged, stale (something was pushed since), refused (no decision that holds) or broken (conflict, or
    the merged tree fails its tests, or brings critical findings).
    """
    record = context.change(identifier)
    repository = context.repository(record.app)
    main = main_as_recorded(context, record)
    try:
        approval = _decided(context, record, argument)
    except DecisionRequired as error:
        return _undecided(context, record, argument, error)
    head = argument["head"]
    if repository.merged(head):
        # Killed after main had moved: what that very merge gives was looked at before.
        return _built(context, record, approval, _ours(context, record, approval, head))
    check = repository.merge_check(record.branch)
    if check.conflicts:
        return {"state": "broken", "reason": "conflicts with main in " + ", ".join(check.conflicts)}
    if main != repository.merge_base(record.branch) and (
        reason := _bad_as_merged(context, record, check.tree, main, argument["facts"])
    ):
        return {"state": "broken", "reason": reason}
    context.faults.reach("merge.retested")
    try:
        # That took minutes: what was decided may not hold any more.
        approval = _decided(context, record, argument)
    except DecisionRequired as error:
        return _undecided(context, record, argument, error)
    commit = repository.merge(
        record.branch,
        expected_head=head,
        expected_base=main,
        message=f"{record.title}",
        trailers=_trailers(record, approval),
    )
    context.faults.reach("merge.main-moved")
    return _built(context, record, approval, commit)


def _decided(context: Context, record: ChangeRecord, argument: Json) -> Approval:
    """The approval of this merge as it is now, and of the exception it rests on. Raises DecisionRequired."""
    facts = argument["facts"]
    approval = approved(context, record.app, argument["request"], Gate.MERGE, shown_for_merge(context, record, facts))
    if exception := facts["exception"]:
        # Recomputed: it was granted for these findings on this very commit, or not at all.
        shown = shown_for_exception(record.id, argument["head"], exception["findings"])
        approved(context, record.app, exception["request"], Gate.SECURITY_EXCEPTION, shown)
    elif facts["findings"].get(Severity.CRITICAL):
        reason = "it has critical findings, and nobody of security has accepted them"
        context.tell("merge.refused", record, request=argument["request"], reason=reason)
        raise DecisionRequired(reason, hint="millwright inbox")
    if facts.get("accepted"):
        accepted.require_accepted(context, record, facts["accepted"])
    return approval


def _undecided(context: Context, record: ChangeRecord, argument: Json, error: DecisionRequired) -> Json:
    pushed = context.repository(record.app).head(record.branch) != argument["head"]
    return {"state": "stale" if pushed else "refused", "reason": str(error)}


def _trailers(record: ChangeRecord, approval: Approval) -> Mapping[str, str]:
    return {"Change": record.id, "Decision": str(approval.request), "Decided-by": ", ".join(approval.people)}


def _ours(context: Context, record: ChangeRecord, approval: Approval, head: str) -> str:
    """The commit on main that is exactly this decision's merge of `head`. Raises MillwrightError for another one."""
    repository = context.repository(record.app)
    if ours := repository.merged_as(head, _trailers(record, approval)):
        return ours
    reason = f"main holds {head[:12]} by a merge that is not the one request {approval.request} decided"
    context.tell("merge.refused", record, request=approval.request, reason=reason)
    raise MillwrightError(reason, hint=f"look at it (git --git-dir={repository.folder} log main), or cancel the change")


def _bad_as_merged(context: Context, record: ChangeRecord, tree: str, main: str, facts: Json) -> str:
    """What is wrong with the merged tree, "" when nothing is: main has gone on, so it is not the one looked at.

    The policy pack is not asked again: it judges the app's stacks, which no merge changes.
    """
    report = tested(context, record, tree, main)
    if not report.ok:
        return "as merged with main, tests fail:\n" + report.for_agent()
    found = accepted.split(context, record, scanned(context, record, tree, main, None)).left
    granted = Counter(
        Finding.model_validate(each).fingerprint() for each in (facts["exception"] or {"findings": []})["findings"]
    )
    critical = []
    for finding in (each for each in found if each.severity is Severity.CRITICAL):
        # Counted: the same mistake made a second time was not accepted.
        granted[finding.fingerprint()] -= 1
        if granted[finding.fingerprint()] < 0:
            critical.append(finding)
    context.tell("security.scanned_again", record, tree=tree, main=main, critical=len(critical))
    return "as merged with main, there are new critical findings:\n" + told(critical) if critical else ""


def _built(context: Context, record: ChangeRecord, approval: Approval, commit: str) -> Json:
    with db.transaction(context.database) as connection:
        mains.settle(connection, record.app, commit)
    context.tell("change.merged", record, commit=commit, decision=approval.request)
    digest = build(context, record.app, record.change, commit)
    context.faults.reach("merge.artefact-stored")
    context.set(record, artefact=digest, detail="merged")
    return {"state": "merged", "reason": "", "commit": commit, "artefact": digest}


def build(context: Context, app: str, change: str | None, commit: str) -> str:
    """The artefact of a commit: its tree, kept under its own digest."""
    with exported(context, app, commit) as tree:
        digest = artefacts.store(context.root, tree)
        context.faults.reach("merge.artefact-unrecorded")
        with db.transaction(context.database) as connection:
            artefacts.record(connection, tree, digest, app=app, change=change, commit=commit)
    return digest


def shown_for_revert(identifier: str, commit: str, reason: str) -> dict[str, Any]:
    """What taking a merge back from main is decided on."""
    return {
        "change": identifier,
        "what happened": reason,
        "approve": "take the merge back from main",
        "refuse": "leave it on main",
        "commit": commit,
    }


def revert(context: Context, identifier: str, argument: Json) -> Json:
    """Take the merge `argument["commit"]` back from main, by a commit of its own, as the request decided.

    The answer: `{"commit", "reason"}`; no commit when the decision does not hold, or later work builds on the merge.
    """
    record = context.change(identifier)
    repository = context.repository(record.app)
    main_as_recorded(context, record)
    merged = argument["commit"]
    try:
        shown = shown_for_revert(record.id, merged, argument["reason"])
        approval = approved(context, record.app, argument["request"], Gate.ATTENTION, shown)
        trailers = {"Change": record.id, "Decision": str(approval.request)}
        commit = repository.revert(merged, f"Revert: {record.title}", trailers)
    except mains.MovedByOthers:
        raise
    except MillwrightError as error:
        return {"commit": "", "reason": str(error)}
    context.faults.reach("revert.main-moved")
    with db.transaction(context.database) as connection:
        mains.settle(connection, record.app, commit)
    context.tell("change.reverted", record, actor=ACTOR, commit=commit, reverts=merged)
    return {"commit": commit, "reason": ""}
