"""What a killed engine leaves behind, with a real provider written in Python (which also tries RunPlugin)."""

import json
import os
import signal
from pathlib import Path

import pytest
from engine_helpers import PROVIDER, MakeProject, Project, gone, until

from engine.locks import clear_dead_locks
from engine.pending import pending_operations, without_pending_creates
from factory.paths import FactoryRoot
from factory.settings import Settings

pytestmark = pytest.mark.engine

PROGRAM = """
import pulumi

class Held(pulumi.CustomResource):
    def __init__(self, name):
        super().__init__("held:index:Held", name, {"size": 1})

Held("one")
"""


def project_with_provider(make_project: MakeProject) -> Project:
    project = make_project(PROGRAM, more="plugins: {providers: [{name: held, path: ./held}]}\n")
    # The project names its plugin, which is none of PATH's.
    provider = project.folder / "held"
    provider.mkdir()
    (provider / "PulumiPlugin.yaml").write_text("runtime: python\n")
    (provider / "__main__.py").write_text(PROVIDER)
    return project


def deployment_of(project: Project) -> dict[str, object]:
    state: dict[str, dict[str, object]] = json.loads(project.run("stack", "export", "-s", "dev").stdout)
    return state["deployment"]


def settings_of(project: Project) -> Settings:
    return Settings(backend=project.env.backend_url)


def test_a_killed_engines_lock_and_pending_create_can_be_cleared(make_project: MakeProject, tmp_path: Path) -> None:
    project = project_with_provider(make_project)
    (project.folder / "held" / "hold").touch()
    running = project.start("up", "--yes", "--skip-preview", "-s", "dev")
    running.wait_for("held:index:Held one creating")
    # The engine writes what it is about to do in batches.
    state = tmp_path / "backend" / ".pulumi" / "stacks" / "tiny" / "dev.json"
    assert until(lambda: "pending_operations" in state.read_text())
    family = running.descendants()
    running.process.kill()
    running.process.wait()
    assert gone(family)

    (project.folder / "held" / "hold").unlink()
    refused = project.run("up", "--yes", "--skip-preview", "-s", "dev")
    assert "currently locked" in refused.stdout + refused.stderr
    assert len(clear_dead_locks(FactoryRoot(tmp_path), settings_of(project), "dev")) == 1

    deployment = deployment_of(project)
    (operation,) = pending_operations(deployment)
    assert (operation.kind, operation.resource_type) == ("creating", "held:index:Held")
    cleared = without_pending_creates(deployment, {operation.urn})
    repaired = tmp_path / "repaired.json"
    repaired.write_text(json.dumps({"version": 3, "deployment": cleared}))
    assert project.run("stack", "import", "--file", str(repaired), "-s", "dev").returncode == 0

    up = project.run("up", "--yes", "--skip-preview", "-s", "dev")
    assert up.returncode == 0, up.stdout
    assert "pending" not in up.stdout
    assert pending_operations(deployment_of(project)) == ()


def test_ctrl_c_lets_a_provider_finish_what_it_creates(make_project: MakeProject) -> None:
    project = project_with_provider(make_project)
    provider = project.folder / "held"
    (provider / "hold").touch()
    running = project.start("up", "--yes", "--skip-preview", "-s", "dev")
    running.wait_for("held:index:Held one creating")
    family = running.descendants()
    os.killpg(running.process.pid, signal.SIGINT)
    running.wait_for("^C received")
    (provider / "go").touch()
    assert running.process.stdout
    running.output.extend(running.process.stdout)
    running.process.wait()
    assert "held:index:Held one created" in running.text()
    assert "Traceback" not in running.text()
    assert pending_operations(deployment_of(project)) == ()
    assert gone(family)


def test_the_lock_of_a_living_engine_stays(make_project: MakeProject, tmp_path: Path) -> None:
    project = project_with_provider(make_project)
    provider = project.folder / "held"
    (provider / "hold").touch()
    running = project.start("up", "--yes", "--skip-preview", "-s", "dev")
    running.wait_for("held:index:Held one creating")
    assert clear_dead_locks(FactoryRoot(tmp_path), settings_of(project), "dev") == ()
    (provider / "go").touch()
    assert running.process.stdout
    running.output.extend(running.process.stdout)
    assert running.process.wait() == 0, running.text()
