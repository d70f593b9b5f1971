"""What holds of grants with SQLite holds with PostgreSQL as the factory's own database: the same tests, on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import test_access_door as door
import test_access_grants_clock as clock
import test_access_grants_ended as ended
import test_access_grants_given as given
import test_access_grants_many as many
from database_place import DatabasePlace, database_place
from factory_database import settings_of
from grant_place import GrantPlace, grant_place

pytestmark = [pytest.mark.engine, pytest.mark.long]
# What they look at is SQLite's own file, or its own words.
OTHERWISE = {"test_the_token_stands_nowhere"}
access = door.access

for _tests in (clock, ended, given, many, door):
    globals().update(
        {name: test for name, test in vars(_tests).items() if name.startswith("test_") and name not in OTHERWISE}
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabasePlace]:
    with database_place(tmp_path_factory.mktemp("postgres")) as made:
        yield made


@pytest.fixture
def place(tmp_path: Path, server: DatabasePlace) -> Iterator[GrantPlace]:
    place = grant_place(tmp_path, settings_of(server))
    yield place
    place.database.dispose()
