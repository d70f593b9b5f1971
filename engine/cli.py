"""Find the Pulumi CLI (the engine) on any machine, or make one. The only door to the modules that do it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from engine import build, go_tool, installer, path_cli
from engine.cache import Entry, ensure_language_host, making
from engine.machine import Machine, NotThisWay
from engine.progress import Progress, Report, silent
from factory.errors import EngineUnavailable

if TYPE_CHECKING:
    from factory.settings import Settings

Source = Literal["path", "cache", "installer", "build"]


@dataclass(frozen=True)
class Cli:
    """A usable Pulumi CLI. `version` as it says itself (`v3.259.0`); `source` is how this command came by it."""

    path: Path
    version: str
    source: Source


def find_or_build(settings: "Settings", *, progress: Report = silent, machine: Machine | None = None) -> Cli:
    """A usable CLI: from PATH, from the cache, from the vendor's installer, or built; in this order.

    The first two cost milliseconds; the installer takes half a minute, a build from nothing about four minutes on two
    cores. Safe to call from many processes at once: one makes the CLI, the others wait and use it. Raises
    EngineUnavailable that lists every way and why it was closed.
    """
    machine = machine or Machine()
    cache = cache_folder(settings)
    tried: list[str] = []
    found = _first_open(_ready_ways(machine, cache), tried) or _make(machine, cache, tried, progress)
    if found is None:
        raise EngineUnavailable(
            "no usable Pulumi CLI:\n" + "\n".join(f"  {line}" for line in tried),
            hint="install Pulumi (pulumi.com/docs/install) or Go, or give access to a Go module proxy and PyPI; "
            "the cache is the setting engine_cache",
        )
    return found


def find(settings: "Settings", *, machine: Machine | None = None) -> Cli | None:
    """The CLI that `find_or_build` would use without making one, or None."""
    return _first_open(_ready_ways(machine or Machine(), cache_folder(settings)), [])


def cache_folder(settings: "Settings") -> Path:
    """Where engines are kept: the setting `engine_cache`, or a folder of the user's cache."""
    if settings.engine_cache is not None:
        return settings.engine_cache.expanduser().absolute()
    # Here, because a set engine_cache saves every command these 30 ms.
    from platformdirs import user_cache_path

    return user_cache_path("millwright") / "engine"


def _make(machine: Machine, cache: Path, tried: list[str], progress: Report) -> Cli | None:
    try:
        with making(
            _built_entry(cache), lambda: progress(Progress("wait", "another process is making the engine"))
        ) as scratch:
            # Whoever held the lock may just have made it.
            return _cached(cache, progress) or _first_open(_making_ways(machine, cache, scratch, progress), tried)
    except OSError as error:
        tried.append(f"making one in {cache}: {error}")
        return None


Way = tuple[str, Callable[[], Cli]]


def _first_open(ways: list[Way], tried: list[str]) -> Cli | None:
    for name, way in ways:
        try:
            return way()
        except (NotThisWay, OSError) as reason:
            tried.append(f"{name}: {reason}")
    return None


def _ready_ways(machine: Machine, cache: Path) -> list[Way]:
    def on_path() -> Cli:
        path, version = path_cli.on_path(machine)
        return Cli(path, version, "path")

    def cached() -> Cli:
        if found := _cached(cache, silent):
            return found
        raise NotThisWay(f"none intact in {cache}")

    return [("pulumi on PATH", on_path), ("the cache", cached)]


def _making_ways(machine: Machine, cache: Path, scratch: Path, report: Report) -> list[Way]:
    def installed() -> Cli:
        entry = _official_entry(cache)
        entry.publish(installer.install(machine, scratch, report))
        return _ready(entry, "installer", report)

    def built() -> Cli:
        entry = _built_entry(cache)
        entry.publish(build.build(go_tool.find_or_install(machine, cache, report), scratch, report))
        ensure_language_host(entry)
        return _ready(entry, "build", report)

    return [("the vendor's installer", installed), ("a build with Go", built)]


def _cached(cache: Path, report: Report) -> Cli | None:
    for entry in (_official_entry(cache), _built_entry(cache)):
        match entry.state():
            case "corrupted":
                report(Progress("notice", f"{entry.binary} does not match its checksum and is made again"))
            case "intact":
                if entry == _built_entry(cache):
                    ensure_language_host(entry)
                return Cli(entry.binary, entry.version, "cache")
    return None


def _official_entry(cache: Path) -> Entry:
    version = installer.official_version()
    return Entry(cache / f"{version}-official", version)


def _built_entry(cache: Path) -> Entry:
    version = build.built_version()
    return Entry(cache / version, version)


def _ready(entry: Entry, source: Source, report: Report) -> Cli:
    report(Progress("ready", f"Pulumi {entry.version} in {entry.binary.parent}"))
    return Cli(entry.binary, entry.version, source)
