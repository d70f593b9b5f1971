"""What has happened is written down, also by a database that does not take it at once."""

import logging
import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from factory import db
from factory.errors import MillwrightError

LOG = logging.getLogger("millwright.access")
# Seconds between the tries.
PAUSES: Final = (0.1, 0.5, 2.0, 10.0)


def persistently(database: Engine, write: Callable[[Connection], None], said: str) -> None:
    """Have it written in a transaction, tried for some seconds; `said` is what the log is told of where it is not."""
    for pause in PAUSES:
        try:
            with db.transaction(database) as connection:
                write(connection)
        except (SQLAlchemyError, MillwrightError):
            LOG.warning("not told yet: %s", said, exc_info=True)
            time.sleep(pause)
        else:
            return
    LOG.error("not told: %s", said)
