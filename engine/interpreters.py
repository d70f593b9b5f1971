"""Which Python runs a program: the `virtualenv` and `toolchain` runtime options of `Pulumi.yaml`.

The options and their meaning: https://www.pulumi.com/docs/iac/languages-sdks/python/#virtual-environments
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from factory.errors import InputError

POETRY_SECONDS = 60


@dataclass(frozen=True)
class Interpreter:
    """A Python and the virtual environment that it belongs to (None: none was named, it is the host's own)."""

    python: str
    virtualenv: Path | None

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """`base` with the virtual environment active, as if its `activate` had been sourced."""
        if self.virtualenv is None:
            return dict(base)
        path = os.pathsep.join((str(Path(self.python).parent), base.get("PATH", os.defpath)))
        active = {name: value for name, value in base.items() if name != "PYTHONHOME"}
        return active | {"VIRTUAL_ENV": str(self.virtualenv), "PATH": path}

    def isolated(self, module: str) -> list[str]:
        """The command that runs `module` unbuffered; from the host's own Python never one of the working folder."""
        safe = ["-P"] if self.virtualenv is None else []
        return [self.python, "-u", *safe, "-m", module]


def interpreter(options: Mapping[str, object], root: Path) -> Interpreter:
    """The interpreter for a program with these runtime options, whose `Pulumi.yaml` stands in `root`.

    Raises InputError when the options name a virtual environment that is not there, or an unknown toolchain.
    """
    toolchain = str(options.get("toolchain") or "pip")
    named = str(options.get("virtualenv") or "")
    if toolchain == "pip":
        return _in_virtualenv(root / named, f"`virtualenv: {named}`") if named else Interpreter(sys.executable, None)
    if toolchain == "uv":
        return _in_virtualenv(root / (named or ".venv"), "`toolchain: uv`")
    if toolchain == "poetry":
        return _in_virtualenv(_poetry_folder(root), "`toolchain: poetry`")
    raise InputError(
        f"unknown toolchain {toolchain!r} in the runtime options of {root / 'Pulumi.yaml'}",
        hint="one of pip, uv, poetry",
    )


def _in_virtualenv(folder: Path, named_by: str) -> Interpreter:
    for name in ("python", "python3"):
        python = folder / "bin" / name
        if python.is_file():
            return Interpreter(str(python), folder)
    raise InputError(
        f"{named_by} in Pulumi.yaml's runtime options: {folder} is not a virtual environment",
        hint="make it and install the program's dependencies there",
    )


def _poetry_folder(root: Path) -> Path:
    poetry = shutil.which("poetry")
    if poetry is None:
        raise InputError("`toolchain: poetry` is set, but poetry is not on PATH", hint="install poetry")
    answer = subprocess.run(
        [poetry, "env", "info", "--path"], cwd=root, capture_output=True, text=True, timeout=POETRY_SECONDS, check=False
    )
    if answer.returncode:
        raise InputError(
            f"poetry names no environment for {root}: {answer.stderr.strip()}", hint="run `poetry install`"
        )
    return Path(answer.stdout.strip())
