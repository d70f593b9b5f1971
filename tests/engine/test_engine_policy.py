"""Python policy packs, run by our language host under the real engine."""

from pathlib import Path

import pytest
from engine_helpers import ONE_THING, MakeProject, make_pack

pytestmark = pytest.mark.engine

PACK = """
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy, StackValidationPolicy

def resource(args, report):
    if args.name == "forbidden":
        report("no resource may have this name")

def stack(args, report):
    if any(r.name == "lonely" for r in args.resources):
        report("no stack may hold this one")

PolicyPack("pack", enforcement_level=EnforcementLevel.MANDATORY, policies=[
    ResourceValidationPolicy(name="names", description="names", validate=resource),
    StackValidationPolicy(name="company", description="company", validate=stack),
])
"""


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return make_pack(tmp_path, PACK)


@pytest.mark.parametrize(
    ("name", "message"),
    [("forbidden", "no resource may have this name"), ("lonely", "no stack may hold this one")],
)
def test_a_mandatory_policy_stops_preview(make_project: MakeProject, pack: Path, name: str, message: str) -> None:
    project = make_project(ONE_THING.replace("NAME", name))
    preview = project.run("preview", "-s", "dev", "--policy-pack", str(pack))
    assert preview.returncode != 0
    assert message in preview.stdout


def test_the_environments_pack_stops_a_plain_preview(make_project: MakeProject, pack: Path) -> None:
    project = make_project(ONE_THING.replace("NAME", "forbidden"), pack=pack)
    preview = project.run("preview", "-s", "dev")
    assert preview.returncode != 0
    assert "no resource may have this name" in preview.stdout


def test_the_same_pack_lets_an_allowed_program_pass_and_is_shown(make_project: MakeProject, pack: Path) -> None:
    project = make_project(ONE_THING.replace("NAME", "allowed"), pack=pack)
    up = project.run("up", "--yes", "-s", "dev")
    assert up.returncode == 0, up.stdout
    assert "pack" in up.stdout.split("Policies:")[1]


def test_a_pack_that_cannot_start_stops_the_command(make_project: MakeProject, pack: Path) -> None:
    (pack / "__main__.py").write_text("raise ValueError('a broken pack')\n")
    project = make_project(ONE_THING.replace("NAME", "allowed"), pack=pack)
    preview = project.run("preview", "-s", "dev")
    assert preview.returncode != 0
    assert "a broken pack" in preview.stdout + preview.stderr
