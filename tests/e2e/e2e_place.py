"""One factory on disk and the commands as a user types them; what the e2e tests share."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from console.demo.inventory import Cloud
from factory import daemons
from factory.paths import FactoryRoot
from factory.spec import load_app

REPOSITORY = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
# A bound, not an expectation: the whole demo on a machine that others use as well.
SECONDS = 800


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def documents(self) -> list[dict]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Place:
    """One factory on disk, and its commands."""

    root: FactoryRoot

    def start(self, *command: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a command in a session of its own, as a terminal would."""
        return subprocess.Popen(
            [str(BIN / command[0]), *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.root.path,
            env={name: value for name, value in os.environ.items() if name != "CI"} | (env or {}),
            start_new_session=True,
        )

    def run(self, *command: str, env: dict[str, str] | None = None) -> Ran:
        process = self.start(*command, env=env)
        try:
            out, err = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return Ran(process.returncode, out, err)

    def millwright(self, *arguments: str) -> Ran:
        return self.run("millwright", *arguments)

    def pulumi(self, *arguments: str) -> Ran:
        return self.run("pulumi", *arguments, "--non-interactive", "--color", "never")

    @property
    def cloud(self) -> Cloud:
        run_file = daemons.read(self.root, "localcloud")
        assert run_file is not None
        return Cloud(load_app(self.root, "links").region, run_file.addresses["http"])

    @property
    def app_yaml(self) -> Path:
        return self.root.apps / "links" / "app.yaml"


@dataclass(frozen=True)
class Documented:
    """A factory, and what the documents' own program said when it ran in it."""

    place: Place
    ran: Ran


def wait_for(condition, seconds: float = 60, every: float = 0.02):
    """What `condition` returns once it is true; fails the test when it does not become so."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(every)
    raise AssertionError(f"did not happen within {seconds} s")
