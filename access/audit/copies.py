"""Copies of checkpoints where the factory cannot take them back: the bucket of the platform's audit store.

Its objects are locked for a year. A log that has lost entries since a copy was made cannot be shown as whole.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Engine, func, select, update

from access.audit.tables import CHECKPOINTS
from factory import db, environments

PREFIX: Final = "checkpoints/"
# A note has a few hundred bytes.
MOST_BYTES: Final = 16 * 1024
Clients = Callable[[str, str], Any]
"""A boto3 client of a service in a region."""


def copy(database: Engine, clients: Clients) -> list[str]:
    """Copy each log's newest checkpoint if it has no copy; where they are. Nothing before the platform is up.

    Raises botocore's errors: what is not copied is tried again the next time.
    """
    with db.transaction(database) as connection:
        platform, due = environments.platform(connection), _due(connection)
    if platform is None or not due:
        return []
    bucket, made = platform.audit.store, []
    s3 = clients("s3", platform.region)
    for app, size, note in due:
        key = f"{PREFIX}{app}/{size:012d}"
        s3.put_object(Bucket=bucket, Key=key, Body=note.encode(), ContentType="text/plain; charset=utf-8")
        made.append(f"s3://{bucket}/{key}")
        with db.transaction(database) as connection:
            here = (CHECKPOINTS.c.app == app) & (CHECKPOINTS.c.size == size)
            connection.execute(update(CHECKPOINTS).where(here).values(copy=made[-1]))
    return made


def copied(connection: Connection, clients: Clients, app: str) -> Sequence[str]:
    """The notes that the store holds of a log, oldest first; none without a store. Raises botocore's errors."""
    platform = environments.platform(connection)
    if platform is None:
        return ()
    s3, bucket = clients("s3", platform.region), platform.audit.store
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{PREFIX}{app}/")
    keys = [each["Key"] for page in pages for each in page.get("Contents", [])]
    return [s3.get_object(Bucket=bucket, Key=key)["Body"].read(MOST_BYTES).decode(errors="replace") for key in keys]


def _due(connection: Connection) -> list[tuple[str, int, str]]:
    newest = (
        select(CHECKPOINTS.c.app, func.max(CHECKPOINTS.c.size).label("size")).group_by(CHECKPOINTS.c.app).subquery()
    )
    query = (
        select(CHECKPOINTS.c.app, CHECKPOINTS.c.size, CHECKPOINTS.c.note)
        .join(newest, (CHECKPOINTS.c.app == newest.c.app) & (CHECKPOINTS.c.size == newest.c.size))
        .where(CHECKPOINTS.c.copy.is_(None))
        .order_by(CHECKPOINTS.c.app)
    )
    return [(row.app, row.size, row.note) for row in connection.execute(query)]
