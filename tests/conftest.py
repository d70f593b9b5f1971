"""For all tests: the engine, helpers beside this file, and a hypothesis that does not watch a shared clock."""

import asyncio
import gc
import os
import signal
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from engine.cli import Cli, find_or_build
from factory.settings import Settings

LONG_FIRST = {
    name: place
    for place, name in enumerate(
        (
            "test_created_as_declared.py",
            "test_whole_story.py",
            "test_line_attacked.py",
            "test_line_killed.py",
            "test_whole_life.py",
        )
    )
}
# Files that look at one factory; each other file goes to a worker by itself.
TOGETHER = {"test_created_as_declared.py": "documented", "test_whole_story.py": "documented"}

hypothesis.settings.register_profile("house", deadline=None)
# `make test` tries a third as many; `make test-long` runs every property test with as many as it says.
hypothesis.settings.register_profile("short", deadline=None, max_examples=33)
hypothesis.settings.load_profile("house")


def pytest_configure(config: pytest.Config) -> None:
    # Ten thousand tests are collected in each worker, and nearly half of the time went into looking for garbage there.
    gc.disable()
    # A shell starts background jobs with SIGINT ignored, and so would every command under test inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # The SDK warns about resources that it defines itself, whoever imports it.
    config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning:pulumi_aws.*")


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Each file to a worker by itself, but for those that look at one factory."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, _ = nodeid.partition("::")
        return TOGETHER.get(Path(file).name, file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    # Not by marks (`--dist loadgroup`): xdist writes them into ids by a way that pytest 9 no longer reads.
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The long ones first, so that no worker is left alone with one at the end (and not as xdist would: by number).
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    by_kind = 0 if "e2e" in item.path.parts else 1 if item.get_closest_marker("engine") else 2
    return LONG_FIRST.get(item.path.name, len(LONG_FIRST) + by_kind)


def pytest_runtest_setup() -> None:
    # `asyncio.run` takes the main thread's loop away when it ends, and Pulumi's mocks take it for granted.
    try:
        asyncio.get_event_loop_policy().get_event_loop()
    except RuntimeError:
        asyncio.set_event_loop(asyncio.new_event_loop())


@pytest.fixture(scope="session")
def engine_cli() -> Cli:
    """This machine's engine, as every command finds it; `make test` has built it before if need be."""
    cache = os.environ.get("MILLWRIGHT_ENGINE_CACHE")
    return find_or_build(Settings(engine_cache=Path(cache) if cache else None))
