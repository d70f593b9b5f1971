"""Whom the demo's people answer, and whom they let wait."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from console.demo import people
from factory.decisions import Verdict
from factory.gates import Gate


@dataclass
class Asked:
    change: str
    gate: Gate
    key: str = "links/x:merge:1.0"
    app: str = "links"


@dataclass
class FakeDesk:
    """Notes what is decided; `on_their_way` are the changes that have not come to main yet."""

    on_their_way: set[str] = field(default_factory=set)
    decided: list[tuple[str, Verdict]] = field(default_factory=list)

    def still_to_merge(self, app: str, change: str) -> bool:
        return change in self.on_their_way

    def decide(self, request: Any, verdict: Verdict, reason: str) -> None:
        self.decided.append((request.change, verdict))


def test_what_turns_out_bad_is_merged_behind_what_is_to_be_released() -> None:
    (late, first) = next(iter(people.FIRST.items()))
    desk: Any = FakeDesk({first})
    asked: Any = Asked(late, Gate.MERGE)
    assert people.answer_by_itself(desk, asked) is None
    desk.on_their_way.clear()
    assert people.answer_by_itself(desk, asked) is True
    assert desk.decided == [(late, Verdict.APPROVE)]


@pytest.mark.parametrize("gate", [Gate.PRODUCTION, Gate.ATTENTION])
def test_only_its_merge_waits(gate: Gate) -> None:
    (late, first) = next(iter(people.FIRST.items()))
    desk: Any = FakeDesk({first})
    asked: Any = Asked(late, gate)
    assert people.answer_by_itself(desk, asked) is True


def test_a_change_that_does_not_get_through_is_left_and_a_critical_finding_refused() -> None:
    desk: Any = FakeDesk()
    stuck: Any = Asked("x", Gate.ATTENTION, "links/x:again:1")
    found: Any = Asked("x", Gate.SECURITY_EXCEPTION)
    assert people.answer_by_itself(desk, stuck) is False
    assert people.answer_by_itself(desk, found) is True
    assert desk.decided == [("x", Verdict.REFUSE)]
