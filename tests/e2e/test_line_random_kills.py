"""The worker is killed at random moments, not only at named points; seeded, for `make soak`."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from e2e_line import APP, Line, approve_all
from e2e_place import Place

from factory import daemons
from pipeline.records import ChangeState

pytestmark = [pytest.mark.e2e, pytest.mark.soak, pytest.mark.timeout(1800)]
KILLS = 12


@pytest.fixture(scope="module")
def line(place: Place) -> Iterator[Line]:
    for environment in ("build", "staging"):
        assert place.millwright("up", APP, environment).code == 0
    line = Line(place)
    line.worker()
    with line.people():
        line.until_ended(line.promote().id)
    daemons.stop(place.root, daemons.WORKER)
    yield line
    daemons.stop(place.root, daemons.WORKER)


# One after the other on one line: what an earlier one has left must not stop the next.
@pytest.mark.parametrize(
    ("seed", "change", "end"),
    [(1, "link-stats", ChangeState.RELEASED), (2, "https-only", ChangeState.ROLLED_BACK)],
)
def test_random_kills_of_the_worker_change_nothing(line: Line, seed: int, change: str, end: ChangeState) -> None:
    random_ = random.Random(seed)
    record = line.submit(change)
    with line.people(approve_all):
        for _ in range(KILLS):
            worker = line.start_worker()
            time.sleep(random_.uniform(2.5, 12))
            os.kill(worker.pid, signal.SIGKILL)
            worker.wait()
            if line.change(record.id).ended:
                break
        worker = line.start_worker()
        try:
            line.until_ended(record.id, seconds=600)
        finally:
            os.kill(worker.pid, signal.SIGTERM)
            worker.wait(30)
    assert line.change(record.id).state is end, line.change(record.id)
    assert len(line.events("change.merged", change)) == 1
    assert len(line.events("change.ended", change)) == 1
    commits = Counter(str(event.properties["commit"]) for event in line.events("commit.made", change))
    assert set(commits.values()) == {1}
    serving = Counter(r.environment for r in line.releases() if r.state == "serving")
    assert serving["production"] == 1
    assert not list(line.place.root.tasks.glob("*/worktree"))
