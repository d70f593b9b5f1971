"""requirements.lock and the dependencies of pyproject.toml: pinned, hashed, no index host, a reason for each."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")
OPTION = re.compile(r"--(?!hash\b)[\w-]+|^-\w\b")


@dataclass(frozen=True)
class Pin:
    """One entry of the lock. `version` is None when the entry is no exact pin."""

    name: str
    version: Version | None
    hashes: int
    text: str


def offences(root: Path) -> Iterator[str]:
    """Everything that is wrong with the lock and with the dependency lines."""
    project = (root / "pyproject.toml").read_text()
    lock = (root / "requirements.lock").read_text()
    pins = read_pins(lock)
    yield from lock_offences(lock, pins)
    for requirement in requirements(project):
        yield from unpinned(requirement, pins)
    yield from unexplained(project)


def requirements(project: str) -> list[str]:
    """Every requirement of pyproject.toml: runtime dependencies, then groups; names of included groups are none."""
    table = tomllib.loads(project)
    groups = table.get("dependency-groups", {}).values()
    listed = [*table["project"].get("dependencies", []), *(entry for group in groups for entry in group)]
    return [entry for entry in listed if isinstance(entry, str)]


def read_pins(lock: str) -> list[Pin]:
    """The entries of the lock, in order."""
    joined = re.sub(r"\\\n\s*", " ", lock)
    lines = [line.strip() for line in joined.splitlines()]
    return [_pin(line) for line in lines if line and not line.startswith(("#", "-"))]


def lock_offences(lock: str, pins: list[Pin]) -> Iterator[str]:
    """Entries without exact version or hash, and anything that says where packages come from."""
    for pin in pins:
        if pin.version is None:
            yield f"requirements.lock: {pin.text}: not pinned to one version"
        elif not pin.hashes:
            yield f"requirements.lock: {pin.name} has no hash"
    for number, line in enumerate(lock.splitlines(), start=1):
        if "://" in line or " @ " in line or OPTION.search(line.strip()):
            yield f"requirements.lock:{number}: no URL, no option: it must work behind any mirror: {line.strip()}"


def unpinned(requirement: str, pins: list[Pin]) -> Iterator[str]:
    """Whether the lock has a version that `requirement` takes (several, with markers, must all fit)."""
    wanted = Requirement(requirement)
    name = canonicalize_name(wanted.name)
    versions = [pin.version for pin in pins if pin.name == name and pin.version]
    if not versions:
        yield f"requirements.lock: {name} is not in it: run `make lock`"
    for version in versions:
        if not wanted.specifier.contains(version, prereleases=True):
            yield f"requirements.lock: {name} {version} is not {wanted.specifier} (pyproject.toml): run `make lock`"


def unexplained(project: str) -> Iterator[str]:
    """Dependency lines with no comment on them or right above that says what they are for."""
    lines = project.splitlines()
    for requirement in requirements(project):
        places = [
            n for n, line in enumerate(lines) if line.strip().startswith((f'"{requirement}"', f"'{requirement}'"))
        ]
        if not places:
            yield f"pyproject.toml: {requirement}: it needs a line of its own, with a comment that says what it is for"
        for place in places:
            after = lines[place].strip()[len(requirement) + 2 :]
            above = lines[place - 1].strip()
            if not (re.search(r"#\s*\w", after) or re.match(r"#\s*\w", above)):
                yield f"pyproject.toml:{place + 1}: {requirement}: no comment says what it is for"


def _pin(line: str) -> Pin:
    head = HASH.sub("", line).strip()
    hashes = len(HASH.findall(line))
    try:
        requirement = Requirement(re.split(r"\s--", head)[0])
    except InvalidRequirement:
        return Pin(head, None, hashes, head)
    specifiers = list(requirement.specifier)
    exact = len(specifiers) == 1 and specifiers[0].operator == "==" and not specifiers[0].version.endswith("*")
    version = Version(specifiers[0].version) if exact else None
    return Pin(canonicalize_name(requirement.name), version, hashes, head)
