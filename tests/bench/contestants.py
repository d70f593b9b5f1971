"""The contestants: plain `pulumi`, the warm Automation API, Terraform; each does the same things to the same plan."""

import json
import multiprocessing
import os
import platform
import re
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from multiprocessing.context import ForkServerContext
from pathlib import Path

from engine import EngineEnv
from tests.bench.commands import COMMAND_SECONDS, TAIL, ContestantFailed, run
from tests.bench.plan import ACCOUNT, REGION, Plan, hcl
from tests.bench.warm import Job, Work, work

STACK = "bench"
MIRROR_VARIABLE = "MILLWRIGHT_BENCH_TERRAFORM_MIRROR"
VERSION_SECONDS = 30
# Terraform names them as Go does.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class Contestant(ABC):
    """One way to build the plan. Every call ends when the work is done, and raises ContestantFailed otherwise.

    `preview` compares program and state, `refreshed_preview` looks up every resource first, `destroy` goes by the
    state.
    """

    name: str

    @abstractmethod
    def prepare(self) -> None:
        """What is done once and not measured."""

    @abstractmethod
    def create(self) -> None:
        """From nothing to the whole plan, without asking."""

    @abstractmethod
    def preview(self) -> None:
        """Find that nothing changed, from the state."""

    @abstractmethod
    def refreshed_preview(self) -> None:
        """Find that nothing changed, in the cloud itself."""

    @abstractmethod
    def destroy(self) -> None:
        """Remove the whole plan, without asking."""


class PulumiCli(Contestant):
    """`pulumi` as typed: a process, a language host, a program and a provider plugin per command."""

    name = "pulumi CLI, cold"

    def __init__(self, folder: Path, env: EngineEnv, plan: Plan) -> None:
        self._folder, self._env, self._plan = folder, env, plan

    def prepare(self) -> None:
        program = (
            f"from tests.bench.declare import declare\nfrom tests.bench.plan import Plan\n\ndeclare({self._plan!r})\n"
        )
        (self._folder / "__main__.py").write_text(program)
        _make_stack(self._folder, self._env)

    def create(self) -> None:
        self._pulumi("up", "--yes", "--skip-preview")

    def preview(self) -> None:
        self._pulumi("preview", "--expect-no-changes")

    def refreshed_preview(self) -> None:
        self._pulumi("preview", "--expect-no-changes", "--refresh")

    def destroy(self) -> None:
        self._pulumi("destroy", "--yes", "--skip-preview")

    def _pulumi(self, *words: str) -> None:
        _pulumi(self._folder, self._env, *words, "--stack", STACK)


class WarmApi(Contestant):
    """The Automation API as stacks.driver uses it: a process forked from the driver's server, the provider attached."""

    name = "Automation API, warm"

    def __init__(self, folder: Path, env: EngineEnv, plan: Plan) -> None:
        self._folder, self._env, self._plan = folder, env, plan
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")

    def prepare(self) -> None:
        _make_stack(self._folder, self._env)
        self._context.set_forkserver_preload(["stacks.driver.preload", "tests.bench.warm"])
        self._work(Work.NOTHING)

    def create(self) -> None:
        self._work(Work.CREATE)

    def preview(self) -> None:
        self._work(Work.PREVIEW)

    def refreshed_preview(self) -> None:
        self._work(Work.REFRESHED_PREVIEW)

    def destroy(self) -> None:
        self._work(Work.DESTROY)

    def _work(self, what: Work) -> None:
        cli = self._env.cli
        environment = self._env.process_environment(os.environ)
        job = Job(what, STACK, self._plan, self._folder, cli.path, cli.version, environment)
        here, there = self._context.Pipe()
        process = self._context.Process(target=work, args=(job, there))
        process.start()
        there.close()
        try:
            failed = here.recv() if here.poll(COMMAND_SECONDS) else "it did not end"
        except EOFError:
            failed = "its process ended without a word"
        process.join(COMMAND_SECONDS)
        if failed:
            raise ContestantFailed(f"{self.name}: {what.value}: {failed[-TAIL:]}")


class Terraform(Contestant):
    """Terraform and HashiCorp's AWS provider, against the same local cloud over HTTP."""

    def __init__(self, folder: Path, executable: str, mirror: Path, endpoint: str, plan: Plan) -> None:
        self._folder, self._executable = folder, executable
        self._mirror, self._endpoint, self._plan = mirror, endpoint, plan
        self.name = f"Terraform {_terraform_version(executable)}"

    def prepare(self) -> None:
        (self._folder / "main.tf").write_text(hcl(self._plan, self._endpoint))
        self._environment = terraform_environment(self._folder, self._mirror)
        self._terraform("init")

    def create(self) -> None:
        self._terraform("apply", "-auto-approve")

    def preview(self) -> None:
        # With this flag, changes are exit code 2.
        self._terraform("plan", "-detailed-exitcode", "-refresh=false")

    def refreshed_preview(self) -> None:
        self._terraform("plan", "-detailed-exitcode")

    def destroy(self) -> None:
        self._terraform("destroy", "-auto-approve", "-refresh=false")

    def _terraform(self, command: str, *words: str) -> None:
        run([self._executable, command, "-input=false", "-no-color", *words], self._folder, self._environment)


def terraform_environment(folder: Path, mirror: Path) -> dict[str, str]:
    """The environment of Terraform's commands in `folder`: its providers come from the mirror, and nothing leaks in."""
    configuration = folder / "cli.tfrc"
    named = json.dumps(str(mirror))
    configuration.write_text(
        f"disable_checkpoint = true\nprovider_installation {{\n  filesystem_mirror {{ path = {named} }}\n}}\n"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "AWS_"))}
    return kept | {"TF_CLI_CONFIG_FILE": str(configuration)}


def find_terraform(named: Path | None, environment: Mapping[str, str]) -> tuple[str, Path] | str:
    """Terraform's executable and a folder with its AWS provider, or why there is no comparison.

    The folder is `named`, or MILLWRIGHT_BENCH_TERRAFORM_MIRROR, or a mirror of the user's Terraform configuration.
    """
    executable = shutil.which("terraform", path=environment.get("PATH"))
    if executable is None:
        return "terraform is not on this machine"
    folders = _mirrors(named, environment)
    for folder in folders:
        # Unpacked (…/aws/5.1.0/linux_amd64) or packed (…/aws/terraform-provider-aws_5.1.0_linux_amd64.zip).
        system = f"{sys.platform}_{ARCHITECTURES.get(platform.machine(), platform.machine())}"
        if any(folder.glob(f"*/hashicorp/aws/*/{system}")) or any(folder.glob(f"*/hashicorp/aws/*_{system}.zip")):
            return executable, folder.resolve()
    looked = ", ".join(str(folder) for folder in folders) or "no mirror is named"
    return f"terraform is on this machine, but no mirror of its AWS provider ({looked}; see --terraform-mirror)"


def _mirrors(named: Path | None, environment: Mapping[str, str]) -> list[Path]:
    if named is not None:
        return [named]
    if variable := environment.get(MIRROR_VARIABLE):
        return [Path(variable)]
    home = Path(environment.get("HOME", os.devnull))
    configuration = Path(environment.get("TF_CLI_CONFIG_FILE") or home / ".terraformrc")
    text = configuration.read_text() if configuration.is_file() else ""
    return [Path(path) for path in re.findall(r'filesystem_mirror\s*\{[^}]*?\bpath\s*=\s*"([^"]+)"', text)]


def _terraform_version(executable: str) -> str:
    told = subprocess.run(
        [executable, "version", "-json"], capture_output=True, text=True, timeout=VERSION_SECONDS, check=True
    ).stdout
    # It may warn about the user's configuration before the document.
    return str(json.loads(told[told.index("{") :])["terraform_version"])


def _make_stack(folder: Path, env: EngineEnv) -> None:
    # Pulumi.yaml is YAML, and JSON is YAML.
    project = {
        "name": folder.name,
        "runtime": "python",
        "config": {"aws:region": REGION, "aws:allowedAccountIds": {"value": [ACCOUNT]}},
    }
    (folder / "Pulumi.yaml").write_text(json.dumps(project))
    _pulumi(folder, env, "stack", "init", STACK)


def _pulumi(folder: Path, env: EngineEnv, *words: str) -> None:
    run([env.cli.path, *words, "--non-interactive"], folder, env.process_environment(os.environ))
