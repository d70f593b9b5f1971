"""EngineEnv: what a `pulumi` process gets, and what must never leak into it; what `prepare` makes."""

import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from engine.cli import Cli
from engine.environment import EngineEnv, is_local_provider, local_provider, prepare
from factory.errors import InputError
from factory.paths import FactoryRoot
from factory.settings import Settings

INHERITED = {
    "PATH": "/usr/bin",
    "HOME": "/home/someone",
    "LANG": "C.UTF-8",
    "AWS_PROFILE": "production",
    "AWS_ACCESS_KEY_ID": "AKIA",
    "AWS_SESSION_TOKEN": "token",
    "PULUMI_BACKEND_URL": "s3://another",
    "PULUMI_CONFIG_PASSPHRASE": "another's",
    "PULUMI_ACCESS_TOKEN": "pul-token",
    "PULUMI_DEBUG_PROVIDERS": "aws:1",
    "PULUMI_OPTION_POLICY_PACK": "",
    "PULUMI_AUTOMATION_API_SKIP_VERSION_CHECK": "true",
    "PULUMI_STACK": "links-build",
}


@pytest.fixture
def env(tmp_path: Path) -> EngineEnv:
    return EngineEnv(
        cli=Cli(tmp_path / "cli" / "pulumi", "v3.259.0", "cache"),
        python=sys.executable,
        home=tmp_path / "home",
        backend_url="file:///backend",
        passphrase_file=tmp_path / "passphrase",
        policy_pack=tmp_path / "policies",
        cloud_provider=None,
    )


def test_a_local_factory_inherits_no_account_and_no_other_factory(env: EngineEnv) -> None:
    found = env.process_environment(INHERITED)
    assert not [name for name in found if name.startswith("AWS_")]
    ours = env.variables()
    assert {name for name in found if name.startswith("PULUMI_")} == {
        *(name for name in ours if name.startswith("PULUMI_")),
        "PULUMI_STACK",
    }
    assert found["PULUMI_BACKEND_URL"] == "file:///backend"
    assert found["PULUMI_OPTION_POLICY_PACK"] == str(env.policy_pack)
    assert (found["HOME"], found["LANG"]) == ("/home/someone", "C.UTF-8")


def test_a_local_factory_never_takes_a_provider_from_path_or_the_network(env: EngineEnv) -> None:
    local = env.variables()
    assert local["PULUMI_IGNORE_AMBIENT_PLUGINS"] == "true"
    assert local["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "true"
    account = replace(env, aws="account").variables()
    assert "PULUMI_IGNORE_AMBIENT_PLUGINS" not in account
    assert "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION" not in account


def test_a_real_account_keeps_its_credentials(env: EngineEnv) -> None:
    found = replace(env, aws="account").process_environment(INHERITED)
    assert found["AWS_PROFILE"] == "production"


def test_a_backend_keeps_the_credentials_that_it_needs(env: EngineEnv) -> None:
    s3 = replace(env, backend_url="s3://state").process_environment(INHERITED)
    assert s3["AWS_PROFILE"] == "production"
    assert "PULUMI_ACCESS_TOKEN" not in s3
    kms = replace(env, secrets_provider="awskms://alias/state").process_environment(INHERITED)
    assert kms["AWS_PROFILE"] == "production"
    service = replace(env, backend_url="https://api.pulumi.com").process_environment(INHERITED)
    assert service["PULUMI_ACCESS_TOKEN"] == "pul-token"
    assert "AWS_PROFILE" not in service


def test_the_chosen_cli_is_the_first_on_path(env: EngineEnv) -> None:
    path = env.process_environment(INHERITED)["PATH"].split(":")
    assert path[0] == str(env.cli.path.parent)
    assert path[-1] == "/usr/bin"


def test_a_warm_provider_is_attached(env: EngineEnv) -> None:
    assert "PULUMI_DEBUG_PROVIDERS" not in env.variables()
    assert replace(env, cloud_provider="aws:4567").variables()["PULUMI_DEBUG_PROVIDERS"] == "aws:4567"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FactoryRoot:
    """A factory in a folder with a space, and a CLI on PATH."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("pulumi", "pulumi-language-python"):
        (tools / name).write_text("#!/bin/sh\necho v3.300.0\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=":")
    (tmp_path / "a factory").mkdir()
    return FactoryRoot(tmp_path / "a factory")


def test_prepare_makes_a_passphrase_once_and_keeps_it_private(root: FactoryRoot) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: prepare(root, Settings(), policy_pack=None), range(8)))
    texts = {env.passphrase_file.read_text() for env in made}
    assert len(texts) == 1
    assert len(texts.pop()) > 30
    assert stat.S_IMODE(root.passphrase_file.stat().st_mode) == 0o600
    assert not list(root.state.glob("tmp*"))


def test_prepare_makes_no_second_passphrase_for_state_that_has_one(root: FactoryRoot) -> None:
    prepare(root, Settings(), policy_pack=None)
    state = root.backend / ".pulumi" / "stacks" / "millwright"
    state.mkdir(parents=True)
    (state / "links-build.json").write_text("{}")
    prepare(root, Settings(), policy_pack=None)
    root.passphrase_file.unlink()
    with pytest.raises(InputError, match="is gone"):
        prepare(root, Settings(), policy_pack=None)


def test_a_passphrase_file_that_the_settings_name_must_be_there(root: FactoryRoot) -> None:
    settings = Settings(passphrase_file=Path("mine"))
    with pytest.raises(InputError, match="mine does not exist"):
        prepare(root, settings, policy_pack=None)
    (root.path / "mine").write_text("my own")
    assert prepare(root, settings, policy_pack=None).passphrase_file == root.path / "mine"
    assert not root.passphrase_file.exists()


def test_the_local_provider_is_installed_for_a_local_cloud_only(root: FactoryRoot) -> None:
    prepare(root, Settings(aws="account", aws_account="123456789012"), policy_pack=None)
    assert not local_provider(root).exists()
    prepare(root, Settings(), policy_pack=None)
    assert local_provider(root).parent.parent == root.pulumi_home / "plugins"


def test_the_local_provider_starts_without_any_aws_variable(root: FactoryRoot, tmp_path: Path) -> None:
    prepare(root, Settings(), policy_pack=None)
    package = tmp_path / "modules" / "localcloud"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "plugin.py").write_text("import os, sys\nprint(sys.argv[1:], [n for n in os.environ if 'AWS' in n])\n")
    environment = {**INHERITED, "PYTHONPATH": str(package.parent), "AWS_CONFIG": "two\nlines"}
    answer = subprocess.run(
        [local_provider(root), "127.0.0.1:1"], env=environment, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == f"['--root', '{root.path}', '127.0.0.1:1'] []"


def test_the_backend_is_a_folder_of_the_factory_unless_another_is_named(root: FactoryRoot) -> None:
    assert prepare(root, Settings(), policy_pack=None).backend_url == f"file://{root.backend}"
    assert root.backend.is_dir()
    assert prepare(root, Settings(backend="s3://state"), policy_pack=None).backend_url == "s3://state"


ACCOUNT = Settings(aws="account", aws_account="123456789012")
OFFICIAL = "\x7fELF the official one"


def official(home: Path) -> Path:
    plugin = home / "plugins" / local_provider(FactoryRoot(home)).parent.name / "pulumi-resource-aws"
    plugin.parent.mkdir(parents=True)
    plugin.write_text(OFFICIAL)
    plugin.chmod(0o755)
    return plugin


def test_on_an_account_the_users_official_provider_is_used_and_the_stand_in_is_not(
    root: FactoryRoot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    prepare(root, Settings(), policy_pack=None)
    prepare(root, ACCOUNT, policy_pack=None)
    assert not local_provider(root).exists()
    theirs = official(tmp_path / "home")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: prepare(root, ACCOUNT, policy_pack=None), range(8)))
    assert local_provider(root).resolve() == theirs
    # And back again: the stand-in takes its place in the factory, not in the user's home.
    prepare(root, Settings(), policy_pack=None)
    assert is_local_provider(local_provider(root))
    assert theirs.read_text() == OFFICIAL


def test_a_provider_that_the_cli_has_fetched_stays(root: FactoryRoot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_HOME", str(root.path / "nowhere"))
    fetched = official(root.pulumi_home)
    for _ in range(2):
        prepare(root, ACCOUNT, policy_pack=None)
    assert fetched.read_text() == OFFICIAL
    assert not fetched.is_symlink()
