"""One kind whose process hangs keeps what is due at the other kinds from nothing, and is given nothing twice."""

import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from grant_place import GrantPlace, Kept, grant_place
from grant_waits import wait_for
from sqlalchemy import event

from access.broker import SWEEP_SECONDS, Broker
from access.grants import Grant, State
from access.providers.provider import Issued, Place
from factory.spec import Scope

SECONDS = 60
# What a look waits at most for what hangs: it does as soon as it is called.
LOOK = 0.05


@dataclass
class Hanging(Kept):
    """It hangs in the call that is named until the test lets it; `began` are the grants that it was called for."""

    hangs_in: str = ""
    goes_on: threading.Event = field(default_factory=threading.Event)
    hangs: threading.Event = field(default_factory=threading.Event)
    began: list[str] = field(default_factory=list)
    swept: list[Place] = field(default_factory=list)

    def issue(self, grant: Grant) -> Issued:
        self._maybe("issue", grant.id)
        return super().issue(grant)

    def serves(self, grant: Grant) -> bool:
        self._maybe("serves", grant.id)
        return super().serves(grant)

    def remove(self, grant: Grant) -> None:
        self._maybe("remove", grant.id)
        super().remove(grant)

    def sweep(self, place: Place, live: Collection[str]) -> list[str]:
        self._maybe("sweep", place.resource)
        self.swept.append(place)
        return super().sweep(place, live)

    def _maybe(self, call: str, what: str) -> None:
        if call == self.hangs_in:
            self.began.append(what)
            self.hangs.set()
            self.goes_on.wait(SECONDS)


@dataclass
class Hung:
    place: GrantPlace
    hanging: Hanging
    broker: Broker

    def asked(self) -> Grant:
        """One that is for the kind that hangs."""
        return self.place.ask(resource="model", scope=Scope.READ).grant

    def hang_in(self, call: str) -> None:
        self.hanging.hangs_in = call
        self.broker.work(LOOK)
        assert self.hanging.hangs.wait(SECONDS)


@pytest.fixture
def hung(tmp_path: Path) -> Iterator[Hung]:
    place = grant_place(tmp_path)
    hanging = Hanging(set())
    # The one that hangs comes first.
    providers = {"model": hanging, "postgres": place.provider}
    broker = Broker(place.desk, place.database, providers)
    try:
        yield Hung(place, hanging, broker)
    finally:
        hanging.goes_on.set()
        broker.close()


def _issuing(hung: Hung) -> None:
    hung.asked()
    hung.hang_in("issue")


def _removing(hung: Hung) -> None:
    grant = hung.asked()
    hung.broker.work()
    hung.place.desk.end(hung.place.read(grant), "over", actor="ada")
    hung.hang_in("remove")


def _looking(hung: Hung) -> None:
    hung.asked()
    hung.broker.work()
    hung.hang_in("serves")


def _sweeping(hung: Hung) -> None:
    hung.asked()
    hung.broker.work()
    hung.place.ticks += SWEEP_SECONDS
    hung.hang_in("sweep")


@pytest.mark.parametrize("hang", [_issuing, _removing, _looking, _sweeping])
def test_others_are_let_in_and_end_and_are_swept_while_one_kind_hangs(hung: Hung, hang: Callable[[Hung], None]) -> None:
    place, broker = hung.place, hung.broker
    before = place.ask().grant
    broker.work()
    assert place.state(before) is State.ACTIVE
    hang(hung)
    place.desk.end(place.read(before), "over", actor="ada")
    after = place.ask().grant
    place.standing.add("mw_orphan")
    place.ticks += SWEEP_SECONDS
    broker.work(LOOK)
    wait_for(lambda: (place.state(before), place.state(after)) == (State.ENDED, State.ACTIVE))
    wait_for(lambda: place.standing == {f"mw_{after.id}"})
    # Once, and not with every look.
    assert len(hung.hanging.began) == 1


def test_what_is_asked_for_meanwhile_is_done_once_the_kind_goes_on(hung: Hung) -> None:
    place = hung.place
    first = hung.asked()
    hung.hang_in("issue")
    second = hung.asked()
    hung.broker.work(LOOK)
    assert hung.hanging.began == [first.id]
    hung.hanging.goes_on.set()
    wait_for(lambda: place.state(first) is State.ACTIVE)
    wait_for(lambda: (hung.broker.work(), place.state(second))[1] is State.ACTIVE)
    assert hung.hanging.began == [first.id, second.id]


def test_what_is_done_while_a_look_reads_is_not_done_once_more(hung: Hung) -> None:
    place, here = hung.place, threading.current_thread()
    grant = hung.asked()
    hung.hang_in("issue")
    swept = len(hung.hanging.swept)

    def read(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        # The look has read it as one that is being issued; now it is issued, and its kind is done.
        if threading.current_thread() is here and statement.startswith("SELECT") and not hung.hanging.goes_on.is_set():
            hung.hanging.goes_on.set()
            wait_for(lambda: len(hung.hanging.swept) > swept)

    event.listen(place.database, "after_cursor_execute", read)
    try:
        hung.broker.work()
    finally:
        event.remove(place.database, "after_cursor_execute", read)
    hung.broker.work()
    assert (hung.hanging.began, place.state(grant)) == ([grant.id], State.ACTIVE)


def test_it_ends_while_one_kind_hangs_and_what_waits_there_stays_as_it_is_written(
    hung: Hung, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("access.broker.END_SECONDS", LOOK)
    asked = [hung.asked() for _ in range(9)]
    hung.hang_in("issue")
    wait_for(lambda: len(hung.hanging.began) == 8)
    hung.broker.close()
    hung.hanging.goes_on.set()
    wait_for(lambda: sum(hung.place.state(each) is State.ACTIVE for each in asked) == 8)
    assert [hung.place.state(each) for each in asked if each.id not in hung.hanging.began] == [State.ISSUING]
