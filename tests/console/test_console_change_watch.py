"""`millwright change show --watch`: each thing once, as it happens, to the end or to a person's decision."""

from collections.abc import Callable, Iterator

import pytest
from change_bench import CHANGE, SUBMIT, ask, database, set_change, with_change
from console_runner import Runner

from console.follow_change import WORKER_SECONDS, follow_change
from console.session import Session
from console.show import report_engine
from factory import daemons, db, events
from factory.errors import ExitCode, MillwrightError
from factory.paths import FactoryRoot
from factory.settings import Settings
from pipeline.records import ChangeState, Stage


@pytest.fixture
def line(root: FactoryRoot) -> FactoryRoot:
    return with_change(root)


class _Clock:
    """Time that passes only when somebody sleeps; at each turn something may happen."""

    def __init__(self, *happenings: Callable[[], object]) -> None:
        self.time = 0.0
        self.left = list(happenings)

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        if self.left:
            self.left.pop(0)()

    def now(self) -> float:
        return self.time


@pytest.fixture
def worker(line: FactoryRoot) -> Iterator[None]:
    """A worker runs, as far as its run file tells."""
    claim = daemons.claim(line, daemons.WORKER)
    claim.publish({}, generation="1")
    yield
    claim.release()


def _follow(root: FactoryRoot, clock: _Clock, *, as_json: bool = False) -> ExitCode:
    session = Session(root, Settings(), report_engine)
    return follow_change(session, "links", CHANGE, as_json=as_json, sleep=clock.sleep, clock=clock.now)


def _tell(root: FactoryRoot, kind: str) -> None:
    with db.transaction(database(root)) as connection:
        events.append(connection, events.new_event(kind, actor="factory", app="links", change=CHANGE))


def test_following_shows_each_event_once_and_ends_when_a_person_mustdecide(
    millwright: Runner, line: FactoryRoot, worker: None, capsys: pytest.CaptureFixture[str]
) -> None:
    millwright(*SUBMIT)
    clock = _Clock(
        lambda: set_change(line, stage=Stage.TEST, state=ChangeState.RUNNING, detail="tests run"),
        lambda: _tell(line, "tests.passed"),
        lambda: None,
        lambda: ask(line),
    )
    assert _follow(line, clock) is ExitCode.DECISION_REQUIRED
    streams = capsys.readouterr()
    assert [streams.err.count(kind) for kind in ("change.submitted", "tests.passed", "request.opened")] == [1, 1, 1]
    assert "test …  security  review  deploy   tests run" in streams.err
    assert "waits for: a person (maintainer) to decide on merge" in streams.out


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (ChangeState.RELEASED, ExitCode.OK),
        (ChangeState.ROLLED_BACK, ExitCode.FAILED),
        (ChangeState.CLOSED, ExitCode.FAILED),
    ],
)
def test_following_ends_with_the_change(
    state: ChangeState, code: ExitCode, millwright: Runner, line: FactoryRoot, worker: None
) -> None:
    millwright(*SUBMIT)
    assert _follow(line, _Clock(lambda: set_change(line, state=state))) is code
    assert millwright("change", "show", "links", CHANGE, "--watch").code == code


def test_following_in_json_ends_with_the_whole_view(millwright: Runner, line: FactoryRoot, worker: None) -> None:
    millwright(*SUBMIT)
    set_change(line, state=ChangeState.RELEASED)
    first, *_, last = millwright("change", "show", "links", CHANGE, "--watch", "--json").documents
    assert first["kind"] == "change.submitted"
    assert last["change"]["state"] == "released"


def test_following_without_a_worker_ends_instead_of_waiting_for_ever(millwright: Runner, line: FactoryRoot) -> None:
    millwright(*SUBMIT)
    clock = _Clock()
    with pytest.raises(MillwrightError, match="waits for the worker, which does not run") as caught:
        _follow(line, clock)
    assert caught.value.hint == "millwright factory up"
    assert WORKER_SECONDS < clock.time < WORKER_SECONDS + 2
