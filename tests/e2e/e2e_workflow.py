"""Runs the commands of a GitHub workflow here: its shell, its files, and the expressions in a step's variables.

What a step `uses` is GitHub's and is done by the caller: a clone for a checkout, a copy for an artefact.
"""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2e_place import BIN
from ruamel.yaml import YAML

EXPRESSION = re.compile(r"\$\{\{ *([\w.]+) *\}\}")
# A runner's bash, as `shell: bash` asks for it.
SHELL = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")
# What started these tests (make, pytest) is not told to what CI starts, and whether this is GitHub's does not count.
NOT_TOLD = ("MILLWRIGHT_", "MAKE", "MFLAGS", "PYTEST_", "GITHUB_", "RUNNER_")
EVEN_AFTER_A_FAILURE = "${{ !cancelled() }}"


@dataclass
class JobRun:
    """What the run of a job left: the exit code of its first step that failed, and what it said and wrote."""

    temp: Path
    code: int = 0
    failed: str = ""
    said: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)

    @property
    def report(self) -> Path:
        return self.temp / "report"

    @property
    def summary(self) -> str:
        return (self.temp / "summary.md").read_text()


@dataclass(frozen=True)
class Job:
    """A job of a workflow, to be run in `folder`. `known` says what its expressions stand for."""

    workflow: Path
    name: str
    folder: Path
    known: Mapping[str, str]

    def run(self, temp: Path, *, only: str | None = None, **variables: str) -> JobRun:
        """Run its commands in order, or only those of one step."""
        temp.mkdir(parents=True, exist_ok=True)
        done = JobRun(temp)
        path = f"{BIN}:{os.environ['PATH']}"
        for step in self._steps():
            if "run" not in step or (only and step["name"] != only):
                continue
            if done.failed and step.get("if") != EVEN_AFTER_A_FAILURE:
                continue
            asked = {name: self._valued(str(value), done.outputs) for name, value in step.get("env", {}).items()}
            ran = self._step(step["run"], temp, {"PATH": path, **variables, **asked})
            done.ran.append(step["name"])
            done.said += ran.stdout + ran.stderr
            done.outputs |= self._written(temp, step.get("id", ""))
            path = ":".join([*reversed((temp / "path").read_text().splitlines()), path])
            if ran.returncode and not done.failed:
                done.code, done.failed = ran.returncode, step["name"]
        return done

    def _steps(self) -> list[dict[str, Any]]:
        return list(YAML(typ="safe").load(self.workflow.read_text())["jobs"][self.name]["steps"])

    def _valued(self, text: str, outputs: Mapping[str, str]) -> str:
        return EXPRESSION.sub(lambda found: (self.known | outputs).get(found[1], ""), text)

    def _step(self, commands: str, temp: Path, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        files = {"PATH": "path", "OUTPUT": "output", "STEP_SUMMARY": "summary.md", "ENV": "env"}
        for name in files.values():
            (temp / name).touch()
        own = {name: value for name, value in os.environ.items() if not name.startswith(NOT_TOLD)}
        given = {f"GITHUB_{name}": str(temp / file) for name, file in files.items()}
        environment = own | {"CI": "true", "RUNNER_TEMP": str(temp), "PYTHONDONTWRITEBYTECODE": "1"} | given
        return subprocess.run(
            [*SHELL, commands],
            cwd=self.folder,
            env=environment | dict(variables),
            capture_output=True,
            text=True,
            check=False,
        )

    @staticmethod
    def _written(temp: Path, step: str) -> dict[str, str]:
        lines = (temp / "output").read_text().splitlines()
        (temp / "output").write_text("")
        return {f"steps.{step}.outputs.{name}": value for name, _, value in (line.partition("=") for line in lines)}
