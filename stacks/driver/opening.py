"""From a folder to a driver: the factory it belongs to, its settings, its engine, its cloud."""

from pathlib import Path

import engine
from engine import EngineEnv
from engine.progress import Report, silent
from factory import daemons
from factory.paths import FactoryRoot, find_root
from factory.settings import Settings, load
from policies import pack_folder
from stacks.driver.client import Driver


def open_driver(folder: Path | str = ".", report: Report = silent) -> Driver:
    """The driver of the factory that `folder` belongs to; what scripts start from.

    The first call on a machine may build the engine; `report` hears how that goes. Raises InputError outside any
    factory, EngineUnavailable when there is no engine and none can be made.
    """
    root = find_root(Path(folder))
    settings = load(root)
    return Driver(root, settings, warm_env(root, settings, report))


def warm_env(root: FactoryRoot, settings: Settings, report: Report = silent) -> EngineEnv:
    """How the driver runs the engine: with the policy pack, attached to the local cloud (started if need be)."""
    provider = None
    if settings.aws == "local":
        address = daemons.ensure(root, daemons.LOCAL_CLOUD).addresses["provider"]
        # In the words of PULUMI_DEBUG_PROVIDERS.
        provider = f"aws:{address.rpartition(':')[2]}"
    return engine.prepare(root, settings, policy_pack=pack_folder(), warm_provider=provider, progress=report)


def lasting_env(root: FactoryRoot, settings: Settings, report: Report = silent) -> EngineEnv:
    """The same for a shell: without what ends with a process, as the installed provider finds the cloud by itself."""
    return engine.prepare(root, settings, policy_pack=pack_folder(), progress=report)
