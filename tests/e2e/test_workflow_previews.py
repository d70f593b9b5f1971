"""A pull request in a factory's workflow, its commands run as a runner runs them: in a fresh clone, by its own bash."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from e2e_workflow import Job, JobRun

from console.commands.init import make_factory
from factory import daemons
from factory.errors import ExitCode
from factory.paths import FactoryRoot

pytestmark = [pytest.mark.e2e, pytest.mark.long]

WORKFLOW = ".github/workflows/preview.yml"
NAME = "<img src=x onerror=alert(1)> | `@team` [a](http://b)"
EXTENSION = "import pulumi_aws as aws\nfrom pulumi import ResourceOptions\n\n\ndef extend(factory):\n"
HOSTILE = EXTENSION + f"    aws.sqs.Queue({NAME!r}, name='hello-more', opts=ResourceOptions(parent=factory))\n"
OPEN = EXTENSION + (
    "    aws.ec2.SecurityGroup(\n"
    "        'open', vpc_id=factory.network.network_id, opts=ResourceOptions(parent=factory),\n"
    "        ingress=[{'protocol': 'tcp', 'from_port': 22, 'to_port': 22, 'cidr_blocks': ['0.0.0.0/0']}])\n"
)
Propose = Callable[[str, str], JobRun]


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=author", "-c", "user.email=author@localhost", "-c", "commit.gpgsign=false")
    return subprocess.run(
        ["git", *identity, *arguments],  # noqa: S607
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The factory's repository, as its host has it, with a real account in its settings."""
    root = make_factory(tmp_path_factory.mktemp("host") / "factory", "hello")
    root.settings_file.write_text("aws: account\naws_account: '210987654321'\n")
    git(root.path, "init", "--quiet", "--initial-branch", "main")
    git(root.path, "add", "--all")
    git(root.path, "commit", "--quiet", "--message", "a factory")
    return root.path


@pytest.fixture(scope="module")
def propose(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Propose]:
    """Run the first job for a pull request that writes one file; the clone is new each time, its cloud is not."""
    clones = tmp_path_factory.mktemp("runner")
    used: list[Path] = []

    def run(file: str, text: str) -> JobRun:
        base = git(repository, "rev-parse", "main")
        clone = clones / f"work-{len(used)}"
        git(clones, "clone", "--quiet", str(repository), clone.name)
        git(clone, "checkout", "--quiet", "-b", "proposed")
        (clone / file).parent.mkdir(parents=True, exist_ok=True)
        (clone / file).write_text(text)
        git(clone, "add", "--all")
        git(clone, "commit", "--quiet", "--message", "proposed")
        used.append(clone)
        job = Job(clone / WORKFLOW, "preview", clone, {"github.event.pull_request.base.sha": base})
        return job.run(clones / f"temp-{len(used)}")

    yield run
    for clone in used:
        daemons.stop(FactoryRoot(clone), daemons.LOCAL_CLOUD)


def results(ran: JobRun) -> list[tuple[str, str]]:
    """Rule and kind of what goes to code scanning."""
    (log,) = json.loads((ran.report / "policies.sarif").read_text())["runs"]
    return [(result["ruleId"], result["kind"]) for result in log["results"]]


def test_a_change_of_no_app_passes_without_an_engine(propose: Propose) -> None:
    ran = propose("docs/notes.md", "notes\n")
    assert (ran.code, ran.failed) == (0, "")
    assert ran.summary == (ran.report / "preview.md").read_text()
    assert "No app may have changed." in ran.summary
    assert list(ran.report.iterdir()) == [ran.report / "preview.md"]
    assert "steps.policies.outputs.found" not in ran.outputs


def test_a_workflow_that_says_nowhere_where_millwright_is_tells_so(repository: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bin"
    bare.mkdir()
    (bare / "bash").symlink_to(shutil.which("bash") or "")
    ran = Job(repository / WORKFLOW, "preview", repository, {}).run(tmp_path, only="Set Millwright up", PATH=str(bare))
    assert ran.code == 1
    assert "::error file=.github/workflows/preview.yml::fill in SOURCE_REPOSITORY and SOURCE_COMMIT" in ran.said


def test_a_good_change_passes_and_whatever_its_names_say_is_shown_as_text(propose: Propose) -> None:
    ran = propose("apps/hello/infra.py", HOSTILE)
    assert (ran.code, ran.failed) == (0, ""), ran.said
    plan = (ran.report / "preview.md").read_text()
    assert "| `hello-build` |" in plan
    # Code with a fence longer than any in it.
    shown = NAME.replace("|", "\\|")
    assert f"- create `aws:sqs/queue:Queue` `` {shown} ``" in plan
    assert plan.count("<img") == 2
    assert ran.outputs["steps.policies.outputs.found"] == "true"
    assert {kind for _, kind in results(ran)} == {"open"}
    # The plans hold what the program says in full: they stay on the runner.
    assert {file.name for file in ran.report.iterdir()} == {"preview.md", "policies.sarif"}


def test_a_change_that_opens_a_door_to_the_world_fails_with_its_rule(propose: Propose) -> None:
    ran = propose("apps/hello/infra.py", OPEN)
    assert (ran.code, ran.failed) == (ExitCode.POLICY_VIOLATION, "Verdict"), ran.said
    assert ran.ran[-1] == "Verdict"
    plan = (ran.report / "preview.md").read_text()
    for stack in ("hello-build", "hello-staging"):
        assert f"- `{stack}`: `no-world-ingress: " in plan
    assert [rule for rule, kind in results(ran) if kind == "fail"] == ["no-world-ingress"] * 2
    assert ran.outputs["steps.policies.outputs.code"] == "5"
