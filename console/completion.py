"""What a shell completes after `millwright up `: the factory's own names. Silent wherever nothing is known."""

import contextlib
from pathlib import Path

from factory.errors import MillwrightError
from factory.paths import find_root
from factory.spec import Environment, app_names
from stacks.shared_platform import PLATFORM


def apps(incomplete: str) -> list[str]:
    """The apps of the factory that the shell stands in."""
    with contextlib.suppress(MillwrightError, OSError):
        return [name for name in app_names(find_root(Path.cwd())) if name.startswith(incomplete)]
    return []


def stacks(incomplete: str) -> list[str]:
    """What has stacks in the factory that the shell stands in: the apps, and what they share."""
    with contextlib.suppress(MillwrightError, OSError):
        names = [*app_names(find_root(Path.cwd())), PLATFORM]
        return [name for name in names if name.startswith(incomplete)]
    return []


def environments(incomplete: str) -> list[str]:
    """The names of environments."""
    return [each.value for each in Environment if each.value.startswith(incomplete)]
