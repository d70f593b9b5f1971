"""A change in a factory of the test's own, moved about through the factory's own tables, without a worker."""

import shutil
from pathlib import Path

from sqlalchemy import Engine

from factory import db, decisions, demo_people, requests, signatures
from factory.decisions import Verdict
from factory.gates import Gate, Role
from factory.paths import FactoryRoot
from factory.people import load_people
from factory.requests import Question, Request
from factory.settings import Settings
from pipeline import records

EXAMPLES = Path(__file__).parents[2] / "apps" / "links"
CHANGE = "custom-codes"
AUTHOR, MAINTAINER = demo_people.AUTHOR, demo_people.MAINTAINER
SUBMIT = ("change", "submit", "links", CHANGE, "--as", AUTHOR)


def with_change(root: FactoryRoot) -> FactoryRoot:
    """The factory, now with demo people and a change that could be submitted."""
    for part in ("changes", "acceptance"):
        shutil.copytree(EXAMPLES / part, root.apps / "links" / part)
    demo_people.ensure(root, Settings())
    return root


def database(root: FactoryRoot) -> Engine:
    return db.connect(root, Settings())


def set_change(root: FactoryRoot, **values: object) -> None:
    with db.transaction(database(root)) as connection:
        records.set_change(connection, f"links/{CHANGE}", **values)


def ask(root: FactoryRoot, gate: Gate = Gate.MERGE, key: str = "merge:1") -> Request:
    question = Question(
        key=key, gate=gate, app="links", title="Merge", role=Role.MAINTAINER, authors=[AUTHOR], shown={}, change=CHANGE
    )
    with db.transaction(database(root)) as connection:
        return requests.open_request(connection, question)


def decide(root: FactoryRoot, request: Request, verdict: Verdict, reason: str) -> None:
    payload = decisions.payload(request, verdict, MAINTAINER, reason)
    signature = signatures.sign_unattended(payload, demo_people.key_file(root, MAINTAINER))
    people = load_people(root, Settings())
    decisions.decide(
        database(root), people, request.id, verdict=verdict, person=MAINTAINER, reason=reason, signature=signature
    )
