"""Many stacks side by side: which ones, in which order, so many at once, each to its own end; the worst is told."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from production_bench import decided
from production_bench import place as place  # noqa: PLC0414  (the fixture)
from spec_strategies import GOOD, factory_in

from factory.errors import ExitCode, InputError, Interrupted, PolicyViolation, UpdateFailed
from factory.paths import FactoryRoot
from factory.settings import Settings
from factory.spec import Environment
from stacks.driver import Broken, Chosen, Kind, Outcome, Result, Skipped, StackEvent, Step, select, worst
from stacks.driver.following import Follows
from stacks.driver.many import WORST_FIRST, outcomes, parallel_by_default
from stacks.driver.model import Failed, Finished, Started, Waiting
from stacks.driver.turns import Queued, Turns
from stacks.places import Place

SETTINGS = Settings()
LOST = Step(urn="urn::k", type="aws:kms/key:Key", name="k", action="delete")


@pytest.fixture
def root(tmp_path: Path) -> FactoryRoot:
    factory_in(tmp_path)
    notes = GOOD.replace("links", "notes").replace("10.20", "10.30").replace("  staging: {}\n", "")
    return factory_in(tmp_path, notes, "notes")


def _named(root: FactoryRoot, kind: Kind, **options: str) -> list[str]:
    return [each.stack for each in select(root, SETTINGS, kind, **options) if isinstance(each, Chosen)]


def test_every_declared_stack_is_chosen_and_build_comes_first(root: FactoryRoot) -> None:
    assert _named(root, Kind.UP) == ["links-build", "notes-build", "links-staging"]
    assert _named(root, Kind.PREVIEW, environment="build") == ["links-build", "notes-build"]
    assert _named(root, Kind.PREVIEW, environment="staging") == ["links-staging"]


def test_one_app_is_chosen_by_name_whatever_ails_another(root: FactoryRoot) -> None:
    (root.apps / "notes" / "app.yaml").write_text("name: 3")
    assert _named(root, Kind.PREVIEW, app="links") == ["links-build", "links-staging"]
    assert not any(isinstance(each, Broken) for each in select(root, SETTINGS, Kind.PREVIEW, app="links"))
    (broken,) = select(root, SETTINGS, Kind.PREVIEW, app="notes")
    assert isinstance(broken, Broken)
    with pytest.raises(InputError, match="no app is named 'tally'"):
        select(root, SETTINGS, Kind.PREVIEW, app="tally")


def test_production_is_never_updated_and_the_reason_is_told(root: FactoryRoot) -> None:
    skipped = [each for each in select(root, SETTINGS, Kind.UP) if isinstance(each, Skipped)]
    assert [each.stack for each in skipped] == ["links-production", "notes-production"]
    assert all("by a person's decision" in each.reason for each in skipped)
    assert _named(root, Kind.UP, environment="production") == []


def test_production_is_previewed_once_something_is_wanted_there(place: Place) -> None:
    def production() -> list[object]:
        found = select(place.root, place.settings, Kind.PREVIEW, environment="production")
        return [type(each) for each in found]

    assert production() == [Skipped]
    decided(place)
    assert production() == [Chosen]
    assert _named(place.root, Kind.UP, environment="production") == []


def test_a_broken_app_stops_nobody_else(root: FactoryRoot) -> None:
    (root.apps / "notes" / "app.yaml").write_text("name: [\n")
    first, *others = select(root, SETTINGS, Kind.UP, environment="build")
    assert isinstance(first, Broken)
    assert (first.stack, first.error.exit_code) == ("notes", ExitCode.INVALID_INPUT)
    assert [each.stack for each in others] == ["links-build"]


@pytest.mark.parametrize(
    ("kind", "environment", "words"),
    [(Kind.UP, "stagin", "no environment is named 'stagin'"), (Kind.DESTROY, None, "not for many stacks")],
)
def test_what_makes_no_sense_for_many_is_refused(
    root: FactoryRoot, kind: Kind, environment: str | None, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        select(root, SETTINGS, kind, environment=environment)


def test_a_factory_without_apps_says_so(root: FactoryRoot) -> None:
    for app in ("links", "notes"):
        (root.apps / app / "app.yaml").unlink()
    with pytest.raises(InputError, match="no app is declared"):
        select(root, SETTINGS, Kind.UP)


def _result(stack: str, kind: Kind = Kind.UP, *steps: Step) -> Result:
    return Result(stack=stack, kind=kind, changes={}, steps=steps, duration=1.0)


class Work(Follows):
    """An operation that says when it began, and ends when it is let go."""

    def __init__(self, stack: str) -> None:
        self.stack = stack
        self.begun, self.may_end = threading.Event(), threading.Event()
        self.interrupted = False

    def events(self) -> Iterator[StackEvent]:
        self.begun.set()
        yield Started(stack=self.stack, kind=Kind.UP)
        assert self.may_end.wait(30)
        if self.interrupted:
            yield Failed(stack=self.stack, error=Interrupted("stopped"))
        else:
            yield Finished(stack=self.stack, result=_result(self.stack))

    def result(self) -> Result:
        raise NotImplementedError

    def interrupt(self) -> None:
        self.interrupted = True
        self.may_end.set()


class Running:
    """So many works in line, each read in a thread of its own."""

    def __init__(self, number: int, limit: int) -> None:
        self.works = [Work(f"s{n}") for n in range(number)]
        turns = Turns(limit)
        self.queued = [Queued(work.stack, turns, lambda work=work: work) for work in self.works]
        self.said: list[list[StackEvent]] = [[] for _ in self.works]
        self.threads = [threading.Thread(target=self._read, args=(n,), daemon=True) for n in range(number)]
        for thread in self.threads:
            thread.start()

    def _read(self, number: int) -> None:
        for event in self.queued[number].events():
            self.said[number].append(event)

    def end(self) -> None:
        for work in self.works:
            work.may_end.set()
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive()


def test_so_many_work_at_once_and_the_next_in_line_follows() -> None:
    running = Running(4, limit=2)
    first, second, third, fourth = running.works
    assert first.begun.wait(30)
    assert second.begun.wait(30)
    assert not third.begun.is_set()
    second.may_end.set()
    assert third.begun.wait(30)
    assert not fourth.begun.is_set()
    running.end()
    assert [queued.result().stack for queued in running.queued] == ["s0", "s1", "s2", "s3"]
    waited = [isinstance(said[0], Waiting) for said in running.said]
    assert waited == [False, False, True, True]


def test_interrupted_what_works_stops_and_what_waits_never_begins() -> None:
    running = Running(3, limit=1)
    assert running.works[0].begun.wait(30)
    for queued in running.queued:
        queued.interrupt()
    running.end()
    assert [work.begun.is_set() for work in running.works] == [True, False, False]
    for queued in running.queued:
        with pytest.raises(Interrupted):
            queued.result()


def test_one_that_cannot_begin_fails_alone() -> None:
    turns = Turns(1)

    def refuses() -> Work:
        raise OSError("no process left")

    work = Work("s1")
    work.may_end.set()
    broken, fine = Queued("s0", turns, refuses), Queued("s1", turns, lambda: work)
    with pytest.raises(UpdateFailed, match="no process left"):
        broken.result()
    assert fine.result().stack == "s1"


def test_the_exit_code_is_that_of_the_worst() -> None:
    done = Outcome(stack="a", result=_result("a"))
    skipped = Outcome(stack="b", skipped="why")
    lossy = Outcome(stack="c", result=_result("c", Kind.PREVIEW, LOST))
    refused = Outcome(stack="d", error=PolicyViolation("x"))
    failed = Outcome(stack="e", error=UpdateFailed("x"))
    stopped = Outcome(stack="f", error=Interrupted("x"))
    assert worst([]) == worst([done, skipped]) == ExitCode.OK
    assert worst([done, lossy]) == ExitCode.DATA_AT_RISK
    assert worst([lossy, refused, done]) == ExitCode.POLICY_VIOLATION
    assert worst([refused, failed, lossy]) == ExitCode.UPDATE_FAILED
    assert worst([failed, stopped]) == ExitCode.INTERRUPTED


def test_an_update_that_lost_data_was_asked_to_and_is_no_warning() -> None:
    assert worst([Outcome(stack="a", result=_result("a", Kind.UP, LOST))]) == ExitCode.OK


def test_every_exit_code_has_its_place_among_the_worst() -> None:
    assert {*WORST_FIRST, ExitCode.OK} == set(ExitCode)
    assert len(WORST_FIRST) == len(set(WORST_FIRST))


def test_the_default_is_an_engine_for_each_core() -> None:
    assert parallel_by_default() >= 1


def test_the_outcomes_of_all_are_gathered_side_by_side_in_order() -> None:
    turns = Turns(2)
    works = [Work("s0"), Work("s1")]
    queued = [Queued(work.stack, turns, lambda work=work: work) for work in works]
    selection = [
        Chosen(stack="s1", app="s", environment=Environment.BUILD),
        Skipped(stack="s2", reason="why"),
        Chosen(stack="s0", app="s", environment=Environment.BUILD),
    ]

    def let_go() -> None:
        # Each ends only when both have begun.
        assert all(work.begun.wait(30) for work in works)
        for work in works:
            work.may_end.set()

    threading.Thread(target=let_go, daemon=True).start()
    found = outcomes(selection, queued)
    assert [(each.stack, each.exit_code) for each in found] == [("s1", 0), ("s2", 0), ("s0", 0)]
    assert found[1].as_json() == {"stack": "s2", "state": "skipped", "reason": "why"}
