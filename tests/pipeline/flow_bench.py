"""A flow on a bench: the real gates, people and database; stages answer from a table, and the engine may be killed."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from access_standin import Granting

from factory import db, decisions, demo_people, requests, signatures
from factory.decisions import Verdict
from factory.gates import Gate
from factory.paths import FactoryRoot
from factory.people import load_people
from factory.requests import Request
from factory.settings import Settings
from pipeline import records
from pipeline.context import Context
from pipeline.durable import Json, Lane
from pipeline.faults import Faults
from pipeline.flow import ChangeFlow
from pipeline.records import ChangeRecord, ChangeState, Stage

REPOSITORY = Path(__file__).parents[2]
WHO = {
    Gate.SECURITY_EXCEPTION: demo_people.SECURITY,
    Gate.MERGE: demo_people.MAINTAINER,
    Gate.PRODUCTION: demo_people.OPERATOR,
    Gate.ATTENTION: demo_people.MAINTAINER,
}
# What somebody says, why, and who, where it is not the one of WHO.
Said = tuple[Verdict, str] | tuple[Verdict, str, str]
COUNTS = {"critical": 0, "high": 0, "medium": 0, "low": 0, "info": 0}
GOOD: dict[str, Json] = {
    "intake": {"ok": True},
    "generate": {"state": "submitted", "reason": "", "head": "h1", "changed": True},
    "test": {"passed": True, "report": {"passed": 3}, "feedback": "all passed"},
    "security": {"critical": [], "counts": COUNTS, "feedback": ""},
    "review": {"state": "submitted", "reason": "", "verdict": "approve", "summary": "fine", "comments": []},
    "merge": {"state": "merged", "reason": "", "commit": "m1", "artefact": "sha256:a1"},
    "staging": {"ok": True, "reason": "healthy", "release": 1},
    "production": {"state": "serving", "reason": "healthy"},
    "refuse": {},
    "abandon": {},
    "provenance": {"ok": True, "reason": ""},
    "take-back-staging": {"ok": True, "reason": ""},
    "revert": {"commit": "r1", "reason": ""},
}


class Killed(BaseException):
    """The process is gone, at this very point."""


@dataclass
class BenchEngine:
    """Durable as the protocol says it: answers are remembered over kills. `kill_at` counts answers from 1."""

    answers: dict[str, Callable[[Json, int], Json]]
    memory: dict[str, Json] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    kill_at: int = 0
    _position: int = 0
    _answered: int = 0

    def restart(self) -> None:
        self._position = 0

    def step(self, name: str, work: Callable[[], Json]) -> Json:
        return self._once(f"{self._position}:{name}", work)

    def stage(self, lane: Lane, name: str, key: str, argument: Json) -> Json:
        def work() -> Json:
            turn = sum(asked == name for asked, _ in self.asked)
            self.asked.append((name, key))
            return self.answers[name](argument, turn)

        return self._once(f"{self._position}:{key}", work)

    def stages(self) -> list[str]:
        return [name for name, _ in self.asked]

    def _once(self, key: str, work: Callable[[], Json]) -> Json:
        self._position += 1
        if key not in self.memory:
            answer = work()
            self._answered += 1
            if self._answered == self.kill_at:
                # The effect has happened, and nothing remembers it.
                raise Killed
            self.memory[key] = answer
        return self.memory[key]


@dataclass
class BenchRepository:
    """A branch whose commit a test moves."""

    tip: str = "h1"
    retired: list[str] = field(default_factory=list)

    def head(self, branch: str = "main") -> str:
        return self.tip if branch.startswith("change/") else "main0"

    def merge_base(self, branch: str) -> str:
        return "main0"

    def diff(self, base: str, head: str) -> str:
        return f"diff {base} {head}"

    def changed_files(self, base: str, head: str) -> list[str]:
        return ["links/store.py"]

    def worktrees(self) -> list[Any]:
        return []

    def retire(self, branch: str) -> None:
        self.retired.append(branch)


def not_expected(seconds: float) -> None:
    """No step fails, so none is waited for and repeated; a test that has one fail says what becomes of it."""
    raise AssertionError(f"a step failed, and is to be tried again in {seconds:g} s")


class BenchContext(Context):
    """The real context, with a repository that is a variable."""

    bench_repository = BenchRepository()

    def repository(self, app: str) -> Any:
        return self.bench_repository


@dataclass
class Bench:
    """One factory with one submitted change of `links`."""

    context: BenchContext
    engine: BenchEngine
    identifier: str = "links/expiry"
    sleep: Callable[[float], None] = not_expected

    @property
    def record(self) -> ChangeRecord:
        return self.context.change(self.identifier)

    @property
    def requests(self) -> list[Request]:
        with db.transaction(self.context.database) as connection:
            return requests.of_change(connection, "links", "expiry")

    def run(self, decide: Callable[[Request], Said | None] = lambda _: (Verdict.APPROVE, "")) -> None:
        with self.people(decide):
            ChangeFlow(self.context, self.engine, self.identifier, self.sleep).run()

    def decide(self, request: Request, verdict: Verdict, reason: str, person: str | None = None) -> None:
        who = person or WHO[request.gate]
        signature = signatures.sign_unattended(
            decisions.payload(request, verdict, who, reason), demo_people.key_file(self.context.root, who)
        )
        people = load_people(self.context.root, self.context.settings)
        decisions.decide(
            self.context.database, people, request.id, verdict=verdict, person=who, reason=reason, signature=signature
        )

    @contextmanager
    def people(self, decide: Callable[[Request], Said | None]) -> Iterator[None]:
        """Somebody who looks into the inbox all the time."""
        stop = threading.Event()

        def look() -> None:
            while not stop.wait(0.02):
                for request in self.requests:
                    if request.state == "open" and (said := decide(request)) is not None:
                        self.decide(request, *said)

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def make_bench(folder: Path, **answers: Callable[[Json, int], Json]) -> Bench:
    """A bench whose stages answer GOOD, where `answers` says nothing else (by name, `-` written `_`)."""
    root = FactoryRoot(folder)
    folder.mkdir(exist_ok=True)
    (folder / "millwright.yaml").touch()
    shutil.copytree(REPOSITORY / "apps" / "links", root.apps / "links")
    settings = Settings()
    demo_people.ensure(root, settings)
    database = db.connect(root, settings)
    context = BenchContext(root, settings, database, None, None, Faults(folder), Granting())  # type: ignore[arg-type]
    context.__class__.bench_repository = BenchRepository()
    table: dict[str, Callable[[Json, int], Json]] = {name: _always(answer) for name, answer in GOOD.items()}
    table["propose"] = lambda argument, turn: _propose(context, argument)
    table |= {name.replace("_", "-"): answer for name, answer in answers.items()}
    bench = Bench(context, BenchEngine(table))
    with db.transaction(database) as connection:
        records.add_change(connection, _submitted(bench.identifier))
    return bench


def _always(answer: Json) -> Callable[[Json, int], Json]:
    return lambda argument, turn: answer


def _propose(context: Context, argument: Json) -> Json:
    from pipeline.gates import ask

    record = context.change("links/expiry")
    shown = {"environment": "production", "artefact": argument["artefact"], "round": argument["round"]}
    request = ask(context, record, Gate.PRODUCTION, f"production:{argument['round']}", "to production", shown)
    return {"state": "asked", "release": 100 + argument["round"], "request": request.id}


def _submitted(identifier: str) -> ChangeRecord:
    return ChangeRecord(
        id=identifier,
        app="links",
        change="expiry",
        title="Links expire",
        author=demo_people.AUTHOR,
        specification={"title": "Links expire"},
        digest="sha256:0",
        stage=Stage.INTAKE,
        state=ChangeState.SUBMITTED,
        detail="",
        attempt=0,
        head=None,
        artefact=None,
        submitted=records.now(),
        updated=records.now(),
    )
