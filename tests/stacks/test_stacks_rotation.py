"""Secrets of every stack get another key: each stack is on the old one or on the new one, wherever it is stopped."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from spec_strategies import factory_in

from engine import EngineEnv, prepare
from engine.cli import Cli
from engine.environment import prepare_any
from factory.errors import Busy, InputError
from factory.paths import FactoryRoot
from factory.settings import Settings
from stacks.driver.cli import Answer, run_cli
from stacks.rotation import Standing, rotate, standing

pytestmark = pytest.mark.engine

SETTINGS = Settings()
SECRET = "4dabf18193072939515e22adb298388d"
HUSH = {SECRET: "1b47061264138c4ac30d75fd1eb44270", "plaintext": json.dumps("in the state")}
STACKS = ("links-build", "links-staging")


@dataclass
class Place:
    root: FactoryRoot
    env: EngineEnv

    def cli(self, *arguments: str, stdin: str = "", passphrase: Path | None = None) -> Answer:
        environment = self.env.process_environment(os.environ)
        if passphrase:
            environment["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(passphrase)
        return run_cli(self.env.cli.path, list(arguments), self.root, stdin, environment=environment)

    def make(self, stack: str) -> None:
        """A stack with one secret in its configuration and one in its state."""
        assert self.cli("stack", "init", stack, "--no-select").code == 0
        assert self.cli("config", "set", "--secret", "key", "--stack", stack, stdin="in the configuration").code == 0
        urn = f"urn:pulumi:{stack}::my-factory::pulumi:pulumi:Stack::my-factory-{stack}"
        resource = {"urn": urn, "custom": False, "type": "pulumi:pulumi:Stack", "outputs": {"key": HUSH}}
        salt = YAML(typ="safe").load(self.config(stack).read_text())["encryptionsalt"]
        provider = {"type": "passphrase", "state": {"salt": salt}}
        deployment = {"manifest": {}, "secrets_providers": provider, "resources": [resource]}
        state = {"version": 3, "deployment": deployment}
        imported = self.cli("stack", "import", "--stack", stack, stdin=json.dumps(state))
        assert imported.code == 0, imported.err

    def reads(self, stack: str, passphrase: Path | None = None) -> list[str]:
        configured = self.cli("config", "get", "key", "--stack", stack, passphrase=passphrase)
        kept = self.cli("stack", "output", "key", "--show-secrets", "--stack", stack, passphrase=passphrase)
        return [configured.out.strip(), kept.out.strip()]

    def state(self, stack: str) -> Path:
        return self.root.backend / ".pulumi" / "stacks" / "my-factory" / f"{stack}.json"

    def config(self, stack: str) -> Path:
        return self.root.stack_config / f"Pulumi.{stack}.yaml"

    def rotate(self, report: Callable[[str], None] = lambda line: None, *, production: bool = False) -> list[Standing]:
        env = prepare_any(self.root, SETTINGS, policy_pack=None)
        return rotate(self.root, SETTINGS, env, actor="somebody", production=production, report=report)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, engine_cli: Cli) -> FactoryRoot:
    """A factory with its stacks, of which each test has a copy: they take six engines to make."""
    root = factory_in(tmp_path_factory.mktemp("made") / "factory")
    place = Place(root, prepare(root, SETTINGS, policy_pack=None))
    for stack in STACKS:
        place.make(stack)
    return root


@pytest.fixture
def place(tmp_path: Path, made: FactoryRoot) -> Place:
    root = FactoryRoot(Path(shutil.copytree(made.path, tmp_path / "factory", symlinks=True)))
    return Place(root, prepare(root, SETTINGS, policy_pack=None))


BOTH = ["in the configuration", "in the state"]


def test_a_new_passphrase_opens_every_stack_and_the_old_one_none(place: Place, tmp_path: Path) -> None:
    old = Path(shutil.copy(place.root.passphrase_file, tmp_path / "old"))
    assert [place.reads(stack) for stack in STACKS] == [BOTH, BOTH]
    rotated = place.rotate()
    assert rotated == [Standing(stack, "passphrase", expected=True) for stack in STACKS]
    assert place.root.passphrase_file.read_text() != old.read_text()
    assert place.root.passphrase_file.stat().st_mode & 0o777 == 0o600
    assert [place.reads(stack) for stack in STACKS] == [BOTH, BOTH]
    assert place.reads(STACKS[0], old) == ["", ""]
    assert not place.root.rotation.exists()


def test_stopped_between_two_stacks_it_keeps_others_out_and_goes_on(place: Place) -> None:
    def report(line: str) -> None:
        if line.startswith(STACKS[1]):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        place.rotate(report)
    with pytest.raises(Busy, match="some of them have the new one already"):
        prepare(place.root, SETTINGS, policy_pack=None)
    told: list[str] = []
    place.rotate(told.append)
    assert told == [f"{STACKS[1]}: passphrase -> passphrase"]
    prepare(place.root, SETTINGS, policy_pack=None)
    assert [place.reads(stack) for stack in STACKS] == [BOTH, BOTH]


@pytest.mark.parametrize("state_changed", [False, pytest.param(True, marks=pytest.mark.long)])
def test_killed_within_a_stack_it_is_told_by_the_state_which_key_counts(place: Place, state_changed: bool) -> None:
    stack = STACKS[0]

    def report(line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        place.rotate(report)
    # What the engine does, without what it would have done after the kill.
    before = place.state(stack).read_bytes()
    new = (place.root.rotation / "passphrase").read_text()
    assert place.cli("stack", "change-secrets-provider", "passphrase", "--stack", stack, stdin=new).code == 0
    if not state_changed:
        place.state(stack).write_bytes(before)
    place.rotate()
    assert [place.reads(stack) for stack in STACKS] == [BOTH, BOTH]


def test_a_wrong_passphrase_changes_nothing(place: Place) -> None:
    right = place.root.passphrase_file.read_text()
    before = [place.config(stack).read_text() for stack in STACKS]
    place.root.passphrase_file.write_text("wrong")
    with pytest.raises(InputError, match="does not hold the passphrase"):
        place.rotate()
    place.root.passphrase_file.write_text(right)
    assert [place.config(stack).read_text() for stack in STACKS] == before
    assert [place.reads(stack) for stack in STACKS] == [BOTH, BOTH]
    place.rotate()


def test_production_is_changed_only_when_that_is_said(place: Place) -> None:
    place.make("links-production")
    with pytest.raises(InputError, match="counts no more"):
        place.rotate()
    assert not place.root.rotation.exists()
    place.rotate(production=True)
    assert place.reads("links-production") == BOTH
    assert [each.stack for each in standing(place.root, SETTINGS)] == [STACKS[0], "links-production", STACKS[1]]
