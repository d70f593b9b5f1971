"""An operation whose caller is gone: interrupted as by Ctrl-C, and on an account not asked twice in a hurry."""

import multiprocessing
import os
import signal
import time

import pytest

from stacks.driver import worker


@pytest.mark.parametrize(("waits", "patience"), [(worker.LOCAL_WAITS, 20), (worker.ACCOUNT_WAITS, 3600)])
def test_it_is_asked_given_time_and_ended_at_last(
    monkeypatch: pytest.MonkeyPatch, waits: tuple[float, ...], patience: float
) -> None:
    happened: list[object] = []
    monkeypatch.setattr(os, "killpg", lambda _, number: happened.append(number))
    monkeypatch.setattr(time, "sleep", happened.append)
    here, there = multiprocessing.Pipe()
    there.close()
    worker._interrupt_when_orphaned(here, waits)
    assert happened[:2] == [signal.SIGINT, patience]
    assert happened[-1] == signal.SIGKILL
    assert happened[0:-1:2] == [signal.SIGINT] * len(waits)
