"""EngineEnv: the one value that says how to run a `pulumi` command for a factory, whoever runs it."""

import os
import secrets
import shlex
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from engine.cache import write_atomically
from engine.cli import Cli, find_or_build
from engine.locks import backend_folder
from engine.package_plugin import install_package
from engine.progress import Report, silent
from factory.errors import Busy, InputError
from factory.paths import FactoryRoot, private_folder

if TYPE_CHECKING:
    from factory.settings import Settings

# Named by string: the engine knows that a local provider exists, not what it is.
LOCAL_PROVIDER_MODULE = "localcloud.plugin"
SCRIPT_BYTES = 4096
# What the user may still say by environment; the rest of PULUMI_* could be another factory's.
KEPT = frozenset({"PULUMI_STACK"})
# What encrypts secrets, in the engine's words.
PASSPHRASE = "passphrase"  # noqa: S105 -- a word of the engine's
AWS_KMS = "awskms://"
# In the folder of a rotation: there from its first change to its end.
NEW_PASSPHRASE = "passphrase"  # noqa: S105 -- a file's name


@dataclass(frozen=True)
class EngineEnv:
    """How to run the CLI for one factory.

    `cloud_provider` is a running provider to attach to, as PULUMI_DEBUG_PROVIDERS takes it (`aws:4567`); None: the
    engine starts the installed one. `aws` says whose cloud the factory's aws resources are in.
    """

    cli: Cli
    python: str
    home: Path
    backend_url: str
    passphrase_file: Path
    policy_pack: Path | None
    cloud_provider: str | None
    aws: Literal["local", "account"] = "local"
    secrets_provider: str = PASSPHRASE

    def variables(self) -> dict[str, str]:
        """The variables that make any `pulumi` command one of this factory."""
        values = {
            "PULUMI_HOME": str(self.home),
            "PULUMI_BACKEND_URL": self.backend_url,
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.passphrase_file),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "MILLWRIGHT_PYTHON": self.python,
            # The official CLI's language host asks for it under this name.
            "PULUMI_PYTHON_CMD": self.python,
        }
        if self.policy_pack is not None:
            values["PULUMI_OPTION_POLICY_PACK"] = str(self.policy_pack)
        if self.cloud_provider is not None:
            values["PULUMI_DEBUG_PROVIDERS"] = self.cloud_provider
        if self.aws == "local":
            # A provider on PATH would win over the installed one, and it would be the real cloud's.
            values["PULUMI_IGNORE_AMBIENT_PLUGINS"] = "true"
            values["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true"
        return values

    def cloud_variables(self) -> dict[str, str]:
        """What another program needs to work on this factory's cloud; backend, passphrase, policies stay its own."""
        mine = self.variables()
        others = ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_OPTION_POLICY_PACK")
        return {name: value for name, value in mine.items() if name not in others}

    def process_environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """The whole environment of a `pulumi` process: `base` without what would leak in, and `variables`.

        Inherited PULUMI_* (another factory's, or the user's own) are dropped, and with a local cloud also AWS_*: no
        command of a local factory can reach a real account. The CLI's folder leads PATH, so that the Automation API
        finds this CLI.
        """
        kept = {name: value for name, value in base.items() if not self._leaks(name)}
        folders = (str(self.cli.path.resolve().parent), str(Path(self.python).parent), base.get("PATH", os.defpath))
        return kept | self.variables() | {"PATH": os.pathsep.join(folders)}

    def _leaks(self, name: str) -> bool:
        scheme = urlsplit(self.backend_url).scheme
        if name.startswith("PULUMI_"):
            return name not in KEPT and not (name == "PULUMI_ACCESS_TOKEN" and scheme in ("http", "https"))
        # An S3 backend or a KMS key needs its credentials; the local provider drops them again for itself.
        needed = scheme == "s3" or self.secrets_provider.startswith(AWS_KMS)
        return name.startswith("AWS_") and self.aws == "local" and not needed


def prepare(
    root: FactoryRoot,
    settings: "Settings",
    *,
    policy_pack: Path | None,
    warm_provider: str | None = None,
    progress: Report = silent,
) -> EngineEnv:
    """Make everything that a `pulumi` command of this factory needs, and say how to run one.

    Idempotent, and safe in many processes at once. Raises EngineUnavailable (no CLI and none can be made), InputError
    (a passphrase file is missing), Busy (some stacks have a new passphrase already, and others not).
    """
    require_one_passphrase(root)
    return prepare_any(root, settings, policy_pack=policy_pack, warm_provider=warm_provider, progress=progress)


def require_one_passphrase(root: FactoryRoot) -> None:
    """Raises Busy while a rotation is under way, or was stopped half-way: no one passphrase fits every stack then."""
    if (root.rotation / NEW_PASSPHRASE).exists():
        raise Busy(
            "the stacks' passphrase is being changed, and some of them have the new one already",
            hint="wait for `millwright secrets rotate`; if it was stopped, run it again: it goes on",
        )


def prepare_any(
    root: FactoryRoot,
    settings: "Settings",
    *,
    policy_pack: Path | None,
    warm_provider: str | None = None,
    progress: Report = silent,
) -> EngineEnv:
    """`prepare`, for the rotation itself."""
    cli = find_or_build(settings, progress=progress)
    for folder in (root.state, root.stack_config, root.locks, root.work, root.pulumi_home):
        private_folder(folder)
    if settings.backend is None:
        private_folder(root.backend)
    if settings.aws == "local":
        install_local_provider(root, sys.executable)
    else:
        use_official_provider(root)
    install_package(root, sys.executable)
    return EngineEnv(
        cli=cli,
        python=sys.executable,
        home=root.pulumi_home,
        backend_url=_backend_url(root, settings),
        passphrase_file=_passphrase_file(root, settings),
        policy_pack=policy_pack,
        cloud_provider=warm_provider,
        aws=settings.aws,
        secrets_provider=settings.secrets_provider,
    )


def _backend_url(root: FactoryRoot, settings: "Settings") -> str:
    # A relative folder is the factory's, whatever folder a command runs in.
    folder = backend_folder(root, settings)
    return f"file://{folder}" if folder is not None else str(settings.backend)


def local_provider(root: FactoryRoot) -> Path:
    """Where the engine looks for the `aws` provider of the installed SDK's version."""
    return _plugin(root.pulumi_home)


def local_provider_script(root: FactoryRoot, python: str) -> str:
    """What stands there: the local cloud's provider, started without any real credential."""
    command = f"exec {shlex.quote(python)} -P -m {LOCAL_PROVIDER_MODULE} --root {shlex.quote(str(root.path))}"
    return f"""#!/bin/sh
for name in $(env | sed -n 's/^\\(AWS_[A-Za-z0-9_]*\\)=.*/\\1/p'); do unset "$name"; done
{command} "$@"
"""


def install_local_provider(root: FactoryRoot, python: str) -> None:
    """Install the local cloud's provider as the `aws` plugin of this factory's PULUMI_HOME."""
    script = local_provider(root)
    text = local_provider_script(root, python)
    try:
        if script.read_text() == text:
            return
    except OSError:
        private_folder(script.parent)
    write_atomically(script, text, mode=0o700)


def use_official_provider(root: FactoryRoot) -> None:
    """Make sure that the `aws` plugin of this factory's PULUMI_HOME is the official one, or none yet.

    One that the user has in a PULUMI_HOME of their own is used; otherwise the CLI fetches it once.
    """
    place, theirs = local_provider(root), official_provider()
    # A factory that was local before must not take the stand-in for the real cloud.
    if is_local_provider(place):
        place.unlink(missing_ok=True)
    if theirs and not place.exists():
        private_folder(place.parent)
        # In one step: other processes do the same, and their engines look for it.
        draft = place.with_name(f".{secrets.token_hex(8)}")
        draft.symlink_to(theirs)
        draft.replace(place)


def official_provider() -> Path | None:
    """The official plugin of the installed SDK's version in the user's own PULUMI_HOME; None where there is none."""
    home = Path(os.environ.get("PULUMI_HOME") or "~/.pulumi").expanduser()
    found = _plugin(home)
    return found.resolve() if found.is_file() and not is_local_provider(found) else None


def is_local_provider(plugin: Path) -> bool:
    """Whether a plugin is the local cloud's: a script that names it."""
    try:
        with plugin.open("rb") as file:
            return LOCAL_PROVIDER_MODULE.encode() in file.read(SCRIPT_BYTES)
    except OSError:
        return False


def _plugin(home: Path) -> Path:
    return home / "plugins" / f"resource-aws-v{installed_version('pulumi-aws')}" / "pulumi-resource-aws"


def _passphrase_file(root: FactoryRoot, settings: "Settings") -> Path:
    if settings.passphrase_file is not None:
        named = root.path / settings.passphrase_file.expanduser()
        if not named.is_file():
            raise InputError(f"passphrase_file: {named} does not exist", hint="make it, or remove the setting")
        return named
    if not root.passphrase_file.exists():
        _make_passphrase(root, settings)
    return root.passphrase_file


def _make_passphrase(root: FactoryRoot, settings: "Settings") -> None:
    """Make the passphrase once: of several processes that try, one wins and the others use its."""
    if settings.secrets_provider == PASSPHRASE and any((root.backend / ".pulumi" / "stacks").glob("*/*.json")):
        raise InputError(
            f"{root.passphrase_file} is gone, and the stacks in {root.backend} are encrypted with it",
            hint="restore it from a backup; without it their secrets cannot be read",
        )
    descriptor, name = tempfile.mkstemp(dir=root.state)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
        root.passphrase_file.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
