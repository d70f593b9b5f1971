"""What a task's commands reach by its grants: the databases, through one gate, and what they are told of each."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from urllib.parse import quote

from access.client import place_of
from agents.door import Reach
from factory.errors import AccessDenied
from pipeline.context import Context, OpenTask
from pipeline.task_grants import TaskGrants

WAY = "databases"


@contextmanager
def reached(context: Context, grants: TaskGrants, folder: Path) -> Iterator[Path | None]:
    """The socket of the gate to the task's databases while the block runs; None where it holds none."""
    doors = {place_of(number): partial(_door, grants, name) for number, name in enumerate(sorted(grants.databases))}
    with context.databases.opened(context.root, doors, folder / WAY) as way:
        yield way


def reach_of(opened: OpenTask | None) -> Reach:
    """What the commands of a task reach now, and are told. Nothing once it has ended."""
    if opened is None or opened.databases is None:
        return Reach()
    with suppress(AccessDenied):
        # What ends the task is seen, and told, by who waits for its process.
        opened.grants.require()
    held, gone = opened.grants.databases, opened.grants.gone
    environment: dict[str, str] = {}
    for number, name in enumerate(sorted([*held, *gone])):
        if name in held:
            environment |= _told(name, number, held[name].grant, held[name].token)
    return Reach(
        ways=(opened.databases,),
        environment=environment,
        secrets={f"the token of databases.{name}": told.token for name, told in held.items()},
        over=tuple(f"databases.{name} is not in reach any more: {why}" for name, why in gone.items()),
    )


def variable_of(name: str) -> str:
    """Where commands find a database's URL: as the app's services do."""
    return f"{name.upper().replace('-', '_')}_URL"


def _door(grants: TaskGrants, name: str) -> str | None:
    told = grants.databases.get(name)
    return told.grant["door"] if told else None


def _told(name: str, number: int, grant: dict[str, str], token: str) -> dict[str, str]:
    """As the app's service finds it: `<NAME>_URL`; and, of the first one, the variables of PostgreSQL's own tools."""
    host, port = place_of(number)
    login, database = grant["provider_ref"], grant["door"].partition("/")[2]
    url = f"postgresql://{quote(login)}:{quote(token)}@{host}:{port}/{quote(database)}"
    variables = {variable_of(name): url}
    if number == 0:
        # Up to the gate, which is a socket of this machine, there is no TLS.
        variables |= {"PGHOST": host, "PGPORT": str(port), "PGUSER": login, "PGPASSWORD": token}
        variables |= {"PGDATABASE": database, "PGSSLMODE": "disable"}
    return variables
