"""The record of one task, one JSON line per fact, on the disk before the loop goes on; and the task's end.

start    the task began: prompt, tools, nonce
answer   the model answered (one per step): request digest, content, usage
intent   an edit is about to be made: digests before and after
result   a call of the answer was carried out: its whole result
step     the step is over: the factory's commit, or why it was refused
note     something happened that changes nothing (a process took the task up again, a broken stream)
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from factory.usage import Usage

Line = dict[str, Any]
NAME = "trajectory.jsonl"


@dataclass
class Step:
    """One answer of the model and what came of it. `ended` once the factory has taken the step."""

    number: int
    content: list[dict[str, Any]]
    stop: str
    usage: Usage
    intents: dict[str, Line] = field(default_factory=dict)
    results: dict[str, Line] = field(default_factory=dict)
    ended: bool = False
    refused: str | None = None
    submission: dict[str, Any] | None = None

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The answer's tool calls, in order."""
        return [block for block in self.content if block["type"] == "tool_use"]


class Trajectory:
    """One task's record. Reading it again gives the steps as they were when the process before ended."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self.start: Line | None = None
        self.steps: list[Step] = []
        self.active_seconds = 0.0
        self._lost = Usage()
        self._replay()

    def write(self, kind: str, *, active: float, **facts: Any) -> None:
        """Add a line and see it to the disk. `active` is how long the task has been worked on, in seconds."""
        line = {"kind": kind, "active": round(active, 3), **facts}
        with self._path.open("ab") as file:
            file.write(json.dumps(line).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._take(line)

    def usage(self) -> Usage:
        """All tokens so far, those of broken answers too."""
        return sum((step.usage for step in self.steps), self._lost)

    def _replay(self) -> None:
        if not self._path.exists():
            return
        whole, _, rest = self._path.read_bytes().rpartition(b"\n")
        if rest:
            # A kill in the middle of a line: what it was to say was not done with yet.
            os.truncate(self._path, len(whole) + 1 if whole else 0)
        for text in whole.splitlines() if whole else []:
            self._take(json.loads(text))

    def _take(self, line: Line) -> None:
        self.active_seconds = max(self.active_seconds, line["active"])
        match line["kind"]:
            case "start":
                self.start = line
            case "answer":
                usage = Usage(**line["usage"])
                self.steps.append(Step(line["step"], line["content"], line["stop"], usage))
            case "intent":
                self.steps[-1].intents[line["call"]] = line
            case "result":
                self.steps[-1].results[line["call"]] = line
            case "step":
                self.steps[-1].ended = True
                self.steps[-1].refused = line["refused"]
                self.steps[-1].submission = line["submission"]
            case "note" if "usage" in line:
                self._lost += Usage(**line["usage"])
