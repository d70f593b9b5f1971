"""How a change flows: six stages, what sends it back, and where a person decides. Every branch ends or waits visibly.

Pure orchestration over a durable engine: whatever it decides on comes from an answer that the engine remembers.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from factory.gates import Gate
from pipeline import gates
from pipeline.context import Context
from pipeline.durable import Durable, Json, Lane
from pipeline.gates import Cancelled
from pipeline.line import Ended, Line
from pipeline.records import ChangeState, Stage
from pipeline.releasing import Releasing
from pipeline.specification import report_file
from pipeline.stages.check import shown_for_exception
from pipeline.stages.merge import shown_for_merge

# So often a coder tries before a person is asked; each time a person says "again", it may try so often once more.
ATTEMPTS = 2
# So often something may be pushed to the branch while it is looked at.
LOOKS = 5


@dataclass
class Progress:
    """What a change has learnt on its way. Rebuilt from the engine's answers whenever the flow is run again."""

    attempt: int = 0
    allowed: int = ATTEMPTS
    asked: int = 0
    feedback: str = ""
    head: str = ""
    facts: Json = field(default_factory=dict)


class ChangeFlow:
    """One change's way from submission to production. `sleep` waits between two tries of a step that fails."""

    def __init__(
        self, context: Context, engine: Durable, identifier: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._context = context
        self._line = Line(context, engine, identifier, sleep)
        self._at = Progress()

    def run(self) -> None:
        """To the end. The row says how it ended; nothing is raised for what a person can see there."""
        self._to_an_end(self._through_the_stages)

    def run_promotion(self) -> None:
        """The way of what serves in staging already (a baseline, or a release put off): only the last gate."""
        self._to_an_end(lambda: Releasing(self._line).promote())

    def run_rollback(self) -> None:
        """The way of an environment back to an earlier release: staging at once, production by the last gate."""
        self._to_an_end(lambda: Releasing(self._line).roll_back())

    def _to_an_end(self, way: Callable[[], None]) -> None:
        try:
            way()
        except Cancelled as reason:
            self._line.end(ChangeState.CANCELLED, str(reason))
        except Ended as end:
            self._line.end(end.state, str(end))

    def _through_the_stages(self) -> None:
        self._line.enter(Stage.INTAKE)
        taken = self._line.stage(Lane.WORK, "intake", "intake", {})
        if not taken["ok"]:
            raise Ended(ChangeState.FAILED, taken["reason"])
        Releasing(self._line).release(self._until_merged())

    def _until_merged(self) -> Json:
        while True:
            if self._at.attempt >= self._at.allowed:
                self._ask_whether_again(f"{self._at.attempt} attempts, and still: {self._at.feedback}")
            self._at.attempt += 1
            if self._generate() and (merged := self._judge()):
                return merged

    def _generate(self) -> bool:
        self._line.enter(Stage.GENERATE)
        number = self._at.attempt
        argument = {"attempt": number, "feedback": self._at.feedback}
        made = self._line.stage(Lane.WORK, "generate", f"generate:{number}", argument)
        self._at.head = made["head"]
        if made["state"] != "submitted":
            self._at.feedback = f"the coder ended without submitting ({made['state']}): {made['reason']}"
        elif not made["changed"]:
            self._at.feedback = "the coder submitted, and changed nothing"
        else:
            return True
        return False

    def _judge(self) -> Json | None:
        """Test, security, review and merge of what stands on the branch; None sends it back to the coder."""
        for looks in range(LOOKS):
            number = f"{self._at.attempt}.{looks}"
            if not (self._test(number) and self._secure(number) and self._review(number)):
                return None
            verdict = self._ask_to_merge(number)
            if verdict["verdict"] == "refuse":
                self._at.feedback = f"{verdict['person']} refused the merge: {verdict['reason']}"
                return None
            merged = self._merge(number, verdict) if verdict["verdict"] == "approve" else {"state": "stale"}
            if merged["state"] == "merged":
                return merged
            if merged["state"] == "broken":
                self._at.feedback = merged["reason"]
                return None
            # Something was pushed, or the decision does not hold: everything is looked at again, and asked again.
            self._at.head = self._line.step("head", number, lambda: {"head": self._line.branch_head()})["head"]
        self._at.feedback = f"{LOOKS} times something was pushed while it was looked at"
        return None

    def _test(self, number: str) -> bool:
        self._line.enter(Stage.TEST)
        tested = self._line.stage(Lane.WORK, "test", f"test:{number}", {"head": self._at.head})
        self._at.facts["tests"] = tested["report"]
        self._at.feedback = tested["feedback"]
        return bool(tested["passed"])

    def _secure(self, number: str) -> bool:
        self._line.enter(Stage.SECURITY)
        found = self._line.stage(Lane.WORK, "security", f"security:{number}", {"head": self._at.head})
        self._at.facts["findings"] = found["counts"]
        self._at.facts["told"] = found["feedback"]
        # One that was granted for an earlier commit says nothing of this one.
        self._at.facts["exception"] = None
        # Not in the answers of an earlier version, which a change under way may have.
        self._at.facts["accepted"] = found.get("accepted", [])
        if not found["critical"]:
            return True
        shown = shown_for_exception(self._line.id, self._at.head, found["critical"])
        title = f"{len(found['critical'])} critical finding(s)"
        verdict = self._line.gate(Gate.SECURITY_EXCEPTION, f"security:{number}", title, shown)
        if verdict["verdict"] == "approve":
            said = {key: verdict[key] for key in ("request", "person", "reason")}
            self._at.facts["exception"] = {**said, "findings": found["critical"]}
            return True
        self._at.feedback = f"critical findings:\n{found['feedback']}\n{verdict['reason']}"
        return False

    def _review(self, number: str) -> bool:
        self._line.enter(Stage.REVIEW)
        facts = self._at.facts
        told = {"head": self._at.head, "round": number, "tests": self._at.feedback, "findings": facts["told"]}
        read = self._line.stage(Lane.WORK, "review", f"review:{number}", told)
        facts["review"] = {"verdict": read["verdict"], "summary": read["summary"], "comments": read["comments"]}
        if read["state"] != "submitted":
            facts["review"] = {"verdict": "none", "summary": f"the reviewer ended: {read['reason']}", "comments": []}
        elif read["verdict"] == "changes" and self._at.attempt < self._at.allowed:
            comments = "\n".join(f"{c['path']}:{c['line']}: {c['message']}" for c in read["comments"])
            self._at.feedback = f"the reviewer asks for changes: {read['summary']}\n{comments}"
            return False
        return True

    def _ask_to_merge(self, number: str) -> Json:
        """Ask for the merge of the very commit that was looked at; stale when another one stands on the branch."""
        facts = {key: self._at.facts[key] for key in ("tests", "findings", "exception", "review")}
        if self._at.facts["accepted"]:
            facts["accepted"] = self._at.facts["accepted"]
        head = self._at.head

        def ask() -> Json:
            record = self._line.record()
            shown = shown_for_merge(self._context, record, facts)
            if shown["head"] != head:
                return {"request": None}
            request = gates.ask(self._context, record, Gate.MERGE, f"merge:{number}", f"merge: {record.title}", shown)
            self._context.faults.reach("merge.asked")
            return {"request": request.id}

        request = self._line.step("ask to merge", number, ask)["request"]
        if request is None:
            return {"verdict": "withdrawn", "person": "", "reason": "something was pushed while it was looked at"}
        verdict = self._line.wait(request, number, lambda: self._line.branch_head() != head)
        return {**verdict, "request": request, "head": head, "facts": facts}

    def _merge(self, number: str, verdict: Json) -> Json:
        self._context.faults.reach("merge.decided")
        argument = {key: verdict[key] for key in ("request", "head", "facts")}
        merged = self._line.stage(Lane.MERGE, "merge", f"merge:{number}", argument)
        return {**merged, "request": verdict["request"]}

    def _ask_whether_again(self, reason: str) -> None:
        self._at.asked += 1
        shown = {
            "change": self._line.id,
            "what happened": reason,
            "test report for people": str(report_file(self._context.root, self._line.record())),
            "approve": f"let the coder try again, up to {ATTEMPTS} times",
            "refuse": "give the change up",
        }
        verdict = self._line.gate(Gate.ATTENTION, f"again:{self._at.asked}", "the coder does not get through", shown)
        if verdict["verdict"] != "approve":
            raise Ended(ChangeState.CLOSED, f"given up by {verdict['person']}: {verdict['reason']}")
        self._at.allowed += ATTEMPTS
        if verdict["reason"]:
            self._at.feedback += f"\nA person adds: {verdict['reason']}"
