"""A running local cloud per test session, the two doors as clients, and what engine tests need.

The daemon is the real one, in its own process, for a factory root of its own; it is stopped at the end.
"""

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from localcloud_automation import MakeStack, stacks_in
from localcloud_door import ACCOUNT, REGION, Door, Made, boto
from localcloud_rds import INSTANCE, declaration
from localcloud_runtime import Declared, stored_app

from engine.cli import Cli
from factory import daemons
from factory.daemons import RunFile
from factory.errors import SandboxUnavailable
from factory.paths import FactoryRoot
from sandbox import probe


def make_root(folder: Path) -> FactoryRoot:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "millwright.yaml").write_text("aws: local\n")
    return FactoryRoot(folder.resolve())


@pytest.fixture
def new_root(tmp_path: Path) -> FactoryRoot:
    return make_root(tmp_path / "factory")


@pytest.fixture
def start_daemon() -> Iterator[Callable[[FactoryRoot], RunFile]]:
    """Start the daemon of a root; every one started is stopped when the test ends."""
    roots: list[FactoryRoot] = []

    def start(root: FactoryRoot) -> RunFile:
        roots.append(root)
        return daemons.ensure(root, "localcloud")

    yield start
    for root in roots:
        daemons.stop(root, "localcloud")


@pytest.fixture(scope="session")
def cloud_root(tmp_path_factory: pytest.TempPathFactory) -> FactoryRoot:
    return make_root(tmp_path_factory.mktemp("localcloud") / "factory")


@pytest.fixture(scope="session")
def cloud(cloud_root: FactoryRoot) -> Iterator[RunFile]:
    """The session's local cloud. Tests share it, so each uses names or an account of its own."""
    try:
        yield daemons.ensure(cloud_root, "localcloud")
    finally:
        daemons.stop(cloud_root, "localcloud")
    # A fault in a record is printed by the daemon: no test may leave one behind unseen.
    assert "Traceback" not in (cloud_root.logs / "localcloud.log").read_text()


@pytest.fixture
def aws(cloud: RunFile) -> Callable[..., Any]:
    """`aws("ec2")`: a boto3 client on the session's cloud, over HTTP as any user has it."""
    return lambda service, account=ACCOUNT, region=REGION: boto(cloud, service, account, region)


@pytest.fixture
def clients(aws: Callable[..., Any]) -> Callable[..., Any]:
    """The same, for tests in which `aws` is the SDK."""
    return aws


@pytest.fixture
def door(cloud: RunFile) -> Iterator[Door]:
    """The provider door, configured for the default account and region."""
    with Door(cloud.addresses["provider"]) as connected:
        connected.configure(region=REGION)
        yield connected


@pytest.fixture
def confining() -> None:
    """Skips where no process can be confined."""
    try:
        probe()
    except SandboxUnavailable as error:
        pytest.skip(f"no process can be confined here: {error}")


@pytest.fixture
def made(door: Door, confining: None) -> Iterator[Callable[..., Made]]:
    """`made(name, ...)`: an RDS instance, which is gone after the test."""
    del confining
    there: list[Made] = []

    def make(name: str, **more: Any) -> Made:
        there.append(door.create(INSTANCE, name, declaration(**more)))
        return there[-1]

    yield make
    for each in there:
        door.delete(each)


@pytest.fixture(scope="session")
def pulumi_cli(engine_cli: Cli) -> Path:
    """The engine's executable."""
    return engine_cli.path


@pytest.fixture
def make_stack(tmp_path: Path, cloud: RunFile, pulumi_cli: Path) -> Iterator[MakeStack]:
    """Stacks attached to the running provider; what they made is destroyed afterwards."""
    with stacks_in(tmp_path, cloud, pulumi_cli) as make:
        yield make
    # A program whose preview failed leaves a coroutine; collected here, it cannot end in the middle of other code.
    gc.collect()


@pytest.fixture(scope="module")
def runtime_root(tmp_path_factory: pytest.TempPathFactory) -> FactoryRoot:
    try:
        probe()
    except SandboxUnavailable as error:
        pytest.skip(f"no process can be confined here: {error}")
    return make_root(tmp_path_factory.mktemp("runtime") / "factory")


@pytest.fixture(scope="module")
def declared(runtime_root: FactoryRoot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Declared]:
    digest = stored_app(runtime_root, tmp_path_factory.mktemp("app") / "source")
    try:
        yield Declared(daemons.ensure(runtime_root, "localcloud"), digest)
    finally:
        daemons.stop(runtime_root, "localcloud")
    assert "Traceback" not in (runtime_root.logs / "localcloud.log").read_text()
