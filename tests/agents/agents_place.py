"""A task's surroundings: a git worktree, authored scripts and their twin, the worker's door, a factory that commits."""

import json
import multiprocessing
import os
import signal
import subprocess
import textwrap
import time
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from agents.brief import ContextPart, Outcome, TaskBrief, TaskLimits
from agents.door import Door
from agents.loop import Loop
from agents.model import Model
from agents.task import run, toolbox
from agents.trajectory import Trajectory
from agents.twin import Twin
from factory.spec import FUNCTION_TOOLS, Function
from pipeline.task_door import Step, StepAnswer, TaskDoor
from pipeline.task_host import TaskProcess
from pipeline.task_process import TaskProcesses

STORE = '''"""Numbers by name."""


def total(numbers):
    return sum(numbers)
'''
TEST = """from store import total


def test_total():
    assert total([1, 2]) == 3
"""
# One host for all tests of a run; it ends with them.
PROCESSES = TaskProcesses()
GIT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "factory",
    "GIT_AUTHOR_EMAIL": "none",
    "GIT_COMMITTER_NAME": "factory",
    "GIT_COMMITTER_EMAIL": "none",
}


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *words],  # noqa: S607 -- the user's git
        env=os.environ | GIT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


@dataclass
class Factory:
    """Commits steps as the pipeline does: the same step again is no second commit; `forbidden` paths are refused."""

    worktree: Path
    forbidden: set[str] = field(default_factory=set)
    steps: list[Step] = field(default_factory=list)

    def on_step(self, task: str, step: Step) -> StepAnswer:
        self.steps.append(step)
        changed = [line[3:] for line in git(self.worktree, "status", "--porcelain", "-uall").splitlines()]
        if problems := tuple(f"{name}: agents do not touch this" for name in changed if name in self.forbidden):
            return StepAnswer(problems=problems)
        if changed:
            git(self.worktree, "add", "-A")
            git(self.worktree, "commit", "-q", "-m", f"{step.summary}\n\nTask: {task}\nStep: {step.step}")
            return StepAnswer(commit=git(self.worktree, "rev-parse", "HEAD"))
        return StepAnswer()

    def commits(self) -> list[str]:
        """The step number of every commit, oldest first."""
        return git(self.worktree, "log", "--reverse", "--format=%(trailers:key=Step,valueonly,separator=%x2C)").split()


@dataclass
class Surroundings:
    """Everything that one task needs, in one temporary folder."""

    path: Path
    twin: Twin
    door: TaskDoor
    factory: Factory
    usages: list[Any]

    @property
    def folder(self) -> Path:
        return self.path / "task"

    @property
    def worktree(self) -> Path:
        return self.folder / "worktree"

    def script(self, text: str, function: str = "coder") -> Path:
        path = self.path / "apps" / "links" / "scripts" / f"sums.{function}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("apiVersion: millwright-script/v1\n" + textwrap.dedent(text))
        return path

    def brief(self, function: str = "coder", **changed: Any) -> TaskBrief:
        facts: dict[str, Any] = {
            "task": "links.sums.coder.1",
            "app": "links",
            "change": "sums",
            "function": function,
            "attempt": "1",
            "worktree": self.worktree,
            "quiet": self.path / "quiet.lock",
            "model_name": "claude-sonnet-5-5",
            "scripted": True,
            "limits": TaskLimits(turns=20, minutes=2, dollars=1),
            "tools": FUNCTION_TOOLS[Function(function)],
            "context": [ContextPart(name="change: why", text="Sums of nothing are wrong.")],
            "door": self.door.url,
        }
        brief = TaskBrief(**(facts | changed))
        (self.folder / "brief.json").write_text(brief.model_dump_json())
        return brief

    def run(self, **changed: Any) -> Outcome:
        """One task in this process, to its end."""
        brief = self.brief(**changed)
        return run(self.folder, self.door.issue(brief.task))

    def loop(self, brief: TaskBrief, *, silence_seconds: float = 60.0, **injected: Any) -> Loop:
        """The loop itself, for what a test injects."""
        door = Door(brief.door, self.door.issue(brief.task))
        model = Model(brief, door, silence_seconds)
        return Loop(brief, Trajectory(self.folder), model, toolbox(brief, self.folder), door, **injected)

    def process(self, token: str) -> TaskProcess:
        """The task's own process, as the worker starts it."""
        return PROCESSES.start(self.folder, token)

    def child(self, token: str) -> ForkServerProcess:
        """The task in a process that has imported everything already: for tests that start it often."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["agents.task", "agents.model", "anthropic", "httpx2"])
        child = context.Process(target=run, args=(self.folder, token))
        child.start()
        return child

    def lines(self) -> list[dict[str, Any]]:
        """The trajectory, as its file says it now."""
        path = self.folder / "trajectory.jsonl"
        whole = path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""
        return [json.loads(line) for line in whole.splitlines()]

    def answers(self, tool: str) -> list[str]:
        """What the calls of one tool answered, in order."""
        return [line["said"] for line in self.lines() if line["kind"] == "result" and line["tool"] == tool]


def kill(process: TaskProcess) -> None:
    """End a task's process and what it has started, at once."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=20)


def wait_for(found: Any, seconds: float = 30.0) -> None:
    """Until `found()` is true."""
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
