"""A factory of the test's own, outside the checkout, with the repository's app `links`."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from e2e_place import BIN, REPOSITORY, Documented, Place, Ran

from factory import daemons
from factory.paths import FactoryRoot

PYTHON_BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A factory made by `millwright init`, outside the checkout, whose app is the repository's `links`."""
    with made_in(tmp_path_factory.mktemp("outside") / "factory") as place:
        yield place


@pytest.fixture(scope="session")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Documented]:
    """The repository's apps; build and staging of `links` stand, by the program that the documents tell.

    Two files look at it: the one that reads the cloud, then the story, which takes it away at its end.
    """
    with made_in(tmp_path_factory.mktemp("documented") / "factory") as place:
        for app in ("tally", "docsite"):
            shutil.copytree(REPOSITORY / "apps" / app, place.root.apps / app)
        page = (REPOSITORY / "docs" / "how-to" / "script-the-driver.md").read_text()
        (program,) = PYTHON_BLOCK.findall(page)
        script = place.root.path / "script.py"
        script.write_text(program)
        yield Documented(place, place.run("python", str(script)))


@contextmanager
def made_in(folder: Path) -> Iterator[Place]:
    """The factory; nothing of it runs afterwards."""
    made = subprocess.run([BIN / "millwright", "init", folder, "--app", "links"], check=False, capture_output=True)
    assert made.returncode == 0, made.stderr
    root = FactoryRoot(folder)
    shutil.rmtree(root.apps / "links")
    shutil.copytree(REPOSITORY / "apps" / "links", root.apps / "links")
    yield Place(root)
    # What a test that failed has left, too; what uses a daemon goes before it.
    for name in reversed(daemons.MODULES):
        daemons.stop(root, name)


@pytest.fixture
def bare(place: Place) -> Iterator[Callable[..., Ran]]:
    """The real CLI without the shim, on a backend that knows the production stack."""
    exported = place.millwright("engine", "env", "--json").documents[0]
    path = place.millwright("engine", "install", "--json").documents[0]["path"]

    def run(*arguments: str) -> Ran:
        return place.run(path, *arguments, "--non-interactive", "--color", "never", env=exported)

    assert run("stack", "init", "links-production", "--no-select").code == 0
    yield run
    assert run("stack", "rm", "links-production", "--yes").code == 0
