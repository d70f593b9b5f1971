"""What a task's commands reach and have by its grants: databases and APIs through one gate, and values of secrets."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from urllib.parse import quote

from access.client import api_place_of, own_socket, place_of
from agents.door import Reach
from factory.errors import AccessDenied, MillwrightError
from factory.paths import FactoryRoot
from factory.spec import variable_name
from pipeline.context import Context, OpenTask
from pipeline.task_grants import APIS, DATABASES, USED, TaskGrants

WAY = "grants"


@contextmanager
def reached(context: Context, grants: TaskGrants, folder: Path) -> Iterator[Path | None]:
    """The socket of the gate to the task's databases and APIs while the block runs; None where it holds none."""
    databases = {place_of(n): partial(_door, grants, name) for n, name in enumerate(_numbered(grants, DATABASES))}
    apis = {
        api_place_of(n): partial(_socket, context.root, grants, name) for n, name in enumerate(_numbered(grants, APIS))
    }
    with context.ways.opened(context.root, {**databases, **apis}, folder / WAY) as way:
        yield way


def reach_of(opened: OpenTask | None) -> Reach:
    """What the commands of a task reach and have now, and are told. Nothing once it has ended."""
    if opened is None:
        return Reach()
    grants = opened.grants
    with suppress(AccessDenied):
        # What ends the task is seen, and told, by who waits for its process.
        grants.require()
    read = grants.secrets()
    values = {variable_name(name): each.value for name, each in read.items() if not isinstance(each, MillwrightError)}
    unread = [
        f"secrets.{name} cannot be read: {each}" for name, each in read.items() if isinstance(each, MillwrightError)
    ]
    over = [
        f"{kind}.{name} is not in reach any more: {why}" for kind in USED for name, why in grants.gone(kind).items()
    ]
    tokens = {f"the token of databases.{name}": told.token for name, told in grants.held(DATABASES).items()}
    return Reach(
        ways=(opened.way,) if opened.way else (),
        environment={**values, **_databases(grants), **_apis(grants)},
        secrets={**tokens, **{f"secrets.{name}": value for name, value in grants.values.items()}},
        over=(*over, *unread),
    )


def variable_of(name: str) -> str:
    """Where commands find a database's URL, as the app's services do, or an API's."""
    return f"{variable_name(name)}_URL"


def _numbered(grants: TaskGrants, kind: str) -> list[str]:
    """Those of a kind in the order of their places, which stay where they are when one is over."""
    return sorted([*grants.held(kind), *grants.gone(kind)])


def _door(grants: TaskGrants, name: str) -> str | None:
    told = grants.held(DATABASES).get(name)
    return told.grant["door"] if told else None


def _socket(root: FactoryRoot, grants: TaskGrants, name: str) -> Path | None:
    told = grants.held(APIS).get(name)
    return own_socket(root, told.grant["id"]) if told else None


def _apis(grants: TaskGrants) -> dict[str, str]:
    held, numbered = grants.held(APIS), _numbered(grants, APIS)
    places = {name: api_place_of(number) for number, name in enumerate(numbered)}
    return {variable_of(name): f"http://{places[name][0]}:{places[name][1]}" for name in held}


def _databases(grants: TaskGrants) -> dict[str, str]:
    held, found = grants.held(DATABASES), dict[str, str]()
    for number, name in enumerate(_numbered(grants, DATABASES)):
        if name in held:
            found |= _told(name, number, held[name].grant, held[name].token)
    return found


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
