"""Whether the state on disk can be read, told without changing anything and without loading it."""

from dataclasses import dataclass
from pathlib import Path

from localcloud.durable import log
from localcloud.durable.folder import kept_identity, versions


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What is on disk: how many calls were written down, and which of them were by other versions than these."""

    calls: int
    other_versions: dict[str, str]


def inspect(path: Path) -> Kept | None:
    """Read every record of the state in `path`, which no daemon may be using; None where there is no state.

    Raises StateBroken when it could not be brought back.
    """
    identity = kept_identity(path)
    if identity is None:
        return None
    calls = path / identity.generation
    count = sum(1 for _ in log.entries(calls, 0, mend=False)) if calls.is_dir() else 0
    now = versions()
    other = {name: was for name, was in identity.versions.items() if now.get(name) != was}
    return Kept(calls=count, other_versions=other)
