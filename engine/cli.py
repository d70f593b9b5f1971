"""Find the Pulumi CLI (the engine) on any machine, or make one. The only door to the modules that do it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from engine import build, go_tool, installer, path_cli
from engine.cache import Entry, ensure_language_host, making
from engine.machine import Machine, NotThisWay
from engine.progress import Progress, Report, silent
from factory.errors import EngineUnavailable, InputError

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
    cores. Safe to call from many processes at once: one makes the CLI, the others wait and use it. With the setting
    `engine_version` only that version counts. Raises EngineUnavailable that lists every way and why it was closed.
    """
    place = _Place(machine or Machine(), cache_folder(settings), wanted_version(settings))
    tried: list[str] = []
    found = _first_open(_ready_ways(place), tried) or _make(place, tried, progress)
    if found is None:
        raise EngineUnavailable(
            f"no usable Pulumi CLI{f' {place.wanted}' if place.wanted else ''}:\n"
            + "\n".join(f"  {line}" for line in tried),
            hint="install Pulumi (pulumi.com/docs/install) or Go, or give access to a Go module proxy and PyPI; "
            "the cache is the setting engine_cache",
        )
    return found


def find(settings: "Settings", *, machine: Machine | None = None) -> Cli | None:
    """The CLI that `find_or_build` would use without making one, or None."""
    place = _Place(machine or Machine(), cache_folder(settings), wanted_version(settings))
    return _first_open(_ready_ways(place), [])


def wanted_version(settings: "Settings") -> str | None:
    """The version that the setting `engine_version` names (`v3.259.0`), or None when any will do.

    Raises InputError when it is too old for this factory.
    """
    if settings.engine_version is None:
        return None
    wanted = f"v{settings.engine_version.removeprefix('v')}"
    number = path_cli.parsed(wanted)
    if number is None or number < path_cli.MINIMUM:
        least = ".".join(map(str, path_cli.MINIMUM))
        raise InputError(
            f"engine_version: Pulumi {wanted} is too old", hint=f"at least {least}: older ones ignore the policy pack"
        )
    return wanted


@dataclass(frozen=True)
class _Place:
    """Where a CLI is looked for, and which one: None is any."""

    machine: Machine
    cache: Path
    wanted: str | None

    @property
    def official(self) -> Entry:
        """Where the vendor's installer's is kept."""
        version = self.wanted or installer.official_version()
        return Entry(self.cache / f"{version}-official", version)

    @property
    def built(self) -> Entry:
        """Where a built one is kept."""
        version = build.built_version()
        return Entry(self.cache / version, version)

    @property
    def builds(self) -> bool:
        """Whether what can be built is wanted."""
        return self.wanted in (None, build.built_version())


def cache_folder(settings: "Settings") -> Path:
    """Where engines are kept: the setting `engine_cache`, or a folder of the user's cache."""
    if settings.engine_cache is not None:
        return settings.engine_cache.expanduser().absolute()
    # Here, because a set engine_cache saves every command these 30 ms.
    from platformdirs import user_cache_path

    return user_cache_path("millwright") / "engine"


def _make(place: _Place, tried: list[str], progress: Report) -> Cli | None:
    try:
        with making(
            place.built if place.builds else place.official,
            lambda: progress(Progress("wait", "another process is making the engine")),
        ) as scratch:
            # Whoever held the lock may just have made it.
            return _cached(place, progress) or _first_open(_making_ways(place, scratch, progress), tried)
    except OSError as error:
        tried.append(f"making one in {place.cache}: {error}")
        return None


Way = tuple[str, Callable[[], Cli]]


def _first_open(ways: list[Way], tried: list[str]) -> Cli | None:
    for name, way in ways:
        try:
            return way()
        except (NotThisWay, OSError) as reason:
            tried.append(f"{name}: {reason}")
    return None


def _ready_ways(place: _Place) -> list[Way]:
    def on_path() -> Cli:
        path, version = path_cli.on_path(place.machine)
        if place.wanted not in (None, version):
            raise NotThisWay(f"{path} is {version}")
        return Cli(path, version, "path")

    def cached() -> Cli:
        if found := _cached(place, silent):
            return found
        raise NotThisWay(f"none intact in {place.cache}")

    return [("pulumi on PATH", on_path), ("the cache", cached)]


def _making_ways(place: _Place, scratch: Path, report: Report) -> list[Way]:
    def installed() -> Cli:
        entry = place.official
        entry.publish(installer.install(place.machine, scratch, report, entry.version))
        return _ready(entry, "installer", report)

    def built() -> Cli:
        entry = place.built
        if not place.builds:
            raise NotThisWay(f"only {entry.version} can be built: the sums of its modules are pinned")
        entry.publish(build.build(go_tool.find_or_install(place.machine, place.cache, report), scratch, report))
        ensure_language_host(entry)
        return _ready(entry, "build", report)

    return [("the vendor's installer", installed), ("a build with Go", built)]


def _cached(place: _Place, report: Report) -> Cli | None:
    for entry in (place.official, place.built) if place.builds else (place.official,):
        match entry.state():
            case "corrupted":
                report(Progress("notice", f"{entry.binary} does not match its checksum and is made again"))
            case "intact":
                if entry == place.built:
                    ensure_language_host(entry)
                return Cli(entry.binary, entry.version, "cache")
    return None


def _ready(entry: Entry, source: Source, report: Report) -> Cli:
    report(Progress("ready", f"Pulumi {entry.version} in {entry.binary.parent}"))
    return Cli(entry.binary, entry.version, source)
