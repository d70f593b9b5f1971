"""A factory with the `pulumi` that it has, and a door that writes down its calls."""

import os
import subprocess
import sys
from pathlib import Path

from engine.cli import Cli
from engine.shim import write_shim
from factory.paths import FactoryRoot

DOOR = """
import os, subprocess, sys
with open(os.environ["DOOR_LOG"], "a") as log:
    print(*sys.argv[1:], file=log)
moment, command, stack = sys.argv[1:4]
if stack == "undeclared":
    sys.exit("error: no such stack")
if moment == "before":
    subprocess.run(["pulumi", "stack", "init", stack, "--non-interactive"], capture_output=True)
if moment == "before" and stack == "stale":
    print('{"refresh": true}')
"""
PACK = """
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

def names(args, report):
    if args.name == "forbidden":
        report("no resource may have this name")

PolicyPack("pack", enforcement_level=EnforcementLevel.MANDATORY, policies=[
    ResourceValidationPolicy(name="names", description="names", validate=names),
])
"""
PROGRAM = "import pulumi\nprint('the program ran')\npulumi.export('answer', 42)\n"


class Factory:
    """A factory in a temporary folder, with its shim; `aws: account`, so that no local cloud is started."""

    def __init__(self, folder: Path, cli: Cli) -> None:
        self.root = FactoryRoot(folder / "factory")
        self.root.path.mkdir()
        self.root.settings_file.write_text("aws: account\naws_account: '123456789012'\n")
        self.root.project_file.write_text("name: tiny\nruntime: python\nstackConfigDir: .millwright/stacks\n")
        (self.root.path / "__main__.py").write_text(PROGRAM)
        # A door and a policy pack of this test's, in front of the installed rooms.
        modules = folder / "modules"
        (modules / "stacks").mkdir(parents=True)
        (modules / "stacks" / "__init__.py").touch()
        (modules / "stacks" / "door.py").write_text(DOOR)
        self.pack = modules / "policies"
        self.pack.mkdir()
        (self.pack / "__init__.py").touch()
        (self.pack / "__main__.py").write_text(PACK)
        (self.pack / "PulumiPolicy.yaml").write_text("runtime: python\nversion: 0.0.1\n")
        self.log = folder / "door.log"
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.shim = write_shim(self.bin, sys.executable)
        paths = (str(self.bin), str(cli.path.parent), os.environ["PATH"])
        source = Path(__file__).resolve().parents[2]
        self.environment = os.environ | {
            "PATH": os.pathsep.join(paths),
            "PYTHONPATH": f"{modules}{os.pathsep}{source}",
            "DOOR_LOG": str(self.log),
            "PULUMI_BACKEND_URL": "file:///nowhere",
        }

    def start(self, *arguments: str, cwd: Path | None = None) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [self.shim, *arguments, "--non-interactive"],
            cwd=cwd or self.root.path,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, cwd: Path | None = None) -> tuple[int, str, str]:
        with self.start(*arguments, cwd=cwd) as process:
            out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def door(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []
