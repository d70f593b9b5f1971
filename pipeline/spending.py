"""What a task has cost, however it ended: its own record, and beside it what the door saw pass.

A task's process writes down an answer when it has all of it. One that is killed before has been paid for as well; only
the door knows, and it keeps that in the task's folder.
"""

import contextlib
import json
from dataclasses import fields
from pathlib import Path

from agents.trajectory import Trajectory
from factory.paths import FactoryRoot
from factory.usage import Usage

NAME = "paid.jsonl"


def note(root: FactoryRoot, task: str, usage: Usage) -> None:
    """Keep what one answer has cost."""
    with (root.tasks / task / NAME).open("a") as file:
        # After a break, whatever a killed worker left there.
        file.write("\n" + json.dumps(vars(usage)))


def settled(folder: Path) -> Trajectory:
    """The record of the task in `folder`, holding all that was paid for: so it counts against its limits later on.

    Only while no process works on the task.
    """
    record = Trajectory(folder)
    unheard = _beyond(_paid(folder), record.usage())
    if unheard != Usage():
        text = "answers were paid for that the task did not hear to their end"
        record.write("note", active=record.active_seconds, text=text, usage=vars(unheard))
    return record


def _paid(folder: Path) -> Usage:
    path = folder / NAME
    if not path.exists():
        return Usage()
    total = Usage()
    for line in path.read_text().splitlines():
        # Half a line is what a killed worker left.
        with contextlib.suppress(ValueError):
            total += Usage(**json.loads(line))
    return total


def _beyond(paid: Usage, known: Usage) -> Usage:
    counts = {part.name: getattr(paid, part.name) - getattr(known, part.name) for part in fields(Usage)}
    return Usage(**{name: max(count, 0) for name, count in counts.items()})
