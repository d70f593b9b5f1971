"""Commands that a benchmark runs: they end with it, and a failure is told with their last words."""

import contextlib
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


def descendants() -> set[psutil.Process]:
    """Every process below this one, but for multiprocessing's own servers: those end when this process does."""
    me = psutil.Process()
    return {p for p in me.children(recursive=True) if not (p.ppid() == me.pid and _is_a_server(p))}


def end(processes: set[psutil.Process]) -> None:
    """End `processes`: each is asked first, and killed after `END_SECONDS`."""
    left = list(processes)
    for number in (signal.SIGINT, signal.SIGKILL):
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        _, left = psutil.wait_procs(left, timeout=END_SECONDS)


def _is_a_server(process: psutil.Process) -> bool:
    try:
        return any("multiprocessing" in word for word in process.cmdline())
    except psutil.NoSuchProcess:
        return True
