"""`millwright factory`: the daemons are started once, shown as they are, and stopped in order."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from console_runner import Runner

from factory import daemons
from factory.errors import ExitCode
from factory.paths import FactoryRoot

TINY = Path(__file__).parents[1] / "factory"


@pytest.fixture
def small(root: FactoryRoot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FactoryRoot]:
    """A factory whose daemons are real processes that do nothing."""
    for name in daemons.MODULES:
        text = (TINY / "tiny_daemon.py").read_text().replace('NAME = "tiny"', f'NAME = "{name}"')
        (tmp_path / f"tiny_{name}.py").write_text(text)
        monkeypatch.setitem(daemons.MODULES, name, f"tiny_{name}")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    yield root
    for name in reversed(daemons.MODULES):
        daemons.stop(root, name)


def _states(millwright: Runner) -> list[tuple[str, str]]:
    return [(row["name"], row["state"]) for row in millwright("factory", "status", "--json").documents]


def test_up_starts_what_does_not_run_and_leaves_what_does(millwright: Runner, small: FactoryRoot) -> None:
    first = millwright("factory", "up", "--json")
    assert first.code == ExitCode.OK
    assert first.err.splitlines() == ["localcloud: starting", "access: starting", "worker: starting"]
    second = millwright("factory", "up", "--json")
    assert (second.err, second.documents) == ("", first.documents)
    for row in first.documents:
        assert psutil.pid_exists(row["pid"])
        assert row["state"] == "running"
        assert row["since"].endswith("+00:00")
        assert row["addresses"] == {"http": "http://127.0.0.1:9"}


def test_status_says_which_runs_and_its_exit_code_whether_all_do(millwright: Runner, small: FactoryRoot) -> None:
    assert millwright("factory", "status").code == ExitCode.CLOUD_UNAVAILABLE
    assert _states(millwright) == [("localcloud", "stopped"), ("access", "stopped"), ("worker", "stopped")]
    daemons.ensure(small, daemons.LOCAL_CLOUD)
    daemons.ensure(small, daemons.ACCESS)
    assert millwright("factory", "status").code == ExitCode.CLOUD_UNAVAILABLE
    daemons.ensure(small, daemons.WORKER)
    answer = millwright("factory", "status")
    assert answer.code == ExitCode.OK
    assert "a stand-in for AWS" in answer.out


def test_down_stops_the_worker_before_what_it_uses(millwright: Runner, small: FactoryRoot) -> None:
    pids = [row["pid"] for row in millwright("factory", "up", "--json").documents]
    answer = millwright("factory", "down")
    assert answer.out.splitlines() == ["worker: stopped", "access: stopped", "localcloud: stopped"]
    assert not any(psutil.pid_exists(pid) and _lives(pid) for pid in pids)
    again = millwright("factory", "down", "--json")
    assert (again.code, again.documents) == (
        ExitCode.OK,
        [{"name": name, "stopped": False} for name in ("worker", "access", "localcloud")],
    )


def _lives(pid: int) -> bool:
    return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_a_daemon_that_does_not_come_up_is_an_error_with_the_end_of_its_log(
    millwright: Runner, small: FactoryRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINY", "broken")
    answer = millwright("factory", "up")
    assert answer.code == ExitCode.CLOUD_UNAVAILABLE
    assert "localcloud did not start" in answer.err
    assert "no bytes left in the jar" in answer.err


def test_a_factory_on_a_real_account_needs_no_local_cloud(millwright: Runner, small: FactoryRoot) -> None:
    small.settings_file.write_text("aws: account\naws_account: '210987654321'\n")
    assert [row["name"] for row in millwright("factory", "up", "--json").documents] == ["access", "worker"]
    assert daemons.read(small, daemons.LOCAL_CLOUD) is None
