"""Test and security: the factory's own look at a commit, in sandboxes the agent has no part in."""

import contextlib

from factory import db, findings
from factory.errors import PolicyViolation
from factory.findings import Finding, Severity
from factory.spec import Environment
from pipeline.changefiles import load_change, load_held_out
from pipeline.checks import TestReport, run_security, run_tests
from pipeline.context import Context
from pipeline.durable import Json
from pipeline.records import ChangeRecord
from pipeline.stages.trees import exported
from stacks.driver import Kind
from stacks.driver.model import Violation


def test(context: Context, identifier: str, argument: Json) -> Json:
    """Run every suite on a commit. The answer holds what agents may be told, and counts; no held-out text."""
    record = context.change(identifier)
    report = tested(context, record, argument["head"])
    context.faults.reach("test.suites-ran")
    context.tell("tests.passed" if report.ok else "tests.failed", record, head=argument["head"], **report.as_json())
    return {"passed": report.ok, "report": report.as_json(), "feedback": report.for_agent()}


def tested(context: Context, record: ChangeRecord, commit: str) -> TestReport:
    """The report of every suite on a commit (or tree)."""
    change = load_change(context.root, record.app, record.change)
    held_out = load_held_out(context.root, record.app, record.change)
    repository = context.repository(record.app)
    context.set(record, detail="tests run: the app's own, visible and held-out criteria")
    with exported(context, record.app, commit) as tree, exported(context, record.app, repository.head()) as base:
        return run_tests(context.root, context.spec(record.app), tree, change, held_out, base=base)


def security(context: Context, identifier: str, argument: Json) -> Json:
    """Scan a commit. The answer: the findings that are new, and which of them are critical."""
    record = context.change(identifier)
    repository = context.repository(record.app)
    context.set(record, detail="scanners run: static analysis, secrets, policies")
    with (
        exported(context, record.app, argument["head"]) as tree,
        exported(context, record.app, repository.head()) as base,
    ):
        found = run_security(
            context.root,
            context.settings,
            context.spec(record.app),
            tree,
            base,
            lambda: _violations(context, record.app),
        )
    context.faults.reach("security.scanned")
    run = f"{identifier}:{argument['head'][:12]}"
    with db.transaction(context.database) as connection:
        findings.record(connection, app=record.app, change=record.change, run=run, found=found)
    counts = {severity.value: sum(f.severity is severity for f in found) for severity in Severity}
    context.tell("security.scanned", record, head=argument["head"], counts=counts)
    critical = [finding.model_dump(mode="json") for finding in found if finding.severity is Severity.CRITICAL]
    return {"critical": critical, "counts": counts, "feedback": _told(found)}


def _violations(context: Context, app: str) -> list[Violation]:
    """What the policy pack says of the app's factory as it would be now."""
    operation = context.driver.start(Kind.PREVIEW, app, Environment.STAGING)
    found = [event for event in operation.events() if isinstance(event, Violation)]
    # A mandatory violation ends the preview: it is what was looked for.
    with contextlib.suppress(PolicyViolation):
        operation.result()
    return found


def _told(found: list[Finding]) -> str:
    return "\n".join(f"{f.severity} {f.tool}:{f.rule} {f.path}:{f.line}: {f.message}" for f in found)
