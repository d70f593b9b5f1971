"""PostgreSQL as the factory's own database: an empty one on an embedded server, as `database:` in settings names it."""

import itertools

from database_place import OWNER, PASSWORD, DatabasePlace
from sqlalchemy.engine import URL

from factory.settings import Settings

NUMBERS = itertools.count(1)


def settings_of(server: DatabasePlace) -> Settings:
    """With a database that nobody has used."""
    name = f"factory_{next(NUMBERS)}"
    with server.owner() as owner:
        owner.run(f"CREATE DATABASE {name}")
    url = URL.create("postgresql+pg8000", OWNER, PASSWORD, server.url.host, server.url.port, name)
    return Settings(database=url.render_as_string(hide_password=False))
