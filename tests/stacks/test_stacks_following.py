"""An operation's events reach an iterator, `async for` and a callback alike, and who ceases to listen stops nothing."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import pytest

from factory.errors import UpdateFailed
from stacks.driver import Follows, Kind, Result, StackEvent
from stacks.driver.model import Diagnostic, Failed, Finished, Started

T = TypeVar("T")
STACK = "links-build"
RESULT = Result(stack=STACK, kind=Kind.UP, changes={}, steps=(), duration=1.0)
FINE: list[StackEvent] = [Started(stack=STACK, kind=Kind.UP), Finished(stack=STACK, result=RESULT)]
BAD: list[StackEvent] = [
    Started(stack=STACK, kind=Kind.UP),
    Diagnostic(stack=STACK, severity="error", message="no", urn=""),
    Failed(stack=STACK, error=UpdateFailed("no")),
]


class Played(Follows):
    """Says what it is given, each when it may, and remembers how far it was read."""

    def __init__(self, events: list[StackEvent], *, held: bool = False) -> None:
        self.stack = STACK
        self.left = list(events)
        self.last: StackEvent | None = None
        self.may_go_on = threading.Event()
        self.read_to_its_end = threading.Event()
        if not held:
            self.may_go_on.set()

    def events(self) -> Iterator[StackEvent]:
        while self.left:
            self.last = self.left.pop(0)
            yield self.last
            assert self.may_go_on.wait(30)
        self.read_to_its_end.set()

    def result(self) -> Result:
        for _ in self.events():
            pass
        if isinstance(self.last, Failed):
            raise self.last.error
        assert isinstance(self.last, Finished)
        return self.last.result

    def interrupt(self) -> None:
        raise NotImplementedError


def waited(work: Coroutine[Any, Any, T]) -> T:
    """As `asyncio.run`, which would leave the tests after it without a loop to declare resources in."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _all(operation: Follows) -> list[StackEvent]:
    return [event async for event in operation.aevents()]


@pytest.mark.parametrize("events", [FINE, BAD], ids=["fine", "bad"])
def test_each_way_of_following_sees_every_event_in_order(events: list[StackEvent]) -> None:
    assert list(Played(events).events()) == events
    assert waited(_all(Played(events))) == events
    seen: list[StackEvent] = []
    future = Played(events).notify(seen.append)
    assert isinstance(future.exception(30), UpdateFailed if events is BAD else type(None))
    assert seen == events


def test_the_result_can_be_awaited_and_raises_what_went_wrong() -> None:
    assert waited(Played(FINE).aresult()) == RESULT
    with pytest.raises(UpdateFailed, match="no"):
        waited(Played(BAD).aresult())
    assert Played(FINE).notify(lambda event: None).result(30) == RESULT


def test_many_are_awaited_at_once_and_the_loop_goes_on_meanwhile() -> None:
    held, fine = Played(FINE, held=True), Played(FINE)

    async def both() -> list[Result]:
        slow = asyncio.create_task(held.aresult())
        first = await fine.aresult()
        # The one that waits has held up neither the other one nor the loop.
        assert not slow.done()
        held.may_go_on.set()
        return [first, await slow]

    assert waited(both()) == [RESULT, RESULT]


def test_who_leaves_early_does_not_stop_the_operation() -> None:
    operation = Played(FINE, held=True)

    async def first() -> StackEvent:
        async for event in operation.aevents():
            return event
        raise AssertionError

    assert waited(first()) == FINE[0]
    # The loop is closed; what comes now is read and heard by nobody.
    operation.may_go_on.set()
    assert operation.read_to_its_end.wait(30)
    assert operation.result() == RESULT


def test_a_callback_that_raises_ends_its_calls_and_not_the_operation() -> None:
    operation = Played(BAD)
    seen: list[StackEvent] = []

    def refuses(event: StackEvent) -> None:
        seen.append(event)
        raise ValueError("not mine")

    error = operation.notify(refuses).exception(30)
    assert isinstance(error, ValueError)
    assert (len(seen), operation.left) == (1, [])
