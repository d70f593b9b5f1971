"""`python -m agents.task --folder <task folder>`: the process of one task.

Reads `brief.json`, leaves `outcome.json` and ends with 0; run again on a finished task, it changes nothing. It ends
with 75 and no outcome when the worker is gone or another process works on the task: a later run goes on. The token
comes as one line of standard input, once the worker has written down which process this is.
"""

import argparse
import contextlib
import fcntl
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from agents.brief import Outcome, TaskBrief
from agents.door import Door, DoorClosed, Reach
from agents.functions import FUNCTIONS
from agents.loop import Loop
from agents.tools import Toolbox
from agents.tools.places import Place
from agents.tools.runs import Runner
from agents.trajectory import Trajectory
from factory.errors import SandboxUnavailable

BRIEF, OUTCOME, LOCK, NOTHING = "brief.json", "outcome.json", "lock", "nothing"
NO_SECRETS: Mapping[str, str] = MappingProxyType({})
# sysexits.h: EX_TEMPFAIL, EX_CONFIG
LATER, WRONG = 75, 78


class Taken(Exception):
    """Another process works on the task."""


def run(folder: Path, token: str) -> Outcome:
    """The task's outcome: the one it has, or the one it comes to. Raises Taken, DoorClosed."""
    with _alone(folder):
        if (folder / OUTCOME).exists():
            return Outcome.model_validate_json((folder / OUTCOME).read_bytes())
        brief = TaskBrief.model_validate_json((folder / BRIEF).read_bytes())
        outcome = _work(brief, folder, token)
        write_outcome(folder, outcome)
        return outcome


def write_outcome(folder: Path, outcome: Outcome) -> None:
    """Put the outcome there at once and as a whole."""
    draft = folder / f"{OUTCOME}.tmp"
    with draft.open("w") as file:
        file.write(outcome.model_dump_json(indent=1))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / OUTCOME)


def toolbox(
    brief: TaskBrief, folder: Path, secrets: Mapping[str, str] = NO_SECRETS, reach: Callable[[], Reach] = Reach
) -> Toolbox:
    """Those tools of the brief's function that the brief offers, on its worktree.

    `secrets` are variables of what they run; their values are in no answer. `reach` says what grants open.
    """
    nothing = folder / NOTHING
    nothing.touch()
    return Toolbox(
        names=frozenset(FUNCTIONS[brief.function].only(brief.tools).tools),
        place=Place(brief.worktree, folder),
        runner=Runner(brief.worktree, nothing, brief.quiet, brief.egress, secrets, reach),
    )


def _work(brief: TaskBrief, folder: Path, token: str) -> Outcome:
    # Late: it brings the SDK, over a second that a finished task need not wait for.
    from agents.model import Model

    door = Door(brief.door, token)
    record = Trajectory(folder)
    try:
        return Loop(brief, record, Model(brief, door), toolbox(brief, folder, reach=door.reach), door).run()
    except SandboxUnavailable as error:
        return Outcome.failed(error.rendered(), brief, turns=len(record.steps), usage=record.usage())


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Taken(f"another process works on {folder.name}") from None
        yield


def work(folder: Path) -> int:
    """Run one task, whose token is the next line of standard input; its exit status."""
    token = sys.stdin.readline().strip()
    if not token:
        print("no token on standard input: the worker that starts a task is gone, or it is none", file=sys.stderr)
        return WRONG
    try:
        outcome = run(folder, token)
    except (DoorClosed, Taken) as error:
        print(f"to be taken up later: {error}", file=sys.stderr)
        return LATER
    print(f"{outcome.state}: {outcome.reason} ({outcome.turns} turns, {outcome.charge})")
    return 0


def main() -> int:
    """Run the task that the command line names; its exit status."""
    parser = argparse.ArgumentParser(prog="python -m agents.task", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="the task's folder, with brief.json")
    return work(parser.parse_args().folder)


if __name__ == "__main__":
    sys.exit(main())
