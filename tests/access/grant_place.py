"""A factory with rules and people, its desk and broker, a clock that can be moved, and a provider held in memory.

The provider is a stand-in for what the broker sees of one; the real one is in test_access_postgres_grants.py.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from grant_waits import wait_for
from ruamel.yaml import YAML
from sqlalchemy import Engine, text

from access import audit
from access.broker import Broker
from access.clock import Clock
from access.grants import Desk, Given, Grant, State, Wanted, store
from access.providers.provider import Issued, Place
from factory import db, decisions, demo_people, events, requests, signatures
from factory.decisions import Verdict
from factory.errors import CloudUnavailable
from factory.events import Event
from factory.paths import FactoryRoot
from factory.people import load_people
from factory.settings import Settings
from factory.spec import Environment, Function, Scope

APP = Path(__file__).parents[2] / "apps" / "tally" / "app.yaml"
RULES = [
    {"function": "coder", "resource": "databases.database", "environments": ["build"], "scope": "write", "lease": 60},
    {
        "function": "coder",
        "resource": "databases.database",
        "environments": ["staging"],
        "scope": "read",
        "lease": 30,
        "approval": "operator",
    },
    {"function": "coder", "resource": "services.web", "environments": ["staging"], "scope": "read"},
]
AGENT = "agent:tally/coder/tally.sums.coder.1"


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Kept:
    """A provider whose objects are in a set that outlives its process; `dies_at` and `fails` break it."""

    standing: set[str]
    inside: set[str] = field(default_factory=set)
    dies_at: str = ""
    fails: int = 0

    def ref(self, grant: Grant) -> str:
        return f"mw_{grant.id}"

    def issue(self, grant: Grant) -> Issued:
        self._reach("before issue")
        self.standing.add(self.ref(grant))
        self._reach("half issued")
        self.inside.add(grant.id)
        self._reach("after issue")
        return Issued(self.ref(grant), "127.0.0.1:5432", str(grant.hard_until))

    def serves(self, grant: Grant) -> bool:
        return grant.id in self.inside

    def cut(self, grants: Collection[Grant]) -> None:
        if grants:
            self._reach("before cut")
        self.inside.difference_update(grant.id for grant in grants)

    def remove(self, grant: Grant) -> None:
        self._reach("before remove")
        if self.fails:
            self.fails -= 1
            raise CloudUnavailable("the database does not answer")
        self.standing.discard(self.ref(grant))
        self._reach("after remove")

    def sweep(self, place: Place, live: Collection[str]) -> list[str]:
        found = sorted(self.standing - set(live))
        self.standing.difference_update(found)
        return found

    def close(self) -> None:
        self.inside.clear()

    def _reach(self, point: str) -> None:
        if point == self.dies_at:
            raise Killed(point)


@dataclass
class GrantPlace:
    """One factory. `wall`, `ticks` and `boot` are its clocks; `standing` is what is at the provider."""

    root: FactoryRoot
    database: Engine
    settings: Settings = field(default_factory=Settings)
    wall: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)
    ticks: float = 1000.0
    boot: str = "first"
    standing: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.clock = Clock(lambda: self.wall, lambda: self.ticks, lambda: self.boot)
        self.desk = Desk(self.root, self.settings, self.database, self.clock)
        self.begin()

    def begin(self, **broken: object) -> None:
        """A broker's process begins, with nothing but what is written down."""
        self.provider = Kept(self.standing, **broken)
        self.broker = Broker(self.desk, self.database, {"postgres": self.provider})

    def look(self) -> None:
        self.broker.cut()
        self.broker.work()

    def pass_by(self, *, both: timedelta) -> None:
        self.wall += both
        self.ticks += both.total_seconds()

    def ask(self, **other: object) -> Given:
        """A task asks for the database of build, or for what is said."""
        wanted = {
            "app": "tally",
            "environment": Environment.BUILD,
            "resource": "databases.database",
            "scope": Scope.READ,
            "principal": AGENT,
            "function": Function.CODER,
            "change": "sums",
            "task": "tally.sums.coder.1",
            "on_behalf_of": demo_people.AUTHOR,
        }
        return self.desk.ask(Wanted(**{**wanted, **other}))

    def person_asks(self, person: str, signer: str | None = None, **other: object) -> Given:
        wanted = {"app": "tally", "environment": Environment.BUILD, "resource": "databases.database"}
        asked = Wanted(**{**wanted, "scope": Scope.READ, "principal": person, "reason": "to look", **other})
        return self.desk.ask(asked, self.signs(signer or person))

    def signs(self, person: str) -> Callable[[bytes], str]:
        key = demo_people.key_file(self.root, person)
        return lambda message: signatures.sign_unattended(message, key, namespace=signatures.ACCESS)

    def decide(self, grant: Grant, verdict: Verdict, person: str, reason: str = "") -> None:
        people = load_people(self.root, self.settings)
        with db.transaction(self.database) as connection:
            request = requests.read(connection, grant.request or 0)
        assert request is not None
        signed = decisions.payload(request, verdict, person, reason)
        signature = signatures.sign_unattended(signed, demo_people.key_file(self.root, person))
        decisions.decide(
            self.database, people, request.id, verdict=verdict, person=person, reason=reason, signature=signature
        )

    def read(self, grant: Grant) -> Grant:
        return self.read_by(grant.id)

    def read_by(self, id: str) -> Grant:
        with db.transaction(self.database) as connection:
            found = store.read(connection, id)
        assert found is not None
        return found

    def state(self, grant: Grant) -> State:
        return self.read(grant).state

    def told(self, grant: Grant | None = None) -> list[Event]:
        """What was told of grants, or of one."""
        with db.transaction(self.database) as connection:
            found = [each for each in events.recent(connection, limit=1000) if each.kind.startswith("grant.")]
        return [each for each in found if grant is None or each.properties.get("grant") == grant.id]

    def kinds(self, grant: Grant) -> list[str]:
        return [each.kind for each in self.told(grant)]

    def log(self) -> None:
        """Everything that happened goes into the audit logs."""
        began = self.clock.moment()
        audit.sequence(self.database, audit.signing_key(self.root))
        audit.all_logged(self.root, began)

    def logged(self, kind: str, *, log: str = "tally", **said: object) -> dict[str, Any]:
        """The newest entry of a kind in an audit log whose properties say all of that, once there is one."""

        def found() -> list[dict[str, Any]]:
            self.log()
            with self.database.connect() as connection:
                read = [each.event for each in audit.entries(connection, log, kind=kind, limit=1000) if each.event]
            return [each for each in read if said.items() <= each["properties"].items()]

        return wait_for(found)[-1]

    def write_over(self, statement: str, **values: object) -> None:
        """Somebody writes into the database by hand."""
        with db.transaction(self.database) as connection:
            assert connection.execute(text(statement), values).rowcount == 1

    def rules(self, rules: list[dict[str, object]]) -> None:
        """app.yaml with these rules."""
        yaml = YAML()
        document = yaml.load(APP.read_text())
        document["access"] = rules
        with (self.root.apps / "tally" / "app.yaml").open("w") as file:
            yaml.dump(document, file)


def grant_place(folder: Path, settings: Settings | None = None) -> GrantPlace:
    (folder / "millwright.yaml").write_text("aws: local\n")
    root = FactoryRoot(folder)
    (root.apps / "tally").mkdir(parents=True)
    settings = settings or Settings()
    demo_people.ensure(root, settings)
    place = GrantPlace(root, db.connect(root, settings), settings)
    place.rules(RULES)
    return place
