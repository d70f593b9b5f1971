"""What a task has cost is told and counted however it ends: without an outcome, killed in the middle of an answer."""

import contextlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from access.client import Proxies
from agents.brief import Outcome, OutcomeState
from agents.loop import Loop
from agents.task import toolbox
from agents.trajectory import Trajectory
from factory.paths import FactoryRoot
from factory.settings import Settings
from factory.spec import AgentSpec, AppSpec, Function, TaskBudget
from factory.usage import Usage
from pipeline import spending, tasks

HEARD, UNHEARD = Usage(input=1_000, output=200, cache_read=50), Usage(input=400_000, output=9)
TASK = "links.tags.coder.1"
MODEL = "claude-sonnet-5-5"
DOLLARS = 0.5
SPEC = AppSpec.model_construct(agents={Function.CODER: AgentSpec(budget=TaskBudget(dollars=DOLLARS))})


class Bench:
    """One task whose process does what a test says; `rows` are the outcomes written down."""

    def __init__(self, root: FactoryRoot, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.rows = root, []  # type: ignore[var-annotated]
        self.process: Any = None
        self.context: Any = SimpleNamespace(
            root=root,
            settings=Settings(model="live", model_name=MODEL),
            spec=lambda _: SPEC,
            faults=SimpleNamespace(reach=lambda _: None),
            tell=lambda *_, **__: None,
            open_tasks={},
            database=None,
            proxies=Proxies(),
            ways=SimpleNamespace(opened=lambda *_: contextlib.nullcontext(None)),
            door=SimpleNamespace(url="http://127.0.0.1:1", issue=lambda _: "token", revoke=lambda _: None),
        )
        grants = SimpleNamespace(ids={}, held=lambda _: {}, gone=lambda _: {}, require=lambda: None)
        monkeypatch.setattr(tasks, "_held", lambda *_: contextlib.nullcontext(grants))
        monkeypatch.setattr(tasks, "until_ended", lambda _c, _r, begun, *_: self.process(begun.folder))
        monkeypatch.setattr(tasks, "_open", lambda *_: None)
        monkeypatch.setattr(tasks, "_close", lambda *facts: self.rows.append(facts[-1]))
        monkeypatch.setattr(tasks, "_worktree", lambda *_: root.path)
        monkeypatch.setattr(tasks, "_remove_worktree", lambda *_: None)

    def run(self) -> Outcome:
        record: Any = SimpleNamespace(id="links/tags", app="links", change="tags", attempt=1)
        assignment = tasks.Assignment(function="coder", attempt=1, commit="c0", branch="change/tags", context={})
        return tasks.run_agent(self.context, record, assignment)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(FactoryRoot(tmp_path), monkeypatch)


def answered(folder: Path) -> None:
    record = Trajectory(folder)
    record.write("start", active=0.1, nonce="n", prompt="p")
    record.write("answer", active=2.0, step=1, request="r", content=[], stop="end_turn", usage=vars(HEARD))


def dies(bench: Bench, *paid: Usage) -> Any:
    def process(folder: Path) -> int:
        answered(folder)
        for usage in paid:
            spending.note(bench.root, TASK, usage)
        (folder / "log").write_text("RecursionError")
        return 1

    return process


def test_a_task_without_an_outcome_is_told_with_what_it_has_cost(bench: Bench) -> None:
    bench.process = dies(bench, HEARD)
    outcome = bench.run()
    assert (outcome.state, outcome.turns) == (OutcomeState.FAILED, 1)
    assert (outcome.input_tokens, outcome.output_tokens) == (1_050, 200)
    assert outcome.dollars > 0
    assert bench.rows[-1] == outcome


def test_an_answer_that_was_paid_for_and_not_heard_counts_too_and_once(bench: Bench) -> None:
    bench.process = dies(bench, HEARD, UNHEARD)
    assert bench.run().input_tokens == 1_050 + 400_000
    assert spending.settled(bench.root.tasks / TASK).usage() == HEARD + UNHEARD


def test_a_task_that_is_run_again_has_no_new_budget(bench: Bench) -> None:
    bench.process = dies(bench, HEARD, UNHEARD)
    bench.run()
    # As when its worker was killed before it could write that down.
    (bench.root.tasks / TASK / tasks.OUTCOME).unlink()

    def goes_on(folder: Path) -> int:
        brief = tasks.TaskBrief.model_validate_json((folder / tasks.BRIEF).read_bytes())
        none: Any = None
        outcome = Loop(brief, Trajectory(folder), none, toolbox(brief, folder), none).run()
        (folder / tasks.OUTCOME).write_text(outcome.model_dump_json())
        return 0

    # It would fail if the model was asked: there is none.
    bench.process = goes_on
    outcome = bench.run()
    assert (outcome.state, outcome.turns) == (OutcomeState.LIMIT, 1)
    assert outcome.dollars > DOLLARS
    assert f"${DOLLARS:.2f}" in outcome.reason


def test_a_task_that_costs_nothing_is_told_so(bench: Bench) -> None:
    def process(folder: Path) -> int:
        (folder / "log").write_text("")
        return 1

    bench.process = process
    outcome = bench.run()
    assert (outcome.turns, outcome.input_tokens, outcome.output_tokens, outcome.dollars) == (0, 0, 0, 0.0)


def test_half_a_line_of_a_killed_worker_is_left_out(bench: Bench) -> None:
    folder = bench.root.tasks / TASK
    folder.mkdir(parents=True)
    spending.note(bench.root, TASK, HEARD)
    with (folder / spending.NAME).open("a") as file:
        file.write('\n{"input": 4')
    spending.note(bench.root, TASK, HEARD)
    assert spending.settled(folder).usage() == HEARD + HEARD
