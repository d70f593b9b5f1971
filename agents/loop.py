"""The loop: ask the model, carry out what it calls, hand the step to the factory; until it submits or may not go on.

Every fact is on the disk before the next thing happens, so a killed loop goes on where it was: an answer is not asked
(and paid) for again, an edit is made once, a step is committed once.
"""

import hashlib
import json
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from agents import limits
from agents.brief import Outcome, OutcomeState, TaskBrief
from agents.conversation import called, messages
from agents.door import Door
from agents.fence import Fence
from agents.functions import FUNCTIONS
from agents.limits import Spent
from agents.model import Answer, ModelFailed, StreamBroken
from agents.prices import Price, price_of
from agents.prompt import first_message, given
from agents.steps import Steps
from agents.tools import Toolbox
from agents.trajectory import Trajectory
from factory.usage import Usage

BROKEN_TRIES = 4
REFUSAL = "refusal"


class Asks(Protocol):
    """What answers: `agents.model.Model`."""

    def ask(self, request: dict[str, Any], seconds: float) -> Answer:
        """The answer to a request, within `seconds`."""


class Ended(Exception):
    """The task may not go on."""

    def __init__(self, state: OutcomeState, reason: str) -> None:
        super().__init__(reason)
        self.state = state
        self.reason = reason


@dataclass
class Loop:
    """One task. `clock` counts seconds, `sleep` waits, `nonce` draws the word of the fence."""

    brief: TaskBrief
    trajectory: Trajectory
    model: Asks
    toolbox: Toolbox
    door: Door
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    nonce: Callable[[], str] = lambda: secrets.token_hex(6)
    _begun: float = field(init=False)

    def __post_init__(self) -> None:
        self._begun = self.clock() - self.trajectory.active_seconds
        self._function = FUNCTIONS[self.brief.function].only(self.brief.tools)
        self._price = price_of(self.brief.model_name)

    def run(self) -> Outcome:
        """Work until the task ends. Raises DoorClosed when a later process must go on, SandboxUnavailable."""
        first = self._start()
        fence = Fence(self.trajectory.start["nonce"] if self.trajectory.start else "")
        steps = Steps(self.brief, self.trajectory, self.toolbox, self.door, self._function, self._active, self._left)
        try:
            while True:
                if self.trajectory.steps:
                    steps.finish(self.trajectory.steps[-1])
                    if (submission := self.trajectory.steps[-1].submission) is not None:
                        return self._outcome(OutcomeState.SUBMITTED, "submitted", submission)
                self._check(fence)
                self._ask(self._request(first, fence))
        except Ended as end:
            return self._outcome(end.state, end.reason)

    def _start(self) -> str:
        """The first message, drawn up once per task."""
        if self.trajectory.start is None:
            nonce = self.nonce()
            self.trajectory.write(
                "start",
                active=self._active(),
                nonce=nonce,
                function=self._function.name,
                model=self.brief.model_name,
                scripted=self.brief.scripted,
                tools=[*self._function.tools, "submit"],
                given=given(self.brief),
                system=self._function.prompt,
                prompt=first_message(self.brief, Fence(nonce)),
            )
        else:
            self.trajectory.write("note", active=self._active(), text="another process took the task up")
        start = self.trajectory.start or {}
        return str(start["prompt"])

    def _check(self, fence: Fence) -> None:
        if self.trajectory.steps and self.trajectory.steps[-1].stop == REFUSAL:
            raise Ended(OutcomeState.REFUSED, "the model declined the task")
        if reason := limits.stuck([call for step in self.trajectory.steps for call in called(step, fence)]):
            raise Ended(OutcomeState.STUCK, reason)
        if reason := limits.reached(self.brief.limits, self._spent()):
            raise Ended(OutcomeState.LIMIT, reason)

    def _request(self, first: str, fence: Fence) -> dict[str, Any]:
        request = {
            "model": self.brief.model_name,
            "system": self._function.prompt,
            "tools": self._function.for_model(),
            "messages": messages(first, self.trajectory.steps, fence),
            # Everything up to the last message is read from the cache next time, at a tenth of its price.
            "cache_control": {"type": "ephemeral"},
        }
        characters = len(json.dumps(request))
        if characters > limits.MOST_CHARACTERS:
            reason = f"the conversation has {characters} characters, at most {limits.MOST_CHARACTERS} are sent"
            raise Ended(OutcomeState.LIMIT, reason)
        return {**request, "max_tokens": self._tokens(characters)}

    def _tokens(self, characters: int) -> int:
        if self.brief.scripted:
            return limits.MOST_OUTPUT_TOKENS
        tokens = limits.affordable_tokens(self.brief.limits, self._spent(), self._known_price(), characters)
        if not tokens:
            spent = self._spent().dollars
            left = f"${spent:.4f} of ${self.brief.limits.dollars:.2f} are spent"
            raise Ended(OutcomeState.LIMIT, f"the next answer does not fit into the limit: {left}")
        return tokens

    def _ask(self, request: dict[str, Any]) -> None:
        answer = self._answer(request)
        if answer.scripted != self.brief.scripted:
            came, wanted = ("a scripted", "a live") if answer.scripted else ("an unlabelled", "a scripted")
            raise Ended(OutcomeState.FAILED, f"{came} answer came where {wanted} model was asked")
        self.trajectory.write(
            "answer",
            active=self._active(),
            step=len(self.trajectory.steps) + 1,
            request="sha256:" + hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest(),
            content=answer.content,
            stop=answer.stop,
            usage=vars(answer.usage),
        )

    def _answer(self, request: dict[str, Any]) -> Answer:
        for attempt in range(BROKEN_TRIES):
            if attempt and (limit := limits.reached(self.brief.limits, self._spent())):
                raise Ended(OutcomeState.LIMIT, limit)
            try:
                return self.model.ask(request, self._left())
            except StreamBroken as error:
                # What broke has been paid for as well.
                self.trajectory.write("note", active=self._active(), text=str(error), usage=vars(error.usage))
                reason = str(error)
            except ModelFailed as error:
                raise Ended(OutcomeState.FAILED, str(error)) from None
            # Jitter, so that many tasks do not come back at once; nobody guesses anything from it.
            self.sleep(min(0.5 * 2**attempt, 8.0) * random.uniform(0.75, 1.0))  # noqa: S311
        raise Ended(OutcomeState.FAILED, f"{reason} ({BROKEN_TRIES} times running)")

    def _known_price(self) -> Price:
        if self._price is None:
            reason = f"no price is known for {self.brief.model_name}, so nothing may be spent on it"
            raise Ended(OutcomeState.FAILED, reason)
        return self._price

    def _spent(self) -> Spent:
        return Spent(len(self.trajectory.steps), self._active(), self._dollars(self.trajectory.usage()))

    def _dollars(self, usage: Usage) -> float:
        return 0.0 if self.brief.scripted else self._known_price().dollars(usage)

    def _active(self) -> float:
        return self.clock() - self._begun

    def _left(self) -> float:
        return max(self.brief.limits.minutes * 60 - self._active(), 1.0)

    def _outcome(self, state: OutcomeState, reason: str, submission: dict[str, Any] | None = None) -> Outcome:
        usage = self.trajectory.usage()
        return Outcome(
            state=state,
            reason=reason,
            turns=len(self.trajectory.steps),
            input_tokens=usage.all_input,
            output_tokens=usage.output,
            dollars=0.0 if self.brief.scripted or self._price is None else self._price.dollars(usage),
            model=self.brief.model_name,
            scripted=self.brief.scripted,
            submission=submission,
        )
