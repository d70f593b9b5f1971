"""The last stage of a change: staging by itself, production by decision, and what is owed when either turns out bad.

What was begun is brought to an end, also when the change is cancelled or given up meanwhile: a release that serves and
nobody wants, or a proposal that nobody can decide any more, would be a lie in the records.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from factory.gates import Gate
from factory.spec import Environment
from pipeline.durable import Json, Lane
from pipeline.gates import Cancelled
from pipeline.line import Ended, Line
from pipeline.records import ChangeState, Stage
from pipeline.stages import deploy
from pipeline.stages.merge import shown_for_revert

# So often a proposal for production may be overtaken by another release.
PROPOSALS = 5


class Releasing:
    """The releases of one change."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def release(self, merged: Json) -> None:
        """To staging, then to production. Raises Ended when it is rolled back, refused or given up; Cancelled."""
        self._line.enter(Stage.DEPLOY)
        artefact = merged["artefact"]
        with self._finished(Lane.STAGING):
            argument = {"artefact": artefact, "round": 1}
            staged = self._line.stage(Lane.STAGING, "staging", "staging", argument)
        if not staged["ok"]:
            self._offer_revert(merged, f"staging: {staged['reason']}")
        done = self._to_production(artefact, staged)
        if done["state"] == "returned":
            back = {"release": staged["release"], "reason": "production found it bad"}
            self._line.stage(Lane.STAGING, "take-back-staging", "take-back", back)
            self._offer_revert(merged, f"production: {done['reason']}")
        self._line.end(ChangeState.RELEASED, f"serves in production: {done['reason']}")

    def promote(self) -> None:
        """The way of what serves in staging already."""
        self._line.enter(Stage.DEPLOY)
        artefact = self._line.record().specification["artefact"]
        known = self._line.stage(Lane.PRODUCTION, "provenance", "provenance", {"artefact": artefact})
        if not known["ok"]:
            raise Ended(ChangeState.FAILED, known["reason"])
        done = self._to_production(artefact, {"ok": True, "reason": "serves there", "release": None})
        state = ChangeState.ROLLED_BACK if done["state"] == "returned" else ChangeState.RELEASED
        self._line.end(state, f"production: {done['reason']}")

    def roll_back(self) -> None:
        """The way of an environment back to an earlier release."""
        self._line.enter(Stage.DEPLOY)
        record = self._line.record()
        way = record.specification["rollback"]
        if way["environment"] == Environment.STAGING:
            with self._finished(Lane.STAGING):
                done = self._line.stage(Lane.STAGING, "roll-back", "roll-back", {})
                if done["state"] == "refused":
                    raise Ended(ChangeState.FAILED, done["reason"])
        else:
            served = {"ok": True, "reason": "it served in production before", "release": way["release"]}
            done = self._to_production(way["artefact"], served, stays="nothing was done")
        state = ChangeState.ROLLED_BACK if done["state"] == "returned" else ChangeState.RELEASED
        self._line.end(state, f"{way['environment']}, back to release {way['release']}: {done['reason']}")

    def _to_production(self, artefact: str, staged: Json, *, stays: str = "in staging") -> Json:
        """Propose, ask, apply what was decided. The answer's state is serving or returned; raises Ended otherwise."""
        with self._finished(Lane.PRODUCTION):
            for number in range(1, PROPOSALS + 1):
                argument = {"artefact": artefact, "round": number, "staging": staged}
                asked = self._line.stage(Lane.PRODUCTION, "propose", f"propose:{number}", argument)
                if asked["state"] == "contained":
                    return {"state": "serving", "reason": asked["reason"]}
                if asked["state"] == "refused":
                    raise Ended(ChangeState.FAILED, asked["reason"])
                verdict, done = self._decided(number, asked)
                if done["state"] in ("serving", "returned"):
                    return done
                self._refuse(number, asked, done["reason"])
                if verdict["verdict"] == "refuse":
                    said = f"{stays}; {verdict['person']} refused production: {verdict['reason']}"
                    raise Ended(ChangeState.CLOSED, said)
            raise Ended(ChangeState.FAILED, f"{PROPOSALS} proposals for production were overtaken or did not hold")

    def _decided(self, number: int, asked: Json) -> tuple[Json, Json]:
        """What a person said of a proposal, and what came of it."""
        release, context = asked["release"], self._line.context
        verdict = self._line.wait(asked["request"], f"production:{number}", lambda: deploy.outdated(context, release))
        if verdict["verdict"] != "approve":
            return verdict, {"state": "stale", "reason": verdict["reason"]}
        return verdict, self._line.stage(Lane.PRODUCTION, "production", f"production:{number}", asked)

    def _refuse(self, number: int, asked: Json, reason: str) -> None:
        self._line.stage(Lane.WORK, "refuse", f"refuse:{number}", {**asked, "reason": reason})

    @contextmanager
    def _finished(self, lane: Lane) -> Iterator[None]:
        """What was begun there and is then given up or cancelled: a release returns, a proposal is refused."""
        try:
            yield
        except (Ended, Cancelled) as end:
            # The lane of an environment has its name.
            argument = {"environment": lane.value, "reason": str(end)}
            self._line.stage(lane, "abandon", f"abandon:{lane.value}", argument)
            raise

    def _offer_revert(self, merged: Json, reason: str) -> None:
        """A bad release has returned; main still holds it. A person says whether it is taken back."""
        shown = shown_for_revert(self._line.id, merged["commit"], reason)
        title = "a bad release has returned: revert it on main?"
        verdict = self._line.gate_in_any_case(Gate.ATTENTION, "revert", title, shown)
        said = f"rolled back ({reason})"
        if verdict["verdict"] == "approve":
            argument = {"commit": merged["commit"], "request": verdict["request"], "reason": reason}
            reverted = self._line.stage(Lane.MERGE, "revert", "revert", argument)
            said += f"; reverted on main: {reverted['commit'][:12] or reverted['reason']}"
        raise Ended(ChangeState.ROLLED_BACK, said)
