"""What the test stage found, in two voices: one that agents may hear, and the whole of it for people."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

MESSAGE_LENGTH: Final = 1500
TOLD_FAILURES: Final = 20


class SuiteName(StrEnum):
    """The suites of the test stage, in the order they run."""

    OWN = "own tests"
    VISIBLE = "visible criteria"
    HELD_OUT = "held-out criteria"


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One test or scenario that did not pass, and why."""

    name: str
    message: str


@dataclass(frozen=True, kw_only=True)
class SuiteReport:
    """How one suite went. `problem` is what is wrong with the suite as a whole, "" when nothing is.

    `errors` counts what could not be run to a verdict; `skipped` is never counted as passed.
    """

    name: SuiteName
    passed: int
    failed: int
    errors: int
    skipped: int
    failures: tuple[Failure, ...] = field(repr=False)
    problem: str
    seconds: float

    @property
    def total(self) -> int:
        """How many there are."""
        return self.passed + self.failed + self.errors + self.skipped

    @property
    def ok(self) -> bool:
        """Whether it passed: something ran, and nothing is wrong. A suite that ran nothing has not passed."""
        return self.passed > 0 and not (self.failed or self.errors or self.failures or self.problem)

    def counts(self) -> dict[str, Any]:
        """Its numbers alone."""
        return {
            "suite": self.name.value,
            "ok": self.ok,
            "passed": self.passed,
            "failed": self.failed,
            "errors": self.errors,
            "skipped": self.skipped,
        }


@dataclass(frozen=True, kw_only=True)
class TestReport:
    """How the test stage went. `as_json` and `for_agent` may be shown and kept anywhere; `for_people` may not."""

    __test__ = False  # pytest would take it for a class of tests

    own: SuiteReport
    visible: SuiteReport
    held_out: SuiteReport

    def __repr__(self) -> str:
        verdicts = ", ".join(f"{suite.name}: {'passed' if suite.ok else 'failed'}" for suite in self.suites)
        return f"TestReport({verdicts})"

    @property
    def suites(self) -> tuple[SuiteReport, ...]:
        """The three suites."""
        return (self.own, self.visible, self.held_out)

    @property
    def ok(self) -> bool:
        """Whether every suite passed."""
        return all(suite.ok for suite in self.suites)

    def for_agent(self) -> str:
        """What the coder is told: what it could see fails in full, held-out criteria as two numbers."""
        lines: list[str] = []
        for suite in (self.own, self.visible):
            lines.extend(_told(suite))
        lines.append(self._held_out_line())
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """The report as everybody may see it, agents and events included."""
        return {
            "ok": self.ok,
            "suites": [
                *(_open_json(suite) for suite in (self.own, self.visible)),
                # Two numbers and no more: what kind of failure it was would say something about the criteria.
                {
                    "suite": self.held_out.name.value,
                    "ok": self.held_out.ok,
                    "passed": self.held_out.passed,
                    "total": self.held_out.total,
                },
            ],
            "for_agent": self.for_agent(),
        }

    def for_people(self) -> dict[str, Any]:
        """The whole report, held-out criteria and their failures included: for people, never for agents or events."""
        return {"ok": self.ok, "suites": [_open_json(suite) for suite in self.suites]}

    def _held_out_line(self) -> str:
        suite = self.held_out
        if suite.ok:
            return f"held-out criteria passed: {suite.total} of {suite.total}"
        return f"held-out criteria failed: {suite.total - suite.passed} of {suite.total}"


def _open_json(suite: SuiteReport) -> dict[str, Any]:
    return suite.counts() | {
        "seconds": round(suite.seconds, 2),
        "problem": suite.problem,
        # An app's own tests are its code: it decides how many of them fail, and not how large an event is.
        "failures": [asdict(failure) for failure in suite.failures[:TOLD_FAILURES]],
        "more_failures": max(len(suite.failures) - TOLD_FAILURES, 0),
    }


def _told(suite: SuiteReport) -> Iterator[str]:
    if suite.ok:
        yield f"{suite.name} passed: {suite.passed}"
        return
    yield f"{suite.name} failed: {suite.total - suite.passed} of {suite.total}"
    if suite.problem:
        yield f"  {suite.problem}"
    for failure in suite.failures[:TOLD_FAILURES]:
        yield f"- {failure.name}"
        yield "\n".join(f"    {line}" for line in failure.message.splitlines())
    if len(suite.failures) > TOLD_FAILURES:
        yield f"- and {len(suite.failures) - TOLD_FAILURES} more"


def bounded(text: str, length: int = MESSAGE_LENGTH) -> str:
    """`text`, its middle left out when it is longer than `length`: beginning and end say most."""
    if len(text) <= length:
        return text
    half = length // 2
    return f"{text[:half]}\n... {len(text) - 2 * half} characters left out ...\n{text[-half:]}"
