from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres import CannotRun, Postgres, postgres_server
from service import Kept


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for all tests; each has a database of its own."""
    try:
        with postgres_server() as server:
            yield server
    except CannotRun as error:
        pytest.skip(f"no PostgreSQL here: {error}")


@pytest.fixture(params=["file", "postgres"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    """Where no link is kept yet: each test runs over both stores."""
    if request.param == "file":
        return Kept(data=tmp_path / "links.json")
    server: Postgres = request.getfixturevalue("postgres")
    return Kept(database_url=server.url(server.new_database()))
