"""What a preview cannot decide is counted, not told line by line; a program gets each."""

import pytest

from console.show import Deferred, event_line
from stacks.driver.model import Finished, Kind, Result, Violation


def verdict(policy: str, *, stack: str = "links-build", deferred: bool = True) -> Violation:
    urn = f"urn:pulumi:{stack}::f::aws:iam/rolePolicy:RolePolicy::coder"
    return Violation(stack=stack, policy=policy, level="advisory", message="m", urn=urn, deferred=deferred)


def finished(stack: str = "links-build") -> Finished:
    result = Result(stack=stack, kind=Kind.PREVIEW, changes={"create": 3}, steps=(), duration=1.0)
    return Finished(stack=stack, result=result)


def test_deferred_verdicts_are_one_line_at_the_end_of_their_stack() -> None:
    deferred = Deferred()
    for event in (verdict("no-escalation"), verdict("trust-narrow"), verdict("no-escalation"), verdict("x", stack="b")):
        assert event_line(event) is None
        assert deferred.take(event) is None
    line = deferred.take(finished())
    assert line
    assert "3 policy verdicts left to the update, which knows the values: no-escalation 2, trust-narrow 1" in line
    assert "1 policy verdict left" in str(deferred.take(finished("b")))
    assert deferred.take(finished()) is None


@pytest.mark.parametrize("level", ["advisory", "mandatory"])
def test_a_verdict_that_is_one_is_told_at_once(level: str) -> None:
    urn = "urn:pulumi:links-build::f::aws:iam/rolePolicy:RolePolicy::coder"
    event = Violation(stack="links-build", policy="trust-narrow", level=level, message="open", urn=urn)
    assert f"policy trust-narrow ({level})" in str(event_line(event))
    assert Deferred().take(event) is None


def test_a_program_is_told_each() -> None:
    assert verdict("no-escalation").as_json()["deferred"] is True
    assert verdict("no-escalation", deferred=False).as_json()["deferred"] is False
