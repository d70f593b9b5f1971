"""Operations on many stacks side by side: so many engines at once, each to its own end, and what came of all."""

import dataclasses
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factory.errors import ExitCode, InputError, MillwrightError
from stacks.driver.client import Driver
from stacks.driver.following import Follows
from stacks.driver.model import Kind, Result, error_json
from stacks.driver.selection import Broken, Chosen, Selected, Skipped
from stacks.driver.stateful import at_risk, counts
from stacks.driver.turns import Queued, Turns

# The command ends with the first of these that any stack ended with: what was stopped, what may be half done, what
# nobody could do, what was refused, what is merely to be looked at.
WORST_FIRST = (
    ExitCode.INTERRUPTED,
    ExitCode.UPDATE_FAILED,
    ExitCode.FAILED,
    ExitCode.ENGINE_UNAVAILABLE,
    ExitCode.CLOUD_UNAVAILABLE,
    ExitCode.SANDBOX_UNAVAILABLE,
    ExitCode.BUSY,
    ExitCode.INVALID_INPUT,
    ExitCode.POLICY_VIOLATION,
    ExitCode.DECISION_REQUIRED,
    ExitCode.USAGE,
    ExitCode.NOT_ISOLATED,
    ExitCode.UNDECIDED,
    ExitCode.DATA_AT_RISK,
    ExitCode.AUDIT_BROKEN,
    ExitCode.ACCESS_DENIED,
    ExitCode.OVERDUE,
    ExitCode.CHANGES_FOUND,
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one stack: a result, an error, or the reason why it was left out."""

    stack: str
    result: Result | None = None
    error: MillwrightError | None = None
    skipped: str = ""

    @property
    def exit_code(self) -> ExitCode:
        """What a command on this stack alone would end with."""
        if self.error:
            return self.error.exit_code
        return verdict(self.result) if self.result else ExitCode.OK

    def as_json(self) -> dict[str, Any]:
        """The outcome as one JSON object; `state` is done, failed or skipped."""
        if self.error:
            return {"stack": self.stack, "state": "failed"} | error_json(self.error)
        if self.result is None:
            return {"stack": self.stack, "state": "skipped", "reason": self.skipped}
        changed = [dataclasses.asdict(step) for step in self.result.changed]
        lost = [dataclasses.asdict(step) for step in at_risk(self.result.steps)]
        return {
            "stack": self.stack,
            "state": "done",
            "counts": counts(self.result.steps),
            "changed": changed,
            "at_risk": lost,
            "duration": self.result.duration,
        }


def verdict(result: Result) -> ExitCode:
    """What a command with this result ends with: a preview that would lose data has a code of its own."""
    return ExitCode.DATA_AT_RISK if result.kind is Kind.PREVIEW and at_risk(result.steps) else ExitCode.OK


def parallel_by_default() -> int:
    """How many operations may work at once: one for each core that this process may use."""
    return len(os.sched_getaffinity(0))


def checked_parallel(parallel: int | None) -> int:
    """How many may work at once: what is asked for, or the default. Raises InputError below 1."""
    limit = parallel_by_default() if parallel is None else parallel
    if limit < 1:
        raise InputError(f"{limit} operations at once can do nothing", hint="1 or more")
    return limit


def line_up(
    driver: Driver,
    kind: Kind,
    selection: Sequence[Selected],
    *,
    parallel: int | None = None,
    refresh: bool = False,
    plans: Path | None = None,
) -> list[Queued]:
    """An operation for each chosen stack, in order, of which at most `parallel` work at once.

    Previews keep their plans in the folder `plans`. None begins before its events are read. Raises InputError for
    `parallel` below 1.
    """
    turns = Turns(checked_parallel(parallel))

    def starter(chosen: Chosen) -> Callable[[], Follows]:
        if kind is Kind.PREVIEW:
            return lambda: driver.start_preview(chosen.app, chosen.environment, refresh=refresh, plans=plans)
        return lambda: driver.start(kind, chosen.app, chosen.environment, refresh=refresh)

    return [Queued(each.stack, turns, starter(each)) for each in selection if isinstance(each, Chosen)]


def outcomes(selection: Sequence[Selected], operations: Sequence[Follows]) -> list[Outcome]:
    """What came of each selected stack, in order; brings those to their end that have not ended.

    Interrupted itself, it interrupts them.
    """
    by_stack = {operation.stack: operation for operation in operations}
    with ThreadPoolExecutor(max(1, len(operations))) as pool:
        found = [pool.submit(_outcome, each, by_stack) for each in selection]
        try:
            return [each.result() for each in found]
        except BaseException:
            for operation in operations:
                operation.interrupt()
            raise


def _outcome(selected: Selected, operations: dict[str, Follows]) -> Outcome:
    match selected:
        case Skipped():
            return Outcome(stack=selected.stack, skipped=selected.reason)
        case Broken():
            return Outcome(stack=selected.stack, error=selected.error)
    try:
        return Outcome(stack=selected.stack, result=operations[selected.stack].result())
    except MillwrightError as error:
        return Outcome(stack=selected.stack, error=error)


def worst(found: Sequence[Outcome]) -> ExitCode:
    """The exit code of them all: the worst of any."""
    codes = {outcome.exit_code for outcome in found}
    return next((code for code in WORST_FIRST if code in codes), ExitCode.OK)
