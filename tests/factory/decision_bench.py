"""People with keys of their own, and requests that they decide: what the tests of decisions start from."""

from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from ruamel.yaml import YAML
from spec_strategies import factory_in
from sqlalchemy import Engine, Table, update

from factory import approvals, db, decisions, events, requests, signatures
from factory.approvals import Approval
from factory.decisions import Decision, Verdict
from factory.events import Event
from factory.gates import Deciders, Gate, Role
from factory.paths import FactoryRoot
from factory.people import People, load_people
from factory.requests import Question, Request
from factory.settings import Settings

ROLES: dict[str, list[object]] = {
    "ada": [],
    "ben": ["maintainer"],
    "cleo": ["maintainer", "operator"],
    "dora": [{"role": "maintainer", "apps": ["notes"]}],
    "viv": ["viewer"],
}
SHOWN = {"head": "a" * 40, "diff": "+x\n", "tests": {"ok": True}}


def new_key(path: Path) -> str:
    """Write an ed25519 key to `path`; its public half."""
    key = Ed25519PrivateKey.generate()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    path.chmod(0o600)
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


@dataclass
class Bench:
    """A factory with two apps and five people; `ada` is the author of whatever is asked, `ben` decides it."""

    root: FactoryRoot
    settings: Settings = field(default_factory=Settings)
    asked: int = 0

    @classmethod
    def in_folder(cls, folder: Path) -> "Bench":
        root = factory_in(folder)
        (root.apps / "notes").mkdir()
        (root.apps / "notes" / "app.yaml").write_text("name: notes\n")
        bench = cls(root)
        bench.write({id: {"name": id.title(), "roles": ROLES[id], "keys": [new_key(bench.key(id))]} for id in ROLES})
        return bench

    @property
    def database(self) -> Engine:
        return db.connect(self.root, self.settings)

    @property
    def people(self) -> People:
        return load_people(self.root, self.settings)

    def key(self, person: str) -> Path:
        return self.root.path / f"{person}.key"

    def file(self) -> dict[str, dict[str, object]]:
        return dict(YAML(typ="safe").load(self.root.people_file)["people"])

    def write(self, people: dict[str, dict[str, object]]) -> None:
        YAML(typ="safe").dump({"people": people}, self.root.people_file)

    def ask(
        self, gate: Gate = Gate.MERGE, role: Role = Role.MAINTAINER, app: str = "links", needed: int = 1
    ) -> Request:
        self.asked += 1
        question = Question(
            key=f"{gate}:{self.asked}",
            gate=gate,
            app=app,
            change="stats",
            title="Say how much",
            role=role,
            authors=["ada"],
            shown=SHOWN,
            approvals=needed,
        )
        with db.transaction(self.database) as connection:
            return requests.open_request(connection, question)

    def read(self, request: Request) -> Request:
        with db.transaction(self.database) as connection:
            found = requests.read(connection, request.id)
        assert found is not None
        return found

    def sign(self, payload: bytes, person: str = "ben", namespace: str = signatures.DECISION) -> str:
        return signatures.sign_unattended(payload, self.key(person), namespace=namespace)

    def decide(
        self,
        request: Request,
        person: str = "ben",
        verdict: Verdict = Verdict.APPROVE,
        reason: str = "",
        signature: str | None = None,
    ) -> Decision:
        """Decide honestly, or with a signature that is given."""
        made = signature or self.sign(decisions.payload(request, verdict, person, reason), person)
        return decisions.decide(
            self.database, self.people, request.id, verdict=verdict, person=person, reason=reason, signature=made
        )

    def verified(
        self,
        request: Request,
        gate: Gate = Gate.MERGE,
        fingerprint: str | None = None,
        deciders: Deciders | None = None,
    ) -> Approval:
        """What whoever acts asks before acting; of the deciders that were asked, unless others are given."""
        return approvals.verified(
            self.database,
            self.people,
            request.id,
            gate=gate,
            fingerprint=request.fingerprint if fingerprint is None else fingerprint,
            deciders=deciders or Deciders(request.role, request.approvals),
        )

    def tamper(self, table: Table, row: int, **values: object) -> None:
        """Write past all code of ours, as somebody does who holds the database."""
        column = table.c.request if table is decisions.DECISIONS else table.c.id
        with db.transaction(self.database) as connection:
            assert connection.execute(update(table).where(column == row).values(**values)).rowcount == 1

    def told(self, kind: str) -> list[Event]:
        with db.transaction(self.database) as connection:
            return [event for event in events.recent(connection, limit=1000) if event.kind == kind]
