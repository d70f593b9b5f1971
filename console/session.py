"""What every command starts from: the factory it stands in, its settings, and how to run the engine."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from engine import EngineEnv
from engine.progress import Report
from factory.paths import FactoryRoot, find_root
from factory.settings import Settings, load
from stacks.driver import Driver, Kind, lasting_env, require_decided, warm_env
from stacks.names import declared


@dataclass
class Session:
    """One command's view of one factory. `report` hears about slow work (building the engine)."""

    root: FactoryRoot
    settings: Settings
    report: Report

    @cached_property
    def env(self) -> EngineEnv:
        """How to run the engine here. Raises EngineUnavailable; the first call on a machine may build it."""
        return warm_env(self.root, self.settings, self.report)

    @cached_property
    def env_that_lasts(self) -> EngineEnv:
        """The same, for a shell that outlives the local cloud's process."""
        return lasting_env(self.root, self.settings, self.report)

    @cached_property
    def driver(self) -> Driver:
        """The driver of this factory's stacks."""
        return Driver(self.root, self.settings, self.env)

    def check(self, kind: Kind, app: str, environment: str) -> None:
        """Refuse before anything slow starts. Raises InputError (not declared), DecisionRequired (not decided)."""
        spec, which = declared(self.root, app, environment)
        require_decided(self.root, self.settings, spec, which, kind, None)


def open_session(report: Report) -> Session:
    """The session of the factory that the working folder belongs to. Raises InputError outside any factory."""
    root = find_root(Path.cwd())
    return Session(root, load(root), report)
