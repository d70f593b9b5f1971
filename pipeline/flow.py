"""How a change flows: six stages, what sends it back, and where a person decides. Every branch ends or waits visibly.

Pure orchestration over a durable engine: whatever it decides on comes from an answer that the engine remembers.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from factory import db
from factory.gates import Gate
from pipeline import gates, records
from pipeline.context import Context
from pipeline.durable import Durable, Json, Lane
from pipeline.gates import Cancelled
from pipeline.records import ChangeRecord, ChangeState, Stage
from pipeline.specification import report_file
from pipeline.stages import deploy
from pipeline.stages.check import shown_for_exception
from pipeline.stages.merge import shown_for_merge, shown_for_revert

# So often a coder tries before a person is asked; each time a person says "again", it may try so often once more.
ATTEMPTS = 2
# So often a proposal for production may be overtaken by another release.
PROPOSALS = 5


class Ended(Exception):
    """The change has come to an end that is not a release."""

    def __init__(self, state: ChangeState, detail: str) -> None:
        super().__init__(detail)
        self.state = state


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
    """One change's way from submission to production."""

    def __init__(self, context: Context, engine: Durable, identifier: str) -> None:
        self._context = context
        self._engine = engine
        self._id = identifier
        self._at = Progress()

    def run(self) -> None:
        """To the end. The row says how it ended; nothing is raised for what a person can see there."""
        self._to_an_end(self._through_the_stages)

    def run_promotion(self) -> None:
        """The way of what serves in staging already (a baseline, or a release put off): only the last gate."""
        self._to_an_end(self._promote)

    def _to_an_end(self, way: Callable[[], None]) -> None:
        try:
            way()
        except Cancelled as reason:
            self._end(ChangeState.CANCELLED, str(reason))
        except Ended as end:
            self._end(end.state, str(end))

    def _through_the_stages(self) -> None:
        self._enter(Stage.INTAKE)
        self._take_in()
        self._release(self._until_merged())

    def _promote(self) -> None:
        self._enter(Stage.DEPLOY)
        artefact = self._record().specification["artefact"]
        known = self._stage(Lane.DEPLOY, "provenance", "provenance", {"artefact": artefact})
        if not known["ok"]:
            raise Ended(ChangeState.FAILED, known["reason"])
        done = self._to_production(artefact, {"ok": True, "reason": "serves there", "release": None})
        state = ChangeState.RELEASED if done["state"] == "serving" else ChangeState.ROLLED_BACK
        self._end(state, f"production: {done['reason']}")

    def _take_in(self) -> None:
        taken = self._stage(Lane.WORK, "intake", "intake", {})
        if not taken["ok"]:
            raise Ended(ChangeState.FAILED, taken["reason"])

    def _until_merged(self) -> Json:
        while True:
            if self._at.attempt >= self._at.allowed:
                self._ask_whether_again(f"{self._at.attempt} attempts, and still: {self._at.feedback}")
            self._at.attempt += 1
            if self._generate() and (merged := self._judge()):
                return merged

    def _generate(self) -> bool:
        self._enter(Stage.GENERATE)
        number = self._at.attempt
        made = self._stage(
            Lane.WORK, "generate", f"generate:{number}", {"attempt": number, "feedback": self._at.feedback}
        )
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
        for pushes in range(PROPOSALS):
            number = f"{self._at.attempt}.{pushes}"
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
            self._at.head = self._step("head", number, self._branch_head)["head"]
        self._at.feedback = f"{PROPOSALS} times something was pushed while people decided"
        return None

    def _test(self, number: str) -> bool:
        self._enter(Stage.TEST)
        tested = self._stage(Lane.WORK, "test", f"test:{number}", {"head": self._at.head})
        self._at.facts["tests"] = tested["report"]
        self._at.feedback = tested["feedback"]
        return bool(tested["passed"])

    def _secure(self, number: str) -> bool:
        self._enter(Stage.SECURITY)
        found = self._stage(Lane.WORK, "security", f"security:{number}", {"head": self._at.head})
        self._at.facts["findings"] = found["counts"]
        self._at.facts["told"] = found["feedback"]
        # One that was granted for an earlier commit says nothing of this one.
        self._at.facts["exception"] = None
        if not found["critical"]:
            return True
        shown = shown_for_exception(self._id, self._at.head, found["critical"])
        title = f"{len(found['critical'])} critical finding(s)"
        verdict = self._gate(Gate.SECURITY_EXCEPTION, f"security:{number}", title, shown)
        if verdict["verdict"] == "approve":
            said = {key: verdict[key] for key in ("request", "person", "reason")}
            self._at.facts["exception"] = {**said, "findings": found["critical"]}
            return True
        self._at.feedback = f"critical findings:\n{found['feedback']}\n{verdict['reason']}"
        return False

    def _review(self, number: str) -> bool:
        self._enter(Stage.REVIEW)
        facts = self._at.facts
        told = {"head": self._at.head, "round": number, "tests": self._at.feedback, "findings": facts["told"]}
        read = self._stage(Lane.WORK, "review", f"review:{number}", told)
        facts["review"] = {"verdict": read["verdict"], "summary": read["summary"], "comments": read["comments"]}
        if read["state"] != "submitted":
            facts["review"] = {"verdict": "none", "summary": f"the reviewer ended: {read['reason']}", "comments": []}
        elif read["verdict"] == "changes" and self._at.attempt < self._at.allowed:
            comments = "\n".join(f"{c['path']}:{c['line']}: {c['message']}" for c in read["comments"])
            self._at.feedback = f"the reviewer asks for changes: {read['summary']}\n{comments}"
            return False
        return True

    def _ask_to_merge(self, number: str) -> Json:
        facts = {key: self._at.facts[key] for key in ("tests", "findings", "exception", "review")}

        def ask() -> Json:
            record = self._record()
            shown = shown_for_merge(self._context, record, facts)
            request = gates.ask(self._context, record, Gate.MERGE, f"merge:{number}", f"merge: {record.title}", shown)
            self._context.faults.reach("merge.asked")
            return {"request": request.id, "head": shown["head"]}

        asked = self._step("ask to merge", number, ask)
        head = asked["head"]
        verdict = self._wait(asked["request"], number, lambda: self._branch_head()["head"] != head)
        return {**verdict, "request": asked["request"], "head": head, "facts": facts}

    def _merge(self, number: str, verdict: Json) -> Json:
        self._context.faults.reach("merge.decided")
        argument = {key: verdict[key] for key in ("request", "head", "facts")}
        merged = self._stage(Lane.DEPLOY, "merge", f"merge:{number}", argument)
        return {**merged, "request": verdict["request"]}

    def _release(self, merged: Json) -> None:
        self._enter(Stage.DEPLOY)
        staged = self._stage(Lane.DEPLOY, "staging", "staging", {"artefact": merged["artefact"], "round": 1})
        if not staged["ok"]:
            self._offer_revert(merged, f"staging: {staged['reason']}")
        done = self._to_production(merged["artefact"], staged)
        if done["state"] == "returned":
            back = {"release": staged["release"], "reason": "production found it bad"}
            self._stage(Lane.DEPLOY, "take-back-staging", "take-back", back)
            self._offer_revert(merged, f"production: {done['reason']}")
        self._end(ChangeState.RELEASED, f"serves in production: {done['reason']}")

    def _to_production(self, artefact: str, staged: Json) -> Json:
        """Propose, ask, apply what was decided. The answer's state is serving or returned; raises Ended otherwise."""
        for number in range(1, PROPOSALS + 1):
            argument = {"artefact": artefact, "round": number, "staging": staged}
            asked = self._stage(Lane.DEPLOY, "propose", f"propose:{number}", argument)
            release = asked["release"]
            verdict = self._wait(
                asked["request"], f"production:{number}", lambda id=release: deploy.outdated(self._context, id)
            )
            done = {"state": "stale", "reason": verdict["reason"]}
            if verdict["verdict"] == "approve":
                done = self._stage(Lane.DEPLOY, "production", f"production:{number}", asked)
            if done["state"] in ("serving", "returned"):
                return done
            self._stage(Lane.WORK, "refuse", f"refuse:{number}", {**asked, "reason": done["reason"]})
            if verdict["verdict"] == "refuse":
                said = f"in staging; {verdict['person']} refused production: {verdict['reason']}"
                raise Ended(ChangeState.CLOSED, said)
        raise Ended(ChangeState.FAILED, f"{PROPOSALS} proposals for production were overtaken or did not hold")

    def _offer_revert(self, merged: Json, reason: str) -> None:
        """A bad release has returned; main still holds it. A person says whether it is taken back."""
        shown = shown_for_revert(self._id, merged["commit"], reason)
        verdict = self._gate(Gate.ATTENTION, "revert", "a bad release has returned: revert it on main?", shown)
        said = f"rolled back ({reason})"
        if verdict["verdict"] == "approve":
            argument = {"commit": merged["commit"], "request": verdict["request"], "reason": reason}
            reverted = self._stage(Lane.DEPLOY, "revert", "revert", argument)
            said += f"; reverted on main: {reverted['commit'][:12] or reverted['reason']}"
        raise Ended(ChangeState.ROLLED_BACK, said)

    def _ask_whether_again(self, reason: str) -> None:
        self._at.asked += 1
        shown = {
            "change": self._id,
            "what happened": reason,
            "test report for people": str(report_file(self._context.root, self._record())),
            "approve": f"let the coder try again, up to {ATTEMPTS} times",
            "refuse": "give the change up",
        }
        verdict = self._gate(Gate.ATTENTION, f"again:{self._at.asked}", "the coder does not get through", shown)
        if verdict["verdict"] != "approve":
            raise Ended(ChangeState.CLOSED, f"given up by {verdict['person']}: {verdict['reason']}")
        self._at.allowed += ATTEMPTS
        if verdict["reason"]:
            self._at.feedback += f"\nA person adds: {verdict['reason']}"

    def _gate(self, gate: Gate, key: str, title: str, shown: dict[str, Any]) -> Json:
        def ask() -> Json:
            return {"request": gates.ask(self._context, self._record(), gate, key, title, shown).id}

        asked = self._step(f"ask {gate}", key, ask)
        return {**self._wait(asked["request"], key), "request": asked["request"]}

    def _wait(self, request: int, key: str, moved: Any = lambda: False) -> Json:
        answer = self._step("wait", key, lambda: self._or_cancelled(request, moved))
        if answer["verdict"] == "cancelled":
            raise Cancelled(answer["reason"])
        return answer

    def _or_cancelled(self, request: int, moved: Any) -> Json:
        # The engine remembers answers; an exception of ours would have to survive its JSON.
        try:
            return gates.wait(self._context, self._id, request, moved)
        except Cancelled as reason:
            return {"verdict": "cancelled", "reason": str(reason)}

    def _stage(self, lane: Lane, name: str, key: str, argument: Json) -> Json:
        answer = self._engine.stage(lane, name, f"{self._id}:{key}", argument)
        if answer.get("cancelled"):
            raise Cancelled(answer["cancelled"])
        if broken := answer.get("broken"):
            return self._after_a_fault(lane, name, key, argument, broken)
        return answer

    def _after_a_fault(self, lane: Lane, name: str, key: str, argument: Json, broken: str) -> Json:
        """A stage that could not do its work (a cloud away, a bug) waits for a person: again, or give up."""
        shown = {"change": self._id, "what happened": f"{name}: {broken}", "approve": "try again", "refuse": "give up"}
        verdict = self._gate(Gate.ATTENTION, f"fault:{key}", f"{name} could not be done", shown)
        if verdict["verdict"] != "approve":
            raise Ended(ChangeState.FAILED, f"{name} failed: {broken}; given up by {verdict['person']}")
        return self._stage(lane, name, f"{key}+", argument)

    def _step(self, name: str, key: str, work: Any) -> Json:
        return self._engine.step(f"{name} {key}", work)

    def _enter(self, stage: Stage) -> None:
        def enter() -> Json:
            record = self._record()
            if record.state is ChangeState.CANCELLING:
                return {"cancelled": record.detail}
            self._context.set(record, stage=stage, state=ChangeState.RUNNING, detail=f"{stage} waits for its turn")
            return {}

        if cancelled := self._engine.step(f"enter {stage}", enter).get("cancelled"):
            raise Cancelled(cancelled)

    def _end(self, state: ChangeState, detail: str) -> None:
        def end() -> Json:
            record = self._record()
            with db.transaction(self._context.database) as connection:
                records.end_change(connection, record.id, state, detail)
            if self._record().state is state:
                self._context.tell("change.ended", record, state=state.value, detail=detail)
            return {}

        self._engine.step(f"end {state}", end)

    def _record(self) -> ChangeRecord:
        return self._context.change(self._id)

    def _branch_head(self) -> Json:
        record = self._record()
        return {"head": self._context.repository(record.app).head(record.branch)}
