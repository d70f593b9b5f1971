"""What every part of a change's flow is made of: stages, questions to people, waits and ends; none of them is silent.

An exception that left a flow would end it for good, unseen. So a step that fails is told in the change's row and done
again until it works or the change is cancelled, and a stage that cannot do its work becomes a question to a person.
"""

import contextlib
import itertools
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from factory import db
from factory.errors import MillwrightError
from factory.gates import Gate
from pipeline import gates, records, tasks
from pipeline.context import Context
from pipeline.durable import Durable, Json, Lane
from pipeline.gates import Cancelled
from pipeline.records import ChangeRecord, ChangeState, Stage

LOG = logging.getLogger("millwright.line")
# Done also for a change that was cancelled meanwhile: what was begun is brought to an end.
OWED = frozenset({"refuse", "take-back-staging", "abandon", "revert"})
# Where stages of an app wait for one another, and what there is one of at a time.
ALONE = {
    Lane.MERGE: "merge",
    Lane.STAGING: "deployment to staging",
    Lane.PRODUCTION: "deployment to production",
}
# Between two tries of a step that fails; the last one for ever.
PAUSES = (0.5, 1.0, 2.0, 5.0, 10.0)


class Ended(Exception):
    """The change has come to an end that is not a release."""

    def __init__(self, state: ChangeState, detail: str) -> None:
        super().__init__(detail)
        self.state = state


class Line:
    """One change on the line. `sleep` waits between two tries of a step."""

    def __init__(self, context: Context, engine: Durable, identifier: str, sleep: Callable[[float], None]) -> None:
        self.context = context
        self.id = identifier
        self._engine = engine
        self._sleep = sleep

    def record(self) -> ChangeRecord:
        """The change's row."""
        return self.context.change(self.id)

    def branch_head(self) -> str:
        """The commit of the change's branch."""
        record = self.record()
        return self.context.repository(record.app).head(record.branch)

    def step(self, name: str, key: str, work: Callable[[], Json]) -> Json:
        """Do `work` in the flow's own process, remember its answer. Raises Cancelled."""
        answer = self._engine.step(f"{name} {key}", lambda: self._patiently(work))
        if cancelled := answer.get("cancelled"):
            raise Cancelled(cancelled)
        return answer

    def stage(self, lane: Lane, name: str, key: str, argument: Json) -> Json:
        """Run a stage in its lane. Raises Cancelled, and Ended when it cannot be done and a person gives it up."""
        if alone := ALONE.get(lane):
            self.step("queue", key, lambda: self._queued(name, alone))
        answer = self._engine.stage(lane, name, f"{self.id}:{key}", argument)
        if cancelled := answer.get("cancelled"):
            raise Cancelled(cancelled)
        if broken := answer.get("broken"):
            return self._after_a_fault(lane, name, key, argument, broken)
        return answer

    def gate(self, gate: Gate, key: str, title: str, shown: dict[str, Any]) -> Json:
        """Ask a person, wait for the verdict; one that does not hold any more is asked for anew. Raises Cancelled."""
        return self._asked(gate, key, title, shown, self.wait)

    def gate_in_any_case(self, gate: Gate, key: str, title: str, shown: dict[str, Any]) -> Json:
        """The same for what is owed: a cancelled change asks it too."""
        return self._asked(gate, key, title, shown, self._wait_in_any_case)

    def wait(self, request: int, key: str, moved: Callable[[], bool] = lambda: False) -> Json:
        """Wait for the verdict on a request. Raises Cancelled."""

        def wait() -> Json:
            # The engine remembers answers; an exception of ours would have to survive its JSON.
            try:
                return gates.wait(self.context, self.id, request, moved)
            except Cancelled as reason:
                return {"cancelled": str(reason)}

        return self.step("wait", key, wait)

    def enter(self, stage: Stage) -> None:
        """The change is in this stage now. Raises Cancelled."""

        def enter() -> Json:
            record = self.record()
            if record.state is ChangeState.CANCELLING:
                return {"cancelled": record.detail}
            self.context.set(record, stage=stage, state=ChangeState.RUNNING, detail=f"{stage} waits for its turn")
            return {}

        self.step("enter", stage, enter)

    def end(self, state: ChangeState, detail: str) -> None:
        """The change has ended, in this way; the first end counts."""

        def end() -> Json:
            record = self.record()
            tasks.sweep(self.context, record)
            with db.transaction(self.context.database) as connection:
                records.end_change(connection, record.id, state, detail)
            if self.record().state is state:
                self.context.tell("change.ended", record, state=state.value, detail=detail)
            return {}

        self._engine.step(f"end {state}", lambda: self._patiently(end, until_cancelled=lambda: None))

    def _asked(self, gate: Gate, key: str, title: str, shown: dict[str, Any], wait: Callable[[int, str], Json]) -> Json:
        for number in itertools.count():
            this = f"{key}~{number}" if number else key

            ask = partial(self._ask, gate, this, title, shown)
            asked = self._engine.step(f"ask {gate} {this}", partial(self._patiently, ask, lambda: None))
            answer = wait(asked["request"], this)
            if answer["verdict"] != "withdrawn":
                return {**answer, "request": asked["request"]}
        raise AssertionError("counting has no end")

    def _ask(self, gate: Gate, key: str, title: str, shown: dict[str, Any]) -> Json:
        return {"request": gates.ask(self.context, self.record(), gate, key, title, shown).id}

    def _wait_in_any_case(self, request: int, key: str) -> Json:
        def wait() -> Json:
            return gates.wait_in_any_case(self.context, self.id, request)

        return self._engine.step(f"wait {key}", lambda: self._patiently(wait, lambda: None))

    def _after_a_fault(self, lane: Lane, name: str, key: str, argument: Json, broken: str) -> Json:
        """A stage that could not do its work (a cloud away, a bug) waits for a person: again, or give up."""
        shown = {"change": self.id, "what happened": f"{name}: {broken}", "approve": "try again", "refuse": "give up"}
        ask = self.gate_in_any_case if name in OWED else self.gate
        verdict = ask(Gate.ATTENTION, f"fault:{key}", f"{name} could not be done", shown)
        if verdict["verdict"] != "approve":
            raise Ended(ChangeState.FAILED, f"{name} failed: {broken}; given up by {verdict['person']}")
        return self.stage(lane, name, f"{key}+", argument)

    def _queued(self, name: str, alone: str) -> Json:
        record = self.record()
        detail = f"{name} waits for its turn: one {alone} of {record.app} at a time"
        self.context.set(record, detail=detail)
        return {}

    def _patiently(self, work: Callable[[], Json], until_cancelled: Callable[[], str | None] | None = None) -> Json:
        """The answer of `work`, tried again while it fails; what is wrong stands in the change's row meanwhile."""
        cancelled = until_cancelled or self._cancelled
        for pause in itertools.chain(PAUSES, itertools.repeat(PAUSES[-1])):
            try:
                return work()
            except Exception as error:  # the seam: whatever it is, the flow must not end by it
                LOG.exception("%s", self.id)
                said = error.rendered() if isinstance(error, MillwrightError) else f"{type(error).__name__}: {error}"
                with contextlib.suppress(Exception):
                    self.context.set(self.record(), detail=f"cannot go on, and tries again: {said}")
            self._sleep(pause)
            with contextlib.suppress(Exception):
                if reason := cancelled():
                    return {"cancelled": reason}
        raise AssertionError("there is always another try")

    def _cancelled(self) -> str | None:
        record = self.record()
        return record.detail if record.state is ChangeState.CANCELLING else None
