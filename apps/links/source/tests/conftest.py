import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres import CannotRun, Postgres, postgres_server
from service import Kept

STORES = ["file", "postgres"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for all tests; each has a database of its own. Asked for by TEST_POSTGRES=1: it takes its time."""
    if os.environ.get("TEST_POSTGRES") != "1":
        pytest.skip("TEST_POSTGRES=1 runs these over PostgreSQL as well")
    try:
        with postgres_server() as server:
            yield server
    except CannotRun as error:
        pytest.skip(f"no PostgreSQL here: {error}")


@pytest.fixture(params=STORES)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    """Where no link is kept yet: each test runs over both stores."""
    return nothing_kept(request, tmp_path)


@pytest.fixture(scope="module", params=STORES)
def shared_kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """The same, for all tests of a module."""
    return nothing_kept(request, tmp_path_factory.mktemp("kept"))


def nothing_kept(request: pytest.FixtureRequest, folder: Path) -> Kept:
    if request.param == "file":
        return Kept(data=folder / "links.json")
    server: Postgres = request.getfixturevalue("postgres")
    return Kept(database_url=server.url(server.new_database()))
