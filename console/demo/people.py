"""Who decides in the demo: the person at the terminal, or, with `--auto`, the labelled demo people."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine

from console.show import ERR, escaped
from factory import db, decisions, demo_people, requests, signatures
from factory.decisions import Verdict
from factory.gates import Gate
from factory.paths import FactoryRoot
from factory.people import load_people
from factory.requests import Request, RequestState
from factory.settings import Settings
from pipeline import records

# Whose merge waits for whose: what goes to main behind a change brings that change to production with it, and the
# release of the key is to turn out bad while the other's is not.
FIRST = {"https-only": "link-stats"}


@dataclass(frozen=True)
class Desk:
    """Where decisions of the demo are made and signed."""

    root: FactoryRoot
    settings: Settings
    database: Engine

    def decide(self, request: Request, verdict: Verdict, reason: str) -> None:
        """Sign and record it as the demo people who answer: one, or as many as an approval takes."""
        asked = self.answering(request)
        for person in asked if verdict is Verdict.APPROVE else asked[:1]:
            self._sign(request, verdict, person, reason)

    def answering(self, request: Request) -> list[str]:
        """The demo people who hold the role that decides it, as many as it takes; the deputy comes last."""
        able = load_people(self.root, self.settings).who_may(request.role, request.app, request.authors)
        names = [person.id for person in able if person.demo]
        return sorted(names, key=lambda name: name == demo_people.DEPUTY)[: request.approvals]

    def _sign(self, request: Request, verdict: Verdict, person: str, reason: str) -> None:
        payload = decisions.payload(request, verdict, person, reason)
        signature = signatures.sign_unattended(payload, demo_people.key_file(self.root, person))
        decisions.decide(
            self.database,
            load_people(self.root, self.settings),
            request.id,
            verdict=verdict,
            person=person,
            reason=reason,
            signature=signature,
        )
        ERR.print(f"  [cyan]{person}[/] (stand-in) {verdict}s {escaped(request.title)} [dim]#{request.id}[/]")

    def is_open(self, request: Request) -> bool:
        """Whether nobody has decided it meanwhile (in another terminal)."""
        with db.transaction(self.database) as connection:
            now = requests.read(connection, request.id)
        return now is not None and now.state is RequestState.OPEN

    def still_to_merge(self, app: str, change: str) -> bool:
        """Whether a change is on its way to main, and nobody has to help it on."""
        with db.transaction(self.database) as connection:
            record = records.read_change(connection, f"{app}/{change}")
            asked = {(r.change, r.gate) for r in requests.open_requests(connection) if r.app == app}
        on_its_way = record is not None and not record.ended and record.artefact is None
        return on_its_way and (change, Gate.ATTENTION) not in asked


# True: answered. False: left in the inbox. None: not yet, it is to be asked again.
Answer = Callable[[Desk, Request], bool | None]


def answer_by_itself(desk: Desk, request: Request) -> bool | None:
    """`--auto`: approve what is fine, take a bad release back, and leave a change that does not get through."""
    first = FIRST.get(request.change or "") if request.gate is Gate.MERGE else None
    if first and desk.still_to_merge(request.app, first):
        return None
    if request.gate is Gate.ATTENTION and ":again:" in request.key:
        return False
    if request.gate is Gate.SECURITY_EXCEPTION:
        desk.decide(request, Verdict.REFUSE, "the demo accepts no critical finding")
    else:
        desk.decide(request, Verdict.APPROVE, "decided by the demo")
    return True


def answer_at_terminal(desk: Desk, request: Request) -> bool | None:
    """Ask the person at the terminal; without one, say which command decides it from elsewhere."""
    command, people = f"cd {desk.root.path.name} && millwright review {request.id}", ", ".join(desk.answering(request))
    ERR.print(f"\n  [bold yellow]a person is asked[/] at the gate {request.gate}: {escaped(request.title)}")
    ERR.print(f"  to see it: {command}")
    if not sys.stdin.isatty():
        ERR.print(f"  to decide: millwright approve|refuse {request.id} --as {people}")
        return False
    while desk.is_open(request):
        ERR.print(f"  as {people} (stand-in): [bold]a[/]pprove, [bold]r[/]efuse, [bold]l[/]eave it: ", end="")
        match sys.stdin.readline().strip().lower()[:1]:
            case "a":
                desk.decide(request, Verdict.APPROVE, "")
                return True
            case "r":
                ERR.print("  why: ", end="")
                desk.decide(request, Verdict.REFUSE, sys.stdin.readline().strip() or "no reason given")
                return True
            case "l" | "":
                return False
    return True
