"""What every command starts from: the factory it stands in, its settings, and how to run the engine."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import engine
from engine import EngineEnv, Progress
from factory import daemons
from factory.paths import FactoryRoot, find_root
from factory.settings import Settings, load
from policies import pack_folder
from stacks.driver import Driver
from stacks.names import declared, require_decision

Report = Callable[[Progress], None]


@dataclass
class Session:
    """One command's view of one factory. `report` hears about slow work (building the engine)."""

    root: FactoryRoot
    settings: Settings
    report: Report

    @cached_property
    def env(self) -> EngineEnv:
        """How to run the engine here. Raises EngineUnavailable; the first call on a machine may build it."""
        return engine.prepare(
            self.root,
            self.settings,
            policy_pack=pack_folder(),
            warm_provider=self._warm_provider(),
            progress=self.report,
        )

    @cached_property
    def env_that_lasts(self) -> EngineEnv:
        """The same, without what ends with a process: the installed provider finds the local cloud by itself."""
        return engine.prepare(self.root, self.settings, policy_pack=pack_folder(), progress=self.report)

    @cached_property
    def driver(self) -> Driver:
        """The driver of this factory's stacks."""
        return Driver(self.root, self.settings, self.env)

    def check(self, app: str, environment: str) -> None:
        """Raises InputError when the app does not declare the environment, DecisionRequired for production."""
        spec, which = declared(self.root, app, environment)
        require_decision(spec.stack(which), which)

    def _warm_provider(self) -> str | None:
        if self.settings.aws != "local":
            return None
        address = daemons.ensure(self.root, "localcloud").addresses["provider"]
        # In the words of PULUMI_DEBUG_PROVIDERS.
        return f"aws:{address.rpartition(':')[2]}"


def open_session(report: Report) -> Session:
    """The session of the factory that the working folder belongs to. Raises InputError outside any factory."""
    root = find_root(Path.cwd())
    return Session(root, load(root), report)
