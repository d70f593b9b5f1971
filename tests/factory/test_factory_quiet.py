"""Being alone: nobody begins beside who is alone, nobody is alone beside others, and everybody's turn comes."""

import threading
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from factory.paths import FactoryRoot
from factory.quiet import alone, beside_others, quiet_lock

SOON, LATER = 0.3, 10.0


class Runner:
    """Goes in as soon as it may, and out when it is told to."""

    def __init__(self, way_in: AbstractContextManager[None]) -> None:
        self.inside, self._out = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=(way_in,), daemon=True)
        self._thread.start()

    def _run(self, way_in: AbstractContextManager[None]) -> None:
        with way_in:
            self.inside.set()
            self._out.wait()

    def may_leave(self) -> None:
        self._out.set()

    def leave(self) -> None:
        self.may_leave()
        self._thread.join()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return quiet_lock(FactoryRoot(tmp_path), "links")


def test_others_run_beside_each_other(lock: Path) -> None:
    first, second = Runner(beside_others(lock)), Runner(beside_others(lock))
    assert first.inside.wait(LATER)
    assert second.inside.wait(LATER)
    first.leave()
    second.leave()


def test_nobody_begins_beside_who_is_alone(lock: Path) -> None:
    first = Runner(alone(lock))
    assert first.inside.wait(LATER)
    others = [Runner(beside_others(lock)), Runner(alone(lock))]
    assert not others[0].inside.wait(SOON)
    assert not others[1].inside.wait(SOON)
    first.leave()
    # Whichever of them comes first, the next one comes when it has left.
    for other in others:
        other.may_leave()
    for other in others:
        assert other.inside.wait(LATER)
        other.leave()


def test_who_must_be_alone_is_not_passed_by_those_who_come_later(lock: Path) -> None:
    first = Runner(beside_others(lock))
    assert first.inside.wait(LATER)
    lonely = Runner(alone(lock))
    assert not lonely.inside.wait(SOON)
    late = Runner(beside_others(lock))
    assert not late.inside.wait(SOON)
    first.leave()
    assert lonely.inside.wait(LATER)
    assert not late.inside.is_set()
    lonely.leave()
    assert late.inside.wait(LATER)
    late.leave()


def test_another_app_is_not_waited_for(lock: Path, tmp_path: Path) -> None:
    first = Runner(alone(lock))
    assert first.inside.wait(LATER)
    other = Runner(alone(quiet_lock(FactoryRoot(tmp_path), "notes")))
    assert other.inside.wait(LATER)
    first.leave()
    other.leave()
