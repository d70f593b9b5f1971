"""The doctor's whole round: the engine's footing, and what else a factory stands on. Nothing is changed."""

from collections.abc import Iterator

import engine
import sandbox
from factory import daemons
from factory.errors import MillwrightError, SandboxUnavailable
from factory.paths import FactoryRoot
from factory.settings import Settings


def checks(root: FactoryRoot, settings: Settings) -> list[engine.Check]:
    """Every check, in the order in which a failure explains the later ones."""
    return [*engine.checks(root, settings), *_local_cloud_state(root, settings), _sandbox()]


def _sandbox() -> engine.Check:
    name = "sandbox"
    try:
        sandbox.probe()
    except SandboxUnavailable as refused:
        return engine.Check(name, ok=False, detail=str(refused), fix=refused.hint)
    return engine.Check(name, ok=True, detail="bubblewrap confines here")


def _local_cloud_state(root: FactoryRoot, settings: Settings) -> Iterator[engine.Check]:
    # A running daemon has read it already, and writes it.
    if settings.aws != "local" or daemons.read(root, daemons.LOCAL_CLOUD):
        return
    # Imported late: nothing else here needs the local cloud.
    from localcloud.durable.inspection import inspect

    name = "local cloud's state"
    try:
        kept = inspect(root.local_cloud)
    except MillwrightError as broken:
        yield engine.Check(name, ok=False, detail=str(broken), fix=broken.hint)
        return
    detail = "none yet"
    if kept:
        detail = f"{kept.calls} calls, all readable"
        if kept.other_versions:
            written = ", ".join(f"{what} {version}" for what, version in kept.other_versions.items())
            detail += f"; written with {written}: the next start replays them all, and says if they answer differently"
    yield engine.Check(name, ok=True, detail=detail)
