"""The local provider as the engine finds it: our wrapper in the factory's PULUMI_HOME, in a folder with a space."""

import os
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest
from engine_helpers import PROVIDER

from engine.cli import Cli
from engine.environment import prepare
from factory.paths import FactoryRoot
from factory.settings import Settings

pytestmark = pytest.mark.engine

PROGRAM = """
import pulumi
import pulumi_aws as aws
pulumi.export("id", aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16").id)
"""


def test_the_engine_loads_the_wrapper_for_the_installed_sdk_and_warns_of_nothing(
    tmp_path: Path, engine_cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = tmp_path / "modules"
    (modules / "localcloud").mkdir(parents=True)
    (modules / "localcloud" / "__init__.py").touch()
    (modules / "localcloud" / "plugin.py").write_text(PROVIDER.replace("1.0.0", version("pulumi-aws")))
    monkeypatch.setenv("PYTHONPATH", f"{modules}{os.pathsep}{Path(__file__).resolve().parents[2]}")
    # A provider on PATH, which must not be taken.
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "pulumi-resource-aws").write_text("#!/bin/sh\nexit 1\n")
    (tools / "pulumi-resource-aws").chmod(0o755)
    monkeypatch.setenv("PATH", f"{engine_cli.path.parent}{os.pathsep}{tools}", prepend=os.pathsep)

    root = FactoryRoot(tmp_path / "a factory")
    root.path.mkdir()
    root.project_file.write_text("name: tiny\nruntime: python\nstackConfigDir: .millwright/stacks\n")
    (root.path / "__main__.py").write_text(PROGRAM)
    env = prepare(root, Settings(), policy_pack=None)
    assert env.cli.path.parent == engine_cli.path.parent
    for arguments in (["stack", "init", "dev"], ["up", "--yes", "--skip-preview", "-s", "dev"]):
        answer = subprocess.run(
            [env.cli.path, *arguments, "--non-interactive"],
            cwd=root.path,
            env=env.process_environment(os.environ),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "an-id" in answer.stdout
    assert "warning" not in answer.stdout + answer.stderr
