"""The command line in a factory of the test's own, with a wide, plain terminal."""

from pathlib import Path

import pytest
from console_runner import Runner
from spec_strategies import factory_in

from factory.paths import FactoryRoot
from factory.settings import Settings


@pytest.fixture
def millwright(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Runner:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"MILLWRIGHT_{name.upper()}", raising=False)
    for name, value in {"COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    return Runner(monkeypatch, capsys)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FactoryRoot:
    """A factory with one app, in which the commands run."""
    root = factory_in(tmp_path / "factory")
    monkeypatch.chdir(root.path)
    return root
