"""What holds of the audit log with SQLite holds with PostgreSQL as the factory's own database: the same tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import test_access_audit_log as log
from audit_place import Audited, audited
from database_place import DatabasePlace, database_place
from factory_database import settings_of

pytestmark = [pytest.mark.engine, pytest.mark.long]
globals().update({name: test for name, test in vars(log).items() if name.startswith("test_")})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabasePlace]:
    with database_place(tmp_path_factory.mktemp("postgres")) as made:
        yield made


@pytest.fixture
def place(tmp_path: Path, server: DatabasePlace) -> Iterator[Audited]:
    place = audited(tmp_path, settings_of(server))
    yield place
    place.database.dispose()
