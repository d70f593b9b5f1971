"""The engine benchmark works, with little to build; its figures are nobody's business here."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.bench.contestants import find_terraform
from tests.bench.engine import bench
from tests.bench.plan import hcl, plan_of
from tests.bench.report import MEASURES, Report, show

SECONDS = 240
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.engine
def test_every_contestant_does_the_work_and_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    # Without Terraform, wherever this runs: its folder is not on the path.
    monkeypatch.setenv("PATH", "")
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    report = bench(resources=3, runs=1, mirror=None, with_calls=False)
    assert set(report.seconds) == {"pulumi CLI, cold", "Automation API, warm"}
    assert all(len(report.seconds[name][measure]) == 1 for name in report.seconds for measure in MEASURES)
    assert report.not_compared == "terraform is not on this machine"
    assert {process.pid for process in psutil.Process().children(recursive=True)} <= before
