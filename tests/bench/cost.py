"""What commands cost together: seconds, CPU seconds, memory; the local cloud's own part beside it."""

import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from factory import daemons
from factory.paths import FactoryRoot
from tests.bench.commands import COMMAND_SECONDS, TAIL, ContestantFailed

SAMPLE_SECONDS = 0.5
REAPED = Path(__file__).with_name("reaped.py")


@dataclass(frozen=True)
class Command:
    """One command to run in a folder."""

    words: Sequence[str]
    folder: Path
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Cost:
    """`seconds`: until the last command ended. CPU seconds: of the commands with all they started, of the local cloud.

    `peak`: the most bytes that all of them, the cloud included, held at once (unique to them).
    """

    seconds: float
    cpu_seconds: float
    cloud_cpu_seconds: float
    peak: int


class Memory:
    """The most that commands, their children and the local cloud hold together (unique to them, in bytes)."""

    def __init__(self, pids: Sequence[int], root: FactoryRoot) -> None:
        self._commands, self._root, self._peak = [psutil.Process(pid) for pid in pids], root, 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def end(self) -> int:
        """Stop looking; the peak."""
        self._ended.set()
        self._thread.join()
        return self._peak

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self._peak = max(self._peak, sum(_held(each) for each in self._processes()))

    def _processes(self) -> list[psutil.Process]:
        found = [each for command in self._commands for each in _tree(command)]
        run_file = daemons.read(self._root, daemons.LOCAL_CLOUD)
        try:
            return [*found, psutil.Process(run_file.pid)] if run_file else found
        except psutil.NoSuchProcess:
            return found


def measure(commands: Sequence[Command], root: FactoryRoot) -> tuple[Cost, list[str]]:
    """Run the commands at once against the running cloud of `root`; what they cost, and their output in order.

    Raises ContestantFailed when one fails, or takes longer than anyone waits.
    """
    cloud = psutil.Process(daemons.ensure(root, daemons.LOCAL_CLOUD).pid)
    before = _used(cloud)
    with tempfile.TemporaryDirectory(prefix="cost-") as name:
        folder = Path(name)
        began = time.monotonic()
        running = [_start(each, folder, number) for number, each in enumerate(commands)]
        memory = Memory([each.pid for each in running], root)
        try:
            codes = [each.wait(max(0.0, began + COMMAND_SECONDS - time.monotonic())) for each in running]
        except BaseException:
            for each in running:
                each.send_signal(signal.SIGINT)
            raise
        finally:
            peak = memory.end()
        outputs = [(folder / f"{number}.out").read_text() for number in range(len(commands))]
        for command, code, output in zip(commands, codes, outputs, strict=True):
            if code:
                raise ContestantFailed(f"{' '.join(command.words)}: exit code {code}\n{output[-TAIL:]}")
        told = [json.loads((folder / f"{number}.json").read_text()) for number in range(len(commands))]
    seconds = max(each["seconds"] for each in told)
    return Cost(seconds, sum(each["cpu_seconds"] for each in told), _used(cloud) - before, peak), outputs


def _start(command: Command, folder: Path, number: int) -> subprocess.Popen[bytes]:
    with (folder / f"{number}.out").open("wb") as output:
        return subprocess.Popen(
            # -P: this folder's `engine` must not be taken for the room.
            [sys.executable, "-P", str(REAPED), str(folder / f"{number}.json"), *command.words],
            cwd=command.folder,
            env=dict(command.environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def _tree(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _held(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().uss)
    except psutil.Error:
        return 0


def _used(process: psutil.Process) -> float:
    """CPU seconds of a process and what it has started, those included that have ended."""
    total = 0.0
    for each in _tree(process):
        try:
            times = each.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total
