"""Another key for the secrets of every stack: stack by stack, each on its old key or on its new one, never between.

The engine's `change-secrets-provider` writes the configuration first and the state after it. Killed in between, the two
are encrypted with different keys. So the configuration is copied before; a later run sees by the state which of the two
counts, and goes on. While two passphrases are in use, `engine.prepare` lets nobody else work.
"""

import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from engine import EngineEnv, stack_lock
from engine.cache import write_atomically
from engine.environment import NEW_PASSPHRASE, PASSPHRASE
from factory import db, events
from factory.errors import CloudUnavailable, InputError, UpdateFailed
from factory.paths import FactoryRoot, private_folder
from factory.settings import Settings
from factory.spec import Environment
from factory.trees import remove_tree
from stacks.driver.cli import run_cli
from stacks.driver.recover import look

PLAN = "plan.json"
DONE = "done"
PREFIX, SUFFIX = "Pulumi.", ".yaml"
SECRET_BYTES = 32
# What the CLI says.
WRONG_KEY = "incorrect passphrase"
Report = Callable[[str], None]


@dataclass(frozen=True)
class Standing:
    """What encrypts a stack's secrets: `passphrase`, or the URL of a key. `expected`: it is what the settings say."""

    stack: str
    provider: str
    expected: bool

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


def standing(root: FactoryRoot, settings: Settings) -> list[Standing]:
    """Every stack of this factory that has secrets, sorted."""
    found = []
    for path in sorted(root.stack_config.glob(f"{PREFIX}*{SUFFIX}")):
        document = _read(path)
        if provider := _provider(document):
            stack = path.name.removeprefix(PREFIX).removesuffix(SUFFIX)
            found.append(Standing(stack, provider, provider == settings.secrets_provider))
    return found


def rotate(
    root: FactoryRoot, settings: Settings, env: EngineEnv, *, actor: str, production: bool, report: Report
) -> list[Standing]:
    """Give the secrets of every stack a new key, of the kind that the settings name; go on with what was stopped.

    A new passphrase takes the place of the old one in its file at the end. Raises InputError for a wrong passphrase,
    and where production's stacks are there and `production` is not said; CloudUnavailable for a key that cannot be
    used; UpdateFailed.
    """
    stacks = [each.stack for each in standing(root, settings)]
    guarded = [stack for stack in stacks if stack.endswith(f"-{Environment.PRODUCTION}")]
    if guarded and not production:
        raise InputError(
            f"the decision on what {', '.join(guarded)} serves covers its configured secrets as they are kept, "
            "encrypted: it counts no more once they are encrypted anew",
            hint="say --production, and promote again afterwards",
        )
    with ExitStack() as held:
        for stack in stacks:
            _hold(root, settings, stack, held, report)
        rotation = _Rotation(root, settings, env, actor, report)
        with rotation.begun(stacks) as target:
            for stack in stacks:
                rotation.change(stack, target)
    return standing(root, settings)


@dataclass(frozen=True)
class _Rotation:
    """One rotation, from its beginning or from where it was stopped. Its folder says how far it came."""

    root: FactoryRoot
    settings: Settings
    env: EngineEnv
    actor: str
    report: Report

    @property
    def new(self) -> Path:
        return self.root.rotation / NEW_PASSPHRASE

    @contextmanager
    def begun(self, stacks: list[str]) -> Iterator[str]:
        """The provider that stacks are to have. At the end the new passphrase, if there is one, becomes the one."""
        plan = self.root.rotation / PLAN
        if not plan.exists():
            self._begin(plan)
        target: str = json.loads(plan.read_text())["provider"]
        if target != self.settings.secrets_provider:
            raise InputError(
                f"a rotation to {target} was stopped half-way, and the settings say {self.settings.secrets_provider}",
                hint=f"set secrets_provider to {target}, let it end, and rotate again",
            )
        try:
            yield target
        except BaseException:
            if not any((self.root.rotation / f"{stack}.{DONE}").exists() for stack in stacks) and not any(
                (self.root.rotation / f"{stack}{SUFFIX}").exists() for stack in stacks
            ):
                remove_tree(self.root.rotation)
            raise
        if self.new.exists():
            write_atomically(self.env.passphrase_file, self.new.read_text(), mode=0o600)
            self.new.unlink()
        remove_tree(self.root.rotation)

    def _begin(self, plan: Path) -> None:
        remove_tree(self.root.rotation)
        private_folder(self.root.rotation)
        target = self.settings.secrets_provider
        had = {each.provider for each in standing(self.root, self.settings)}
        if target == PASSPHRASE and PASSPHRASE in had:
            place = self.env.passphrase_file.resolve().parent
            if not os.access(place, os.W_OK):
                raise InputError(f"{place} cannot be written, so no new passphrase can be put there")
            write_atomically(self.new, secrets.token_urlsafe(SECRET_BYTES), mode=0o600)
        write_atomically(plan, json.dumps({"provider": target}), mode=0o600)

    def change(self, stack: str, target: str) -> None:
        """Give one stack its new key, unless it has it."""
        done = self.root.rotation / f"{stack}.{DONE}"
        if done.exists():
            return
        config = self.root.stack_config / f"{PREFIX}{stack}{SUFFIX}"
        copy = self.root.rotation / f"{stack}{SUFFIX}"
        if not copy.exists():
            write_atomically(copy, config.read_text(), mode=0o600)
        elif self._state_key(stack) in (_key(_read(copy)), None):
            # Stopped before the state was changed: the old key counts.
            write_atomically(config, copy.read_text(), mode=config.stat().st_mode & 0o777)
        old = _read(copy)
        if _key(_read(config)) == _key(old):
            self.report(f"{stack}: {_provider(old)} -> {target}")
            self._run(stack, target, had=_provider(old) or PASSPHRASE, config=config, copy=copy)
        if self._state_key(stack) not in (_key(_read(config)), None):
            raise UpdateFailed(f"{stack}: its state and its configuration are encrypted with different keys")
        with db.transaction(db.connect(self.root, self.settings)) as connection:
            event = events.new_event("secrets.rotated", actor=self.actor, stack=stack, provider=target)
            events.append(connection, event)
        done.touch()
        copy.unlink()

    def _run(self, stack: str, target: str, *, had: str, config: Path, copy: Path) -> None:
        # From a passphrase to another: the old one by its file, the new one by standard input.
        old = self.env.passphrase_file if had == PASSPHRASE or not self.new.exists() else self.new
        new = self.new.read_text() if had == target == PASSPHRASE else ""
        answer = run_cli(
            self.env.cli.path,
            ["stack", "change-secrets-provider", target, "--stack", stack],
            self.root,
            new,
            environment=self._environment(old),
        )
        if not answer.code:
            return
        if self._state_key(stack) in (_key(_read(copy)), None):
            copy.replace(config)
        said = (answer.err or answer.out).strip()
        if WRONG_KEY in said:
            raise InputError(
                f"{stack}: {old} does not hold the passphrase that its secrets are encrypted with",
                hint="put the right one back, or name its file: passphrase_file in millwright.yaml",
            )
        if "KMS" in said:
            raise CloudUnavailable(
                f"{stack}: the key cannot be used: {said}",
                hint="see the credentials and AWS_ENDPOINT_URL of this shell, and secrets_provider in millwright.yaml",
            )
        raise UpdateFailed(f"{stack}: the engine does not change its key: {said}")

    def _state_key(self, stack: str) -> str | None:
        """What the state's secrets are encrypted with; None when it never had any."""
        command = ["stack", "export", "--stack", stack]
        answer = run_cli(self.env.cli.path, command, self.root, environment=self._environment(self.env.passphrase_file))
        if answer.code:
            raise UpdateFailed(f"the state of {stack} cannot be read: {answer.err.strip()}")
        provider = json.loads(answer.out)["deployment"].get("secrets_providers") or {}
        state = provider.get("state") or {}
        return state.get("salt") or state.get("encryptedkey")

    def _environment(self, passphrase: Path) -> dict[str, str]:
        mine = self.env.process_environment(os.environ)
        return mine | {"PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase)}


def _hold(root: FactoryRoot, settings: Settings, stack: str, held: ExitStack, report: Report) -> None:
    def waiting(holder: str) -> None:
        report(f"waiting for {stack}: {holder} works on it")

    held.enter_context(stack_lock(root, stack, on_wait=waiting))
    look(root, settings, stack, waiting)


def _read(path: Path) -> dict[str, Any]:
    return YAML(typ="safe").load(path.read_text()) or {}


def _provider(config: dict[str, Any]) -> str | None:
    if url := config.get("secretsprovider"):
        return str(url)
    return PASSPHRASE if "encryptionsalt" in config else None


def _key(config: dict[str, Any]) -> str | None:
    """What tells one key from another: the passphrase's salt, or the data key as KMS encrypted it."""
    return config.get("encryptedkey") or config.get("encryptionsalt")
