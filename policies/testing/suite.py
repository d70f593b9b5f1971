"""What a rule has to stand, by its cases: the verdicts, and what shows that the cases would catch a rule gone bad."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from policies.evaluation import RuleBroke
from policies.model import Control, render
from policies.testing.case import Case
from policies.testing.verdicts import always_failing, always_passing, complaint, passing_when_unknown, undone_by

LEAST: Final = 3
"""Cases of a rule that must fail, and that must pass."""


@dataclass(frozen=True)
class Complaint:
    """What is wrong with a rule or its cases. `case` is "" for what is wrong with all of them."""

    case: str
    message: str


def complaints(control: Control, cases: Sequence[Case]) -> Iterator[Complaint]:
    """Everything that is wrong, without an engine; nothing yielded means that the rule holds."""
    yield from _of_the_cases(control, cases)
    for case in cases:
        for check in (_of_its_verdict, _of_what_is_unknown, _of_what_would_pass_unseen):
            try:
                yield from (Complaint(case.name, message) for message in check(control, case, cases))
            except RuleBroke as error:
                # Told for the case as it is by the first of the checks; the others change it, and may break it first.
                yield Complaint(case.name, str(error))
                break
    if control.monotone:
        yield from _of_what_undoes(control, cases)


def _of_the_cases(control: Control, cases: Sequence[Case]) -> Iterator[Complaint]:
    counted: Counter[str] = Counter(case.verdict for case in cases)
    for verdict, means in (("fail", "break the rule"), ("pass", "nearly break it")):
        if counted[verdict] < LEAST:
            yield Complaint("", f"{counted[verdict]} cases that must {verdict}, at least {LEAST}: such as {means}")
    for name, times in Counter(case.name for case in cases).items():
        if times > 1:
            yield Complaint(name, f"{times} cases have this name")
    bad = {resource.type for case in cases if case.verdict == "fail" for resource in case.resources}
    for token in control.reads:
        if not token.endswith("*") and token not in bad:
            yield Complaint("", f"no case that must fail has a {token}, which the rule reads")
    for case in cases:
        if not any(control.concerns(resource.type) for resource in case.resources):
            yield Complaint(case.name, "the rule reads nothing of what is in it")


def _of_its_verdict(control: Control, case: Case, cases: Sequence[Case]) -> Iterator[str]:
    del cases
    before = repr(case.resources)
    if message := complaint([control], case):
        yield message.removeprefix(f"{case.name}: ")
    if repr(case.resources) != before:
        yield "the rule changes what it is given, which other rules look at too"


def _of_what_is_unknown(control: Control, case: Case, cases: Sequence[Case]) -> Iterator[str]:
    if case.verdict == "fail":
        for name, path in passing_when_unknown(control, case, cases):
            yield f"it passes when {render(path)} of {name} is not known; a rule must yield Unknown there"


def _of_what_would_pass_unseen(control: Control, case: Case, cases: Sequence[Case]) -> Iterator[str]:
    del cases
    mutated: dict[str, Callable[[Control], Control]] = {"pass": always_failing, "fail": always_passing}
    change = mutated.get(case.verdict)
    if change and complaint([change(control)], case) is None:
        yield f"a rule that does not look at anything would get through with it ({change.__name__})"


def _of_what_undoes(control: Control, cases: Sequence[Case]) -> Iterator[Complaint]:
    for bad in cases:
        if bad.verdict != "fail":
            continue
        for more in cases:
            if undone_by(control, bad, more):
                yield Complaint(bad.name, f"it passes beside {more.name!r}, so the rule is not monotone")
