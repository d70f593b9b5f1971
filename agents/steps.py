"""One step of a task: its calls carried out, each once, then handed to the factory."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from agents.brief import TaskBrief
from agents.door import Door, StepRefused
from agents.functions import AgentFunction
from agents.tools.files import Change, edited
from agents.tools.inputs import SUBMIT, ToolInput
from agents.tools.results import Result, failed
from agents.tools.toolbox import EFFECTS, Toolbox, in_words
from agents.trajectory import Step, Trajectory

CUT_OFF = "max_tokens"
SUMMARY_LENGTH = 200


@dataclass
class Steps:
    """Carries out one task's steps. `active` is how long it has been worked on, `left` how long it may yet be."""

    brief: TaskBrief
    trajectory: Trajectory
    toolbox: Toolbox
    door: Door
    function: AgentFunction
    active: Callable[[], float]
    left: Callable[[], float]

    def finish(self, step: Step) -> None:
        """Do what is left to do of a step; nothing when it has ended."""
        if step.ended:
            return
        for block in step.calls:
            if block["name"] != SUBMIT:
                self._call(step, block)
        commit, refused = self._hand_over(step)
        submission = self._submission(step, refused)
        self.trajectory.write(
            "step", active=self.active(), step=step.number, commit=commit, refused=refused, submission=submission
        )

    def _call(self, step: Step, block: dict[str, Any]) -> None:
        line = step.results.get(block["id"])
        if line is not None and not self._undone(step, block):
            return
        if step.stop == CUT_OFF:
            self._record(step, block, failed("the answer was cut off at its longest length; nothing was done"))
            return
        asked = self.toolbox.parse(block["name"], block["input"])
        self._record(step, block, asked if isinstance(asked, Result) else self._carry_out(step, block, asked))

    def _carry_out(self, step: Step, block: dict[str, Any], asked: ToolInput) -> Result:
        if self._took_effect(step, block):
            intent = step.intents[block["id"]]
            return edited(intent["path"], new=not intent["before"])
        prepared = self.toolbox.prepare(asked)
        if isinstance(prepared, Result):
            return prepared
        if isinstance(prepared, Change):
            facts = {"path": prepared.path, "before": prepared.before, "after": prepared.after}
            self.trajectory.write("intent", active=self.active(), step=step.number, call=block["id"], **facts)
        return self.toolbox.carry_out(asked, prepared, self.left())

    def _took_effect(self, step: Step, block: dict[str, Any]) -> bool:
        """Whether a process before this one had made the edit: the file is as it, or a later edit of it, left it."""
        if (intent := step.intents.get(block["id"])) is None:
            return False
        order = [each["id"] for each in step.calls]
        later = [i for call, i in step.intents.items() if order.index(call) >= order.index(block["id"])]
        left = {each["after"] for each in later if each["path"] == intent["path"]}
        return self.toolbox.stands_at(intent["path"]) in left

    def _undone(self, step: Step, block: dict[str, Any]) -> bool:
        """Whether a recorded edit is gone: the worktree was made anew from the last commit."""
        intent = step.intents.get(block["id"])
        if intent is None or step.results[block["id"]]["error"]:
            return False
        return self.toolbox.stands_at(intent["path"]) == intent["before"] and not self._took_effect(step, block)

    def _record(self, step: Step, block: dict[str, Any], result: Result) -> None:
        self.trajectory.write(
            "result",
            active=self.active(),
            step=step.number,
            call=block["id"],
            tool=block["name"],
            said=result.said,
            data=result.data,
            source=result.source,
            error=result.error,
        )

    def _hand_over(self, step: Step) -> tuple[str | None, str | None]:
        """The factory's commit of the step, or why it refuses it; (None, None) when there is nothing to commit."""
        tools = [block["name"] for block in step.calls]
        before = self.trajectory.steps[-2] if len(self.trajectory.steps) > 1 else None
        # What was refused before still lies in the worktree, until the factory has taken it.
        if EFFECTS.isdisjoint(tools) and not (before and before.refused):
            return None, None
        try:
            return self.door.post_step(self.brief.task, step.number, tools, summary_of(step)), None
        except StepRefused as error:
            return None, f"the factory refused the step: {error}"

    def _submission(self, step: Step, refused: str | None) -> dict[str, Any] | None:
        """The accepted submission. One that is not accepted is answered like any failed call."""
        accepted = None
        for block in (block for block in step.calls if block["name"] == SUBMIT):
            form = self._form(step, block, refused)
            if isinstance(form, Result):
                self._record(step, block, form)
            elif accepted is not None:
                self._record(step, block, failed("not submitted: submitted already"))
            else:
                accepted = form.model_dump(mode="json")
                self._record(step, block, Result(said="submitted"))
        return accepted

    def _form(self, step: Step, block: dict[str, Any], refused: str | None) -> ToolInput | Result:
        if step.stop == CUT_OFF:
            return failed("not submitted: the answer was cut off at its longest length")
        if refused:
            return failed(f"not submitted: {refused}")
        if any(line["error"] for line in step.results.values() if line["tool"] != SUBMIT):
            return failed("not submitted: another call of the same message failed")
        try:
            return self.function.submission.model_validate(block["input"])
        except ValidationError as error:
            return failed(f"not submitted: {in_words(error)}")


def summary_of(step: Step) -> str:
    """What the model said of the step, in one line, for the commit's message."""
    said = " ".join(" ".join(b["text"].split()) for b in step.content if b["type"] == "text")
    return said[:SUMMARY_LENGTH] or ", ".join(block["name"] for block in step.calls)
