"""The first way to an engine: a `pulumi` that is already on PATH, when it is new enough and complete."""

import os
import re
import subprocess
from pathlib import Path

from engine.cache import LANGUAGE_HOST
from engine.machine import Machine, NotThisWay

# A line of every `pulumi` that `engine.shim` writes: a shim, of whichever factory, is not an engine.
SHIM_MARKER = "# millwright: stands for pulumi"
# Older ones ignore PULUMI_OPTION_*: the policy pack would silently not run.
MINIMUM = (3, 208, 0)
VERSION_SECONDS = 30
HEAD_BYTES = 512

Version = tuple[int, int, int]


def on_path(machine: Machine) -> tuple[Path, str]:
    """The first usable `pulumi` on PATH and its version (`v3.259.0`).

    Raises NotThisWay with the reason for every one that was refused.
    """
    refused = []
    for candidate in machine.executables("pulumi"):
        if is_shim(candidate):
            continue
        try:
            return candidate, _checked_version(candidate)
        except NotThisWay as reason:
            refused.append(str(reason))
    raise NotThisWay("; ".join(refused) or "there is none")


def is_shim(path: Path) -> bool:
    """Whether `path` is a shim written by `engine.shim` for some factory."""
    try:
        with path.open("rb") as file:
            return SHIM_MARKER.encode() in file.read(HEAD_BYTES)
    except OSError:
        # A program may be executable and not readable; a shim is a script, which must be read to run.
        return False


def version_of(cli: Path) -> str:
    """What `pulumi version` says. Raises NotThisWay when it does not answer."""
    environment = os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        answer = subprocess.run(
            [cli, "version"], env=environment, capture_output=True, text=True, timeout=VERSION_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NotThisWay(f"{cli} does not run: {error}") from None
    return answer.stdout.strip()


def parsed(version: str) -> Version | None:
    """`v3.259.0-alpha.1` as (3, 259, 0), or None when it is no version."""
    match = re.match(r"v?(\d+)\.(\d+)\.(\d+)", version)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def _checked_version(cli: Path) -> str:
    version = version_of(cli)
    number = parsed(version)
    if number is None:
        raise NotThisWay(f"{cli} names no version: {version!r}")
    if not MINIMUM <= number < (MINIMUM[0] + 1, 0, 0):
        needed = ".".join(map(str, MINIMUM))
        raise NotThisWay(f"{cli} is {version}, and at least {needed} of the same major version is needed")
    if not cli.resolve().with_name(LANGUAGE_HOST).is_file():
        raise NotThisWay(f"{cli} comes without {LANGUAGE_HOST} beside it")
    return version
