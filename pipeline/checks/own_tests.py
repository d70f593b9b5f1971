"""Runs the app's own tests: what they say is what the app's code says of itself.

They run in one process with pytest, so they can lie, also about how many they are; what is caught is what happens by
mistake or by the simple tricks. Nothing rests on them alone: the criteria are run where no code of the app's is loaded.
"""

import sys
import threading
from collections import Counter
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Final

from factory.errors import MillwrightError
from factory.spec import source_digest
from pipeline.checks.reports import Failure, SuiteName, SuiteReport, bounded
from pipeline.checks.verdicts import Case, NoVerdict, read_cases
from sandbox import Bind, Confined, Limits, Ran, python_binds, run

TREE: Final = "/app"
OUT: Final = "/out"
VERDICT: Final = "verdict.xml"
SECONDS: Final = 300.0
# As `python -m pytest`, which puts the app's tree first on the path, but only once pytest itself has been found: a
# `pytest.py` of the app's would write the verdict in its place.
LAUNCH: Final = f"import sys, pytest; sys.path.insert(0, {TREE!r}); sys.exit(pytest.console_main())"
PYTEST: Final = ("python", "-P", "-c", LAUNCH, "-p", "no:cacheprovider")
VERDICT_ARGUMENTS: Final = ("--junitxml", f"{OUT}/{VERDICT}", "--tb=short")
ENVIRONMENT: Final = {"PYTHONDONTWRITEBYTECODE": "1"}
# pytest's own: 0 is passed, 1 is failures; anything else is no verdict.
VERDICT_CODES: Final = (0, 1)


_LOCK = threading.Lock()
_FOUND: dict[str, "Future[int]"] = {}


def run_own_tests(tree: Path, base: Path | None, fewer_tests: str, work: Path) -> SuiteReport:
    """Run the tests of `tree`; with `base`, not fewer of them may run than pass there, unless `fewer_tests` says why.

    Raises MillwrightError when the tests of `base` itself have no verdict.
    """
    report = _judged(_run(tree, work / "tree", VERDICT_ARGUMENTS), work / "tree")
    ran = report.passed + report.failed + report.errors
    if base is None or fewer_tests or report.problem or ran >= _collected(base, work / "collected"):
        return report
    # Some of those that are collected may be skipped here, in the tree and before it: only a run can tell.
    before = _judged(_run(base, work / "base", VERDICT_ARGUMENTS), work / "base")
    if before.problem or not before.passed:
        raise MillwrightError(
            f"the app's tests have no verdict before the change: {before.problem or 'none passes'}",
            hint="mend the tests on main first",
        )
    if ran >= before.passed:
        return report
    return replace(
        report,
        problem=f"fewer tests than before the change: {ran} ran, {before.passed} passed before; "
        "a change that is to remove tests says so in its section `## Fewer tests`",
    )


def _collected(base: Path, work: Path) -> int:
    """At most how many tests of `base` can pass: how many pytest finds. More than any app has when that fails.

    Found once per tree: most changes of a day come after the same one.
    """
    key = source_digest(base)
    with _LOCK:
        known = _FOUND.get(key)
        if known is None:
            mine = _FOUND[key] = Future[int]()
    if known is not None:
        return known.result()
    found = sys.maxsize
    try:
        found = _found(base, work)
    finally:
        if found == sys.maxsize:
            # No answer for good: the machine may have been too slow, this time.
            with _LOCK:
                del _FOUND[key]
        mine.set_result(found)
    return found


def _found(base: Path, work: Path) -> int:
    ran = _run(base, work, ("--collect-only", "-q"))
    found = sum("::" in line for line in ran.out.splitlines())
    return found if ran.code == 0 and found else sys.maxsize


def _run(tree: Path, work: Path, arguments: tuple[str, ...]) -> Ran:
    work.mkdir(mode=0o700)
    return run(
        Confined(
            argv=(*PYTEST, *arguments),
            binds=(*python_binds(), Bind(tree, TREE), Bind(work, OUT, writable=True)),
            env=ENVIRONMENT,
            cwd=TREE,
            limits=Limits(seconds=SECONDS, file_mib=64),
        )
    )


def _judged(ran: Ran, work: Path) -> SuiteReport:
    try:
        cases = read_cases(work / VERDICT)
    except NoVerdict as error:
        return _report([], ran, f"{error}: {_how(ran)}\n{bounded(ran.out + ran.err)}")
    return _report(cases, ran, _disagreement(cases, ran))


def _disagreement(cases: list[Case], ran: Ran) -> str:
    """What is wrong although there is a verdict; "" when nothing is."""
    if not cases:
        return f"no test ran: {_how(ran)}\n{bounded(ran.out + ran.err)}"
    bad = any(case.outcome in ("failed", "error") for case in cases)
    if ran.timed_out or ran.code not in VERDICT_CODES or (ran.code == 1) != bad:
        return f"the verdict and the run do not agree: {_how(ran)}\n{bounded(ran.out + ran.err)}"
    return ""


def _report(cases: list[Case], ran: Ran, problem: str) -> SuiteReport:
    counts = Counter(case.outcome for case in cases)
    failures = (Failure(name=c.name, message=c.message) for c in cases if c.outcome in ("failed", "error"))
    return SuiteReport(
        name=SuiteName.OWN,
        passed=counts["passed"],
        failed=counts["failed"],
        errors=counts["error"],
        skipped=counts["skipped"],
        failures=tuple(failures),
        problem=problem,
        seconds=ran.seconds,
    )


def _how(ran: Ran) -> str:
    return f"timed out after {ran.seconds:.0f} s" if ran.timed_out else f"exit code {ran.code}"
