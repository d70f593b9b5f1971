"""The packs that `tests.bench.policy` compares, and what a preview of the measured program costs under each."""

import json
import os
import re
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

import engine
from factory.paths import FactoryRoot, private_folder
from factory.settings import Settings
from policies import pack_folder
from tests.bench.commands import COMMAND_SECONDS, run
from tests.bench.cost import Command, Cost, measure

SAMPLE_SECONDS = 0.05
NO_PACK, SILENT, OURS, STOCK = "no pack", "a pack that says nothing", "Millwright's pack", "the stock analyzer"
STARTS: Mapping[str, str] = {
    SILENT: ("from policies.analyzer import serve\nfrom tests.bench.silent_pack import Silent\n\nserve(Silent())\n"),
    STOCK: (
        "import pulumi_policy\n\nfrom tests.bench.stock_pack import NAME, Policies\n\n"
        "pulumi_policy.PolicyPack(NAME, Policies().all())\n"
    ),
}
STACK = "bench-build"
"""An environment of an app, so that what is required of those is required."""
REFUSED = re.compile(r"\[mandatory\].*?  ([a-z0-9-]+)  \(")


@dataclass(frozen=True)
class Preview:
    """What one preview cost, and the CPU seconds of the pack's own process in it."""

    cost: Cost
    pack_cpu_seconds: float


class Program:
    """The measured program in a stack of its own: `resources` of them, none made."""

    def __init__(self, root: FactoryRoot, settings: Settings, resources: int, *, broken: bool = False) -> None:
        self._root, self._settings = root, settings
        self._folder = private_folder(root.path / f"program-{resources}{'-broken' if broken else ''}")
        project = {"name": self._folder.name, "runtime": "python"}
        (self._folder / "Pulumi.yaml").write_text(json.dumps(project))
        (self._folder / "__main__.py").write_text(
            f"from tests.bench.policy_program import declare\n\ndeclare({resources}, broken={broken})\n"
        )
        self._pulumi("stack", "init")

    def preview(self, pack: str) -> Preview:
        """One preview, as typed. Raises ContestantFailed where it is refused: the program is clean."""
        folder = self._pack(pack)
        with PackProcess(folder) as process:
            cost, _ = measure([self._command(folder)], self._root)
        return Preview(cost, process.cpu_seconds)

    def refused_by(self, pack: str) -> set[str]:
        """The policies that refuse the program, by name; both packs call them as the controls are called."""
        command = self._command(self._pack(pack))
        said = subprocess.run(
            command.words,
            cwd=command.folder,
            env=dict(command.environment),
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        ).stdout
        return {name.removesuffix("-stack") for name in REFUSED.findall(said)}

    def deployment(self) -> dict[str, object]:
        """Make everything, unmeasured and without a pack, and read the state of it, secrets as they are."""
        self._pulumi("up", "--yes", "--skip-preview")
        file = self._folder / "state.json"
        self._pulumi("stack", "export", "--show-secrets", "--file", str(file))
        found: dict[str, object] = json.loads(file.read_text())["deployment"]
        return found

    def _command(self, pack: Path | None) -> Command:
        env = engine.prepare(self._root, self._settings, policy_pack=pack)
        words = [str(env.cli.path), "preview", "--stack", STACK, "--non-interactive"]
        return Command(words, self._folder, env.process_environment(os.environ))

    def _pack(self, name: str) -> Path | None:
        if name not in STARTS:
            return None if name == NO_PACK else pack_folder()
        folder = private_folder(self._root.path / f"pack-{'silent' if name == SILENT else 'stock'}")
        (folder / "PulumiPolicy.yaml").write_text("runtime: python\nversion: 0.0.1\n")
        (folder / "__main__.py").write_text(STARTS[name])
        return folder

    def _pulumi(self, *words: str) -> None:
        env = engine.prepare(self._root, self._settings, policy_pack=None)
        stack = [STACK] if words[:2] == ("stack", "init") else ["--stack", STACK]
        command = [env.cli.path, *words, *stack, "--non-interactive"]
        run(command, self._folder, env.process_environment(os.environ))


class PackProcess:
    """Looks at the process that runs a pack for as long as it lives: a command does not tell what each of its own used.

    The last twentieth of a second may be missing.
    """

    def __init__(self, pack: Path | None) -> None:
        self.cpu_seconds = 0.0
        self._pack = pack
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "PackProcess":
        if self._pack:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._pack:
            self._thread.join()

    def _watch(self) -> None:
        found: psutil.Process | None = None
        while not self._ended.wait(SAMPLE_SECONDS):
            try:
                found = found or self._found()
                if found:
                    times = found.cpu_times()
                    self.cpu_seconds = max(self.cpu_seconds, times.user + times.system)
            except psutil.Error:
                continue

    def _found(self) -> psutil.Process | None:
        for each in psutil.Process().children(recursive=True):
            words = each.cmdline()
            if "pulumi.policy" in words and str(self._pack) in words:
                return each
        return None
