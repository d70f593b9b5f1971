"""The engine benchmark does its work and leaves nothing; its figures are nobody's business here."""

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from tests.bench.commands import descendants
from tests.bench.contestants import MIRROR_VARIABLE, find_terraform
from tests.bench.engine import bench
from tests.bench.plan import hcl, plan_of
from tests.bench.report import MEASURES, Report, show

SECONDS = 120
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.engine
@pytest.mark.long
def test_every_contestant_does_the_work_and_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    # Wherever this runs, without Terraform.
    monkeypatch.setenv("PATH", "")
    before = descendants()
    report = bench(resources=3, runs=1, mirror=None, with_calls=False)
    assert set(report.seconds) == {"pulumi CLI, cold", "Automation API, warm"}
    assert all(len(report.seconds[name][measure]) == 1 for name in report.seconds for measure in MEASURES)
    assert report.not_compared == "terraform is not on this machine"
    assert descendants() <= before


@pytest.mark.engine
@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_it_leaves_no_process_and_no_file(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "tests.bench.engine", "--runs", "1", "--resources", "3"]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        assert any("run 1 of 1: pulumi CLI" in line for line in process.stderr)
        started = psutil.Process(process.pid).children(recursive=True)
        assert started
        process.send_signal(number)
        process.wait(SECONDS)
    assert process.returncode == 130
    assert not psutil.wait_procs(started, timeout=SECONDS)[1]
    assert list(tmp_path.glob("millwright-bench-*")) == []


def test_fifty_resources_are_one_vpc_eight_subnets_twenty_roles_and_the_rest_buckets() -> None:
    plan = plan_of(50, "x")
    assert (plan.subnets, plan.roles, plan.buckets, plan.resources) == (8, 20, 21, 50)


@pytest.mark.parametrize("resources", [1, 2, 3, 4, 17, 50, 200])
def test_a_plan_has_as_many_resources_as_asked_for_in_both_languages(resources: int) -> None:
    plan = plan_of(resources, "x")
    assert min(plan.subnets, plan.roles, plan.buckets) >= 0
    assert plan.resources == resources
    text = hcl(plan, "http://127.0.0.1:1")
    counts = [int(line.split("=")[1]) for line in text.splitlines() if line.strip().startswith("count ")]
    assert 1 + sum(counts) == resources


@pytest.fixture
def terraform(tmp_path: Path) -> dict[str, str]:
    """An environment whose PATH holds something named terraform."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "terraform").touch(mode=0o755)
    return {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)}


def mirror(folder: Path) -> Path:
    for system in ("linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64"):
        (folder / "registry.example" / "hashicorp" / "aws" / "5.0.0" / system).mkdir(parents=True)
    return folder


def test_a_mirror_is_found_by_option_variable_and_configuration(tmp_path: Path, terraform: dict[str, str]) -> None:
    folder = mirror(tmp_path / "mirror")
    found = (str(tmp_path / "bin" / "terraform"), folder)
    assert find_terraform(folder, terraform) == found
    assert find_terraform(None, terraform | {MIRROR_VARIABLE: str(folder)}) == found
    configuration = f'provider_installation {{\n  filesystem_mirror {{\n    path = "{folder}"\n  }}\n}}\n'
    (tmp_path / ".terraformrc").write_text(configuration)
    assert find_terraform(None, terraform) == found


def test_without_terraform_or_provider_it_says_which_is_missing(tmp_path: Path, terraform: dict[str, str]) -> None:
    assert find_terraform(mirror(tmp_path / "mirror"), {"PATH": ""}) == "terraform is not on this machine"
    assert "no mirror of its AWS provider" in find_terraform(None, terraform)
    assert "no mirror of its AWS provider" in find_terraform(tmp_path, terraform)


def shown(report: Report) -> str:
    out = io.StringIO()
    show(report, Console(file=out, width=100))
    return out.getvalue()


def test_the_table_shows_spread_and_ratio_or_why_there_is_none() -> None:
    ours = {measure: [1.0, 2.0, 4.0] for measure in MEASURES}
    theirs = {measure: [5.0, 6.0, 7.0] for measure in MEASURES}
    common = {"resources": 3, "runs": 3, "load": 0.1, "call_milliseconds": {"sts X": {"HTTP": 2.5}}}
    with_peer = shown(Report(seconds={"a": ours, "T": theirs}, peer="T", together={}, not_compared="", **common))
    assert "2.00  3.0x" in with_peer
    assert "1.00-4.00" in with_peer
    assert "2.5" in with_peer
    alone = shown(
        Report(
            seconds={"a": ours},
            peer=None,
            together={name: [5.0, 7.0] for name in MEASURES},
            not_compared="terraform is not on this machine",
            **common,
        )
    )
    assert "not compared: terraform is not on this machine" in alone
    assert "2.00  " in alone
    assert "6.00" in alone
    assert "5.00-7.00" in alone
    assert "0x" not in alone
