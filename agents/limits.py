"""Whether a task may go on: pure decisions over its record."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agents.brief import TaskLimits
from agents.prices import Price
from factory.usage import Usage

MOST_OUTPUT_TOKENS = 16_384
# With less, hardly a tool call fits into an answer.
FEWEST_OUTPUT_TOKENS = 256
SAME_FAILURES = 3
# Code has about three characters per token; a request must not cost more than is thought.
CHARACTERS_PER_TOKEN = 2
# About 150,000 tokens: the price of some models doubles at 200,000.
MOST_CHARACTERS = 400_000


@dataclass(frozen=True)
class Spent:
    """What a task has used so far."""

    turns: int
    seconds: float
    dollars: float


@dataclass(frozen=True)
class Called:
    """One carried out call: `what` tells two calls of one tool apart where that matters."""

    tool: str
    what: str
    answer: str
    error: bool


def reached(limits: TaskLimits, spent: Spent) -> str | None:
    """Which limit forbids another call of the model, in words; None when none does."""
    if spent.turns >= limits.turns:
        return f"the limit of {limits.turns} turns is reached"
    if spent.seconds >= limits.minutes * 60:
        return f"the limit of {limits.minutes:g} minutes is reached"
    if spent.dollars >= limits.dollars:
        return f"the limit of ${limits.dollars:.2f} is reached (${spent.dollars:.4f} spent)"
    return None


def affordable_tokens(limits: TaskLimits, spent: Spent, price: Price, request_characters: int) -> int:
    """How many tokens the next answer may have, so that the task stays within its dollars; 0: none at all.

    The request is taken to be written to the cache, which is the dearest it can be.
    """
    request = Usage(cache_written=request_characters // CHARACTERS_PER_TOKEN + 1)
    left = limits.dollars - spent.dollars - price.dollars(request)
    tokens = min(int(left / price.output), MOST_OUTPUT_TOKENS)
    return tokens if tokens >= FEWEST_OUTPUT_TOKENS else 0


def stuck(calls: Sequence[Called]) -> str | None:
    """Which call failed in the same way three times running, in words; None when none did.

    Running: no call of the same tool in between, whatever other tools did.
    """
    for tool in dict.fromkeys(call.tool for call in calls):
        last = [call for call in calls if call.tool == tool][-SAME_FAILURES:]
        same = len({signature(call) for call in last}) == 1
        if len(last) == SAME_FAILURES and same and all(call.error for call in last):
            first_lines = " ".join(last[-1].answer.split())[:200]
            return f"{tool} failed in the same way {SAME_FAILURES} times running: {first_lines}"
    return None


def signature(call: Called) -> str:
    """What is the same about two failures: numbers (times, addresses, line numbers) do not count."""
    return f"{call.tool}\0{call.what}\0{re.sub(r'0x[0-9a-f]+|[0-9]+', '#', call.answer)}"
