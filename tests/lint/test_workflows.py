"""The workflows for pull requests, this repository's and a factory's: what makes one unsafe is not in them."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

REPOSITORY = Path(__file__).parents[2]
OWN = REPOSITORY / ".github/workflows/preview.yml"
FACTORYS = REPOSITORY / "console/templates/factory/.github/workflows/preview.yml"
BIN = Path(sys.executable).parent
BOTH = pytest.mark.parametrize("workflow", [OWN, FACTORYS], ids=["own", "factory's"])
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
# A release beside it, so that people and Dependabot see which one it is.
PIN_LINE = re.compile(r"uses: \S+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
INTERPOLATED = re.compile(r"\$\{\{")


def read(workflow: Path) -> dict[str, Any]:
    # 1.2, in which `on` is a word and no flag.
    return dict(YAML(typ="safe").load(workflow.read_text()))


def steps(workflow: Path) -> Iterator[dict[str, Any]]:
    for job in read(workflow)["jobs"].values():
        yield from job["steps"]


def unsafe(text: str, folder: Path) -> tuple[int, set[str]]:
    """What zizmor says of a workflow: its exit code, and the rules."""
    file = folder / "workflow.yml"
    file.write_text(text)
    command = [BIN / "zizmor", "--offline", "--persona", "auditor", "--format", "json", file]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return ran.returncode, {finding["ident"] for finding in json.loads(ran.stdout)}


@BOTH
def test_a_workflow_is_one_by_githubs_own_schema(workflow: Path, tmp_path: Path) -> None:
    def check(file: Path) -> int:
        command = [BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", file]
        return subprocess.run(command, capture_output=True, check=False).returncode

    assert check(workflow) == 0
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(workflow.read_text().replace("runs-on:", "run-on:"))
    assert check(wrong) == 1


@BOTH
def test_nothing_that_is_known_to_make_a_workflow_unsafe_is_in_it(workflow: Path, tmp_path: Path) -> None:
    text = workflow.read_text()
    assert unsafe(text, tmp_path) == (0, set())
    for told, instead, rule in (
        ("pull_request:", "pull_request_target:", "dangerous-triggers"),
        ("          persist-credentials: false\n", "", "artipacked"),
        ("@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@v7", "unpinned-uses"),
        ("permissions: {}", "permissions: write-all", "excessive-permissions"),
        ('"$BASE"', '"${{ github.event.pull_request.title }}"', "template-injection"),
    ):
        assert told in text
        assert rule in unsafe(text.replace(told, instead), tmp_path)[1]


@BOTH
def test_what_is_proposed_runs_where_nothing_can_be_written_or_read(workflow: Path) -> None:
    told = read(workflow)
    assert list(told["on"]) == ["pull_request"]
    assert told["permissions"] == {}
    preview, report = told["jobs"]["preview"], told["jobs"]["report"]
    assert preview["permissions"] == {"contents": "read"}
    assert report["permissions"] == {"pull-requests": "write", "security-events": "write", "actions": "read"}
    # Who may write runs nothing of what is proposed: it fetches no repository, and no fork's run comes so far.
    assert not any("checkout" in step.get("uses", "") for step in report["steps"])
    assert "head.repo.full_name == github.repository" in report["if"]
    assert "secrets" not in workflow.read_text()
    assert not any("token" in json.dumps(step).lower() for step in preview["steps"])


@BOTH
def test_actions_are_pinned_and_no_text_of_a_pull_request_becomes_a_command(workflow: Path) -> None:
    used = [step["uses"] for step in steps(workflow) if "uses" in step]
    assert len(used) >= 4
    assert [each for each in used if not PINNED.fullmatch(each)] == []
    assert len(PIN_LINE.findall(workflow.read_text())) == len(used)
    commands = [step["run"] for step in steps(workflow) if "run" in step]
    assert len(commands) >= 5
    assert [each for each in commands if INTERPOLATED.search(each)] == []
    for step in steps(workflow):
        if "checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


def test_the_two_differ_in_where_millwright_comes_from_and_in_nothing_else() -> None:
    own, factorys = read(OWN), read(FACTORYS)
    assert factorys.pop("env") == {"SOURCE_REPOSITORY": "", "SOURCE_COMMIT": ""}
    for workflow in (own, factorys):
        preview = workflow["jobs"]["preview"]
        preview["steps"] = [
            step for step in preview["steps"] if step["name"] not in ("Fetch Millwright", "Set Millwright up")
        ]
    assert own == factorys
