"""How well a stack stands with the rules, as one number that can be followed over time, and what is behind it.

docs/explanation/policy-score.md says why it is counted so.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict

from policies.model import Control, Severity
from policies.offline import Checked, Told
from policies.resources import Stack

# Source: OpenSSF Scorecard, "Checks" (the weight of a check by its risk).
WEIGHTS: Final = {Severity.CRITICAL: 10.0, Severity.HIGH: 7.5, Severity.MEDIUM: 5.0, Severity.LOW: 2.5}
# A rule, and the resource (URN; "" is the stack) that it was asked about.
Judgement = tuple[str, str]


class Score(BaseModel):
    """The rules' verdicts on one stack, counted.

    A judgement is one rule on one resource that it reads (or on the stack, where it says something of that).
    `points` is the share of those that passed, weighted by severity, 0 to 100 and rounded down: 100 means all of them.
    `failed` and `undecided` count judgements by severity; `rules` is how many rules there were.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    points: float
    judgements: int
    failed: dict[str, int]
    undecided: dict[str, int]
    rules: int


def score_of(checked: Checked, stack: Stack, controls: Sequence[Control]) -> Score:
    """The score of a stack that was checked by `controls`."""
    severities = {control.id: control.severity for control in controls}
    failed = set(_judgements(checked.findings))
    undecided = set(_judgements(checked.deferred)) - failed
    everything = {*_asked(stack, controls), *failed, *undecided}
    whole = sum(WEIGHTS[severities[rule]] for rule, _ in everything)
    lost = sum(WEIGHTS[severities[rule]] for rule, _ in failed | undecided)
    return Score(
        # Never up: what is not whole must not look like it.
        points=math.floor(1000 * (whole - lost) / whole) / 10 if whole else 100.0,
        judgements=len(everything),
        failed=_counted(failed, severities),
        undecided=_counted(undecided, severities),
        rules=len(controls),
    )


def _asked(stack: Stack, controls: Iterable[Control]) -> Iterator[Judgement]:
    for resource in stack.resources:
        if resource.declared:
            yield from ((control.id, resource.urn) for control in controls if control.concerns(resource.type))


def _judgements(told: Iterable[Told]) -> Iterator[Judgement]:
    return ((each.verdict.control.id, each.urn) for each in told)


def _counted(judgements: Iterable[Judgement], severities: Mapping[str, Severity]) -> dict[str, int]:
    counts = Counter(severities[rule] for rule, _ in judgements)
    return {severity.value: counts[severity] for severity in WEIGHTS}
