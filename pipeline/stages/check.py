"""Test and security: the factory's own look at a commit, in sandboxes the agent has no part in."""

import json

from factory import db, findings
from factory.errors import PolicyViolation
from factory.findings import Finding, Severity
from factory.spec import Environment
from pipeline import accepted
from pipeline.checks import TestReport, run_security, run_tests
from pipeline.checks.security import Preview
from pipeline.context import Context
from pipeline.durable import Json
from pipeline.records import ChangeRecord
from pipeline.specification import as_submitted, report_file
from pipeline.stages.main import main_as_recorded
from pipeline.stages.trees import exported, exported_as_built
from stacks.driver import Kind
from stacks.driver.model import Violation


def test(context: Context, identifier: str, argument: Json) -> Json:
    """Run every suite on a commit. The answer holds what agents may be told, and counts; no held-out text."""
    record = context.change(identifier)
    main_as_recorded(context, record)
    base = context.repository(record.app).merge_base(record.branch)
    report = tested(context, record, argument["head"], base)
    context.faults.reach("test.suites-ran")
    kind, head = "tests.passed" if report.ok else "tests.failed", argument["head"]
    # Once per commit: the report says how long it took, which is never the same again.
    context.tell(kind, record, once=head, head=head, **report.as_json())
    return {"passed": report.ok, "report": report.as_json(), "feedback": report.for_agent()}


def tested(context: Context, record: ChangeRecord, commit: str, base: str) -> TestReport:
    """The report of every suite on a commit (or tree), beside the commit before it; on what would be deployed of both.

    What people may know of it, held-out text included, is kept where no agent's sandbox reaches.
    """
    change, held_out = as_submitted(context.root, record)
    context.set(record, detail="tests run: the app's own, visible and held-out criteria")
    with (
        exported_as_built(context, record.app, commit) as tree,
        exported_as_built(context, record.app, base) as before,
    ):
        report = run_tests(context.root, context.spec(record.app), tree, change, held_out, base=before)
    path = report_file(context.root, record)
    path.touch(mode=0o600)
    path.write_text(f"{record.id} at {commit}\n\n{json.dumps(report.for_people(), indent=2)}\n")
    return report


def security(context: Context, identifier: str, argument: Json) -> Json:
    """Scan a commit. The answer: the findings that are new, which are critical, and which somebody has accepted."""
    record = context.change(identifier)
    before = context.repository(record.app).merge_base(record.branch)
    context.set(record, detail="scanners run: static analysis, secrets, policies")
    found = scanned(context, record, argument["head"], before, lambda: _violations(context, record.app))
    context.faults.reach("security.scanned")
    run = f"{identifier}:{argument['head'][:12]}"
    with db.transaction(context.database) as connection:
        findings.record(connection, app=record.app, change=record.change, run=run, found=found)
    # Kept before: what is to be accepted has to be seen.
    open_ones = accepted.split(context, record, found)
    counts = {severity.value: sum(f.severity is severity for f in open_ones.left) for severity in Severity}
    context.tell("security.scanned", record, head=argument["head"], counts=counts, **_accepted_ids(open_ones))
    critical = [finding.model_dump(mode="json") for finding in open_ones.left if finding.severity is Severity.CRITICAL]
    feedback = "\n".join(filter(None, (told(open_ones.left), open_ones.told())))
    return {"critical": critical, "counts": counts, "feedback": feedback, "accepted": open_ones.as_json()}


def _accepted_ids(split: accepted.Split) -> Json:
    return {"accepted": [entry.id for _, entry in split.accepted]} if split.accepted else {}


def scanned(context: Context, record: ChangeRecord, commit: str, base: str, preview: Preview | None) -> list[Finding]:
    """What a commit (or tree) brings that the commit before it does not hold, worst first; see `scan`."""
    spec = context.spec(record.app)
    with exported(context, record.app, commit) as tree, exported(context, record.app, base) as before:
        return run_security(context.root, context.settings, spec, tree, before, preview)


def shown_for_exception(identifier: str, head: str, critical: list[Json]) -> Json:
    """What a security exception is decided on: these critical findings, on this commit of this change."""
    return {"change": identifier, "head": head, "findings": critical}


def _violations(context: Context, app: str) -> list[Violation]:
    """What the policy pack says of the app's factory as it would be now."""
    operation = context.driver.start(Kind.PREVIEW, app, Environment.STAGING)
    found = [event for event in operation.events() if isinstance(event, Violation)]
    try:
        operation.result()
    except PolicyViolation:
        # A mandatory violation ends the preview: it is what was looked for. A pack that did not run is not.
        if not found:
            raise
    return found


def told(found: list[Finding]) -> str:
    """Findings as an agent may be told them, one a line."""
    return "\n".join(f"{f.severity} {f.tool}:{f.rule} {f.path}:{f.line}: {f.message}" for f in found)
