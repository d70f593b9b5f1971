"""A factory of the test's own, outside the checkout, with the repository's app `links`."""

import shutil
import subprocess
from collections.abc import Callable, Iterator

import pytest
from e2e_place import BIN, REPOSITORY, Place, Ran

from factory import daemons
from factory.paths import FactoryRoot


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A factory made by `millwright init`, outside the checkout, whose app is the repository's `links`."""
    folder = tmp_path_factory.mktemp("outside") / "factory"
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
