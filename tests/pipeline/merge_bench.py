"""The stage merge on a bench: a real repository, database and people; the app is a few short files."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from access_standin import Granting
from deploy_bench import APP, REPOSITORY
from exception_bench import FACTORY_ID
from ruamel.yaml import YAML
from sqlalchemy import insert, update

from factory import db, decisions, demo_people, events, requests, signatures
from factory.decisions import DECISIONS, Verdict
from factory.events import Event
from factory.gates import Gate
from factory.paths import FactoryRoot
from factory.people import load_people
from factory.requests import REQUESTS, Request, RequestState
from factory.settings import Settings
from pipeline import gates, records
from pipeline.context import Context
from pipeline.durable import Json
from pipeline.faults import Faults
from pipeline.records import ChangeRecord, ChangeState, Stage
from pipeline.stages.merge import merge, revert, shown_for_merge, shown_for_revert

CHANGE = "tags"
BRANCH = f"change/{CHANGE}"
COUNTS = {"critical": 0, "high": 0, "medium": 0, "low": 0, "info": 0}
FACTS: Json = {
    "tests": {"passed": 3},
    "findings": COUNTS,
    "exception": None,
    "review": {"verdict": "approve", "summary": "", "comments": []},
}
SOURCE = {"README.md": "# links\n", "links/__init__.py": "", "links/store.py": "LINKS = {}\n"}


@dataclass
class MergeBench:
    """A factory whose app has a repository, and one change whose branch holds one commit."""

    context: Context
    facts: Json
    asked_head: str = ""

    @property
    def record(self) -> ChangeRecord:
        return self.context.change(f"{APP}/{CHANGE}")

    @property
    def main(self) -> str:
        return self.context.repository(APP).head()

    @property
    def head(self) -> str:
        return self.context.repository(APP).head(BRANCH)

    def submitted(self, change: str, author: str) -> ChangeRecord:
        record = ChangeRecord(
            id=f"{APP}/{change}",
            app=APP,
            change=change,
            title=change,
            author=author,
            specification={"title": change},
            digest="sha256:0",
            stage=Stage.REVIEW,
            state=ChangeState.RUNNING,
            detail="",
            attempt=1,
            head=None,
            artefact=None,
            submitted=records.now(),
            updated=records.now(),
        )
        with db.transaction(self.context.database) as connection:
            records.add_change(connection, record)
        return record

    def work(self, change: str, path: str, text: str = "x = 1\n") -> str:
        """A further commit on a change's branch."""
        repository, branch = self.context.repository(APP), f"change/{change}"
        folder = self.context.root.tasks / change / "worktree"
        folder.parent.mkdir(parents=True, exist_ok=True)
        repository.worktree(folder, branch, repository.head())
        (folder / path).write_text(text)
        repository.commit_step(folder, branch, message=path, trailers={"Change": f"{APP}/{change}"}, key=path)
        repository.remove_worktree(folder)
        return repository.head(branch)

    def ask(self, gate: Gate = Gate.MERGE, shown: Json | None = None, key: str = "1") -> Request:
        record = self.record
        content = shown or shown_for_merge(self.context, record, self.facts)
        return gates.ask(self.context, record, gate, f"{gate}:{key}", "merge", content)

    def decide(self, request: Request, person: str = demo_people.MAINTAINER) -> Request:
        signature = self.sign(request, person)
        people = load_people(self.context.root, self.context.settings)
        said = {"verdict": Verdict.APPROVE, "person": person, "reason": "", "signature": signature}
        decisions.decide(self.context.database, people, request.id, **said)  # type: ignore[arg-type]
        return request

    def sign(self, request: Request, person: str) -> str:
        payload = decisions.payload(request, Verdict.APPROVE, person, "")
        return signatures.sign_unattended(payload, demo_people.key_file(self.context.root, person))

    def write_decision(self, request: Request, person: str) -> Request:
        """A decision that was put past `decide`, into the database, with a true signature."""
        row = {
            "request": request.id,
            "verdict": "approve",
            "person": person,
            "reason": "",
            "payload": decisions.payload(request, Verdict.APPROVE, person, "").decode(),
            "signature": self.sign(request, person),
            "decided": requests.now(),
        }
        with db.transaction(self.context.database) as connection:
            connection.execute(insert(DECISIONS).values(**row))
            closed = update(REQUESTS).where(REQUESTS.c.id == request.id)
            connection.execute(closed.values(state=RequestState.APPROVED))
        return request

    def merge(self, request: int | None) -> Json:
        with_head = {"request": request, "head": self.asked_head, "facts": self.facts}
        return merge(self.context, self.record.id, with_head)

    def approved(self) -> Request:
        """The merge as it is now, asked and approved."""
        self.asked_head = self.head
        return self.decide(self.ask())

    def revert(self, commit: str, request: int, reason: str = "bad") -> Json:
        argument = {"commit": commit, "request": request, "reason": reason}
        return revert(self.context, self.record.id, argument)

    def ask_to_revert(self, commit: str, reason: str = "bad") -> Request:
        return self.ask(Gate.ATTENTION, shown_for_revert(self.record.id, commit, reason))

    def told(self, kind: str) -> list[Event]:
        with db.transaction(self.context.database) as connection:
            return [event for event in events.recent(connection, app=APP, limit=500) if event.kind == kind]

    def rejected(self) -> str:
        """Why the newest decision was rejected."""
        return str(self.told("decision.rejected")[-1].properties["reason"])

    def take_role(self, person: str) -> None:
        path = self.context.root.demo_people / "people.yaml"
        yaml = YAML(typ="safe")
        people = yaml.load(path.read_text())
        people["people"][person]["roles"] = []
        with path.open("w") as file:
            yaml.dump(people, file)

    def git(self, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """What a person's git says; in a clone, or of the bare repository."""
        at = folder or self.context.repository(APP).folder
        who = {f"GIT_{role}_{what}": "p" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **who}
        command = ["git", "-C", str(at), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=environment)

    def by_hand(self, path: str = "evil.py") -> str:
        """A commit that somebody puts on main, past any hook."""
        clone = self.clone()
        (clone / path).write_text("x = 1\n")
        self.git("add", "-A", folder=clone)
        self.git("commit", "-qm", "by hand", folder=clone)
        self.git("fetch", "-q", str(clone), "HEAD:refs/heads/main")
        return self.main

    def clone(self) -> Path:
        clone = self.context.root.path / "clone"
        shutil.rmtree(clone, ignore_errors=True)
        self.git("clone", "-q", ".", str(clone))
        return clone


def make_merge_bench(folder: Path, author: str = demo_people.AUTHOR, **facts: Any) -> MergeBench:
    """A bench with the change asked for nothing yet."""
    root = FactoryRoot(folder)
    (root.apps / APP / "source" / "links").mkdir(parents=True)
    (folder / "millwright.yaml").touch()
    shutil.copy(REPOSITORY / "apps" / APP / "app.yaml", root.apps / APP)
    for path, text in SOURCE.items():
        (root.apps / APP / "source" / path).write_text(text)
    settings = Settings(factory_id=FACTORY_ID)
    demo_people.ensure(root, settings)
    database = db.connect(root, settings)
    context = Context(root, settings, database, None, None, Faults(folder), Granting())  # type: ignore[arg-type]
    context.repository(APP).ensure(root.apps / APP / "source")
    bench = MergeBench(context, {**FACTS, **facts})
    bench.submitted(CHANGE, author)
    bench.asked_head = bench.work(CHANGE, "tags.py")
    return bench
