"""One kind's process that hangs when it is told to cut keeps nobody else's grants from their end."""

import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from grant_place import GrantPlace, Kept, grant_place

from access.broker import Broker
from access.grants import Grant, State
from factory.spec import Scope

SECONDS = 60


@dataclass
class Hanging(Kept):
    """It is done with a cut when the test says so; `began` counts them."""

    goes_on: threading.Event = field(default_factory=threading.Event)
    began: int = 0

    def cut(self, grants: Collection[Grant]) -> None:
        if grants:
            self.began += 1
            self.goes_on.wait(SECONDS)
        super().cut(grants)


@dataclass
class Hung:
    place: GrantPlace
    hanging: Hanging
    broker: Broker
    stuck: Grant
    other: Grant


@pytest.fixture
def hung(tmp_path: Path) -> Iterator[Hung]:
    place = grant_place(tmp_path)
    hanging = Hanging(set())
    # The one that hangs comes first.
    providers = {"model": hanging, "postgres": place.provider}
    broker = Broker(place.desk, place.database, providers)
    stuck, other = place.ask(resource="model", scope=Scope.READ).grant, place.ask().grant
    broker.work()
    try:
        yield Hung(place, hanging, broker, stuck, other)
    finally:
        hanging.goes_on.set()


def test_whoever_else_is_to_end_is_cut_while_one_kind_hangs(hung: Hung) -> None:
    place = hung.place
    assert (hung.hanging.inside, place.provider.inside) == ({hung.stuck.id}, {hung.other.id})
    for grant in (hung.stuck, hung.other):
        place.desk.end(place.read(grant), "over", actor="ada")
    hung.broker.cut()
    assert (hung.hanging.inside, place.provider.inside) == ({hung.stuck.id}, set())


def test_who_ends_later_is_cut_too_and_the_kind_that_hung_once_it_goes_on(hung: Hung) -> None:
    place = hung.place
    place.desk.end(place.read(hung.stuck), "over", actor="ada")
    hung.broker.cut()
    place.desk.end(place.read(hung.other), "over", actor="ada")
    hung.broker.cut()
    assert (hung.hanging.began, place.provider.inside) == (1, set())
    hung.hanging.goes_on.set()
    hung.broker.cut()
    hung.broker.work()
    assert not hung.hanging.inside
    assert [place.state(each) for each in (hung.stuck, hung.other)] == [State.ENDED] * 2
