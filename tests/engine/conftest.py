"""Small real Pulumi projects, to run with the real engine."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from engine_factory import Factory
from engine_helpers import MakeProject, Project

from engine.cli import Cli
from engine.environment import EngineEnv


@pytest.fixture
def make_project(tmp_path: Path, engine_cli: Cli) -> MakeProject:
    def make(program: str | None, *, runtime: str = "python", more: str = "", pack: Path | None = None) -> Project:
        folder = tmp_path / "project"
        folder.mkdir()
        (folder / "Pulumi.yaml").write_text(f"name: tiny\nruntime: {runtime}\n{more}")
        if program is not None:
            (folder / "__main__.py").write_text(program)
        backend = tmp_path / "backend"
        backend.mkdir()
        passphrase = tmp_path / "passphrase"
        passphrase.write_text("only for this test")
        env = EngineEnv(
            cli=engine_cli,
            python=sys.executable,
            home=tmp_path / "home",
            backend_url=f"file://{backend}",
            passphrase_file=passphrase,
            policy_pack=None,
            cloud_provider=None,
        )
        project = Project(folder, env)
        created = project.run("stack", "init", "dev")
        assert created.returncode == 0, created.stderr
        project.env = replace(env, policy_pack=pack)
        return project

    return make


@pytest.fixture
def factory(tmp_path: Path, engine_cli: Cli) -> Factory:
    return Factory(tmp_path, engine_cli)
