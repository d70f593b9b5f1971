"""Commands that a benchmark runs: they end with it, and a failure is told with their last words."""

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

END_SECONDS = 20
COMMAND_SECONDS = 900
TAIL = 3000


class ContestantFailed(Exception):
    """A contestant could not do what is measured: the figures would mean nothing."""


def run(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str]) -> None:
    """Run a command to its end. Raises ContestantFailed when it fails or takes longer than anyone waits."""
    with subprocess.Popen(
        [str(word) for word in command],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=COMMAND_SECONDS)
        except BaseException:
            # The tool ends its own plugins, if it is asked in the way it knows.
            process.send_signal(signal.SIGINT)
            raise
    if process.returncode:
        words = " ".join(str(word) for word in command)
        raise ContestantFailed(f"{words}: exit code {process.returncode}\n{output[-TAIL:]}")


def end_descendants() -> None:
    """End whatever this process started and still runs: asked first, killed after `END_SECONDS`."""
    descendants = psutil.Process().children(recursive=True)
    for number in (signal.SIGINT, signal.SIGKILL):
        for process in descendants:
            try:
                process.send_signal(number)
            except psutil.NoSuchProcess:
                continue
        _, descendants = psutil.wait_procs(descendants, timeout=END_SECONDS)
