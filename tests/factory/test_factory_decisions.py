"""Who may decide, and what a signature is bound to. Each attack stands beside what succeeds."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from decision_bench import SHOWN, Bench
from sqlalchemy import Connection

from factory import db, decisions, requests, signatures
from factory.decisions import Decision, DecisionRefused, Verdict
from factory.errors import ExitCode, InputError
from factory.fingerprints import fingerprint
from factory.gates import Gate, Role
from factory.requests import REQUESTS, Request, RequestState

OTHER = fingerprint({"head": "b" * 40})
Attack = Callable[[Bench, Request], object]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench.in_folder(tmp_path / "factory")


def _signed(verdict: Verdict = Verdict.APPROVE, reason: str = "", **differs: object) -> Attack:
    """A true signature of ben over something else than what is decided."""

    def attack(bench: Bench, request: Request) -> object:
        payload = decisions.payload(request.model_copy(update=differs), verdict, "ben", reason)
        return bench.decide(request, signature=bench.sign(payload))

    return attack


def _by(person: str) -> Attack:
    return lambda bench, request: bench.decide(request, person)


def _in_bens_name(bench: Bench, request: Request) -> object:
    payload = decisions.payload(request, Verdict.APPROVE, "ben", "")
    return bench.decide(request, signature=bench.sign(payload, "cleo"))


def _for_another_request(bench: Bench, request: Request) -> object:
    payload = decisions.payload(bench.ask(), Verdict.APPROVE, "ben", "")
    return bench.decide(request, signature=bench.sign(payload))


def _made_to_submit(bench: Bench, request: Request) -> object:
    payload = decisions.payload(request, Verdict.APPROVE, "ben", "")
    return bench.decide(request, signature=bench.sign(payload, namespace=signatures.SUBMIT))


def _by_a_stranger(bench: Bench, request: Request) -> object:
    payload = decisions.payload(request, Verdict.APPROVE, "zoe", "")
    return bench.decide(request, "zoe", signature=bench.sign(payload))


UNSIGNED = "the signature is not one of ben's keys over exactly this"
# name: what is tried, why it is refused, who is told to have tried.
AT_THE_DESK: dict[str, tuple[Attack, str, str]] = {
    "by an author": (_by("ada"), "ada is an author of it, and nobody decides on their own work", "ada"),
    "without the role": (_by("viv"), "viv does not hold the role maintainer for links", "viv"),
    "with the role for another app": (_by("dora"), "dora does not hold the role maintainer for links", "dora"),
    "by a stranger": (_by_a_stranger, "nobody has the id 'zoe'", "unattested"),
    "with another's key": (_in_bens_name, UNSIGNED, "unattested"),
    "with no signature": (lambda bench, request: bench.decide(request, signature="x"), UNSIGNED, "unattested"),
    "signed for another request": (_for_another_request, UNSIGNED, "unattested"),
    "signed for the other verdict": (_signed(Verdict.REFUSE), UNSIGNED, "unattested"),
    "signed with another reason": (_signed(reason="because"), UNSIGNED, "unattested"),
    "signed to submit": (_made_to_submit, UNSIGNED, "unattested"),
    "signed for another id": (_signed(id=99), UNSIGNED, "unattested"),
    "signed for other content": (_signed(fingerprint=OTHER), UNSIGNED, "unattested"),
    "signed for another nonce": (_signed(nonce="x"), UNSIGNED, "unattested"),
    "signed for another gate": (_signed(gate=Gate.ATTENTION), UNSIGNED, "unattested"),
    "signed for another app": (_signed(app="notes"), UNSIGNED, "unattested"),
    "signed for another change": (_signed(change="x"), UNSIGNED, "unattested"),
    "signed for another environment": (_signed(environment="staging"), UNSIGNED, "unattested"),
    "signed for another title": (_signed(title="x"), UNSIGNED, "unattested"),
    "signed for another role": (_signed(role=Role.VIEWER), UNSIGNED, "unattested"),
    "signed for other authors": (_signed(authors=[]), UNSIGNED, "unattested"),
    "refused without a reason": (
        lambda bench, request: bench.decide(request, verdict=Verdict.REFUSE, reason=" "),
        "a refusal needs a reason: others act on it",
        "ben",
    ),
}


@pytest.mark.parametrize("name", AT_THE_DESK)
def test_what_is_no_decision_is_refused_and_told_and_the_right_one_still_counts(name: str, bench: Bench) -> None:
    attack, why, actor = AT_THE_DESK[name]
    request = bench.ask()
    with pytest.raises(DecisionRefused) as caught:
        attack(bench, request)
    assert str(caught.value) == f"request {request.id} (merge of stats): {why}"
    assert (caught.value.exit_code, caught.value.hint) == (ExitCode.DECISION_REQUIRED, "millwright review 1")
    (event,) = bench.told("decision.rejected")
    assert (event.actor, event.properties["reason"], event.properties["request"]) == (actor, why, request.id)
    assert bench.read(request).state is RequestState.OPEN
    bench.decide(request)
    assert bench.verified(request).people == ["ben"]
    assert len(bench.told("decision.made")) == 1


def test_a_decision_is_told_with_what_was_decided_and_closes_the_request(bench: Bench) -> None:
    request = bench.ask()
    made = bench.decide(request, verdict=Verdict.REFUSE, reason="not now")
    assert (made.request, made.verdict, made.person, made.reason) == (request.id, Verdict.REFUSE, "ben", "not now")
    assert bench.read(request).state is RequestState.REFUSED
    (event,) = bench.told("decision.made")
    assert (event.actor, event.app, event.change) == ("ben", "links", "stats")
    assert event.properties == {
        "request": request.id,
        "gate": "merge",
        "verdict": "refuse",
        "person": "ben",
        "reason": "not now",
        "fingerprint": request.fingerprint,
    }
    assert bench.told("decision.rejected") == []


def test_a_role_for_named_apps_decides_there(bench: Bench) -> None:
    request = bench.ask(app="notes")
    assert bench.decide(request, "dora").person == "dora"
    with pytest.raises(DecisionRefused, match="dora does not hold the role maintainer for links"):
        bench.decide(bench.ask(), "dora")


def test_a_request_is_decided_once(bench: Bench) -> None:
    request = bench.ask()
    bench.decide(request)
    with pytest.raises(DecisionRefused, match="it is not open any more: approved"):
        bench.decide(request, "cleo", Verdict.REFUSE, "too late")
    assert bench.verified(request).people == ["ben"]
    assert [event.actor for event in bench.told("decision.rejected")] == ["cleo"]


def test_what_was_withdrawn_is_not_decided(bench: Bench) -> None:
    request, control = bench.ask(), bench.ask()
    with db.transaction(bench.database) as connection:
        requests.withdraw(connection, request, "something was pushed")
    with pytest.raises(DecisionRefused, match="it is not open any more: withdrawn, something was pushed"):
        bench.decide(request)
    assert bench.decide(control).person == "ben"


def test_of_two_who_decide_at_once_one_does(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    request, both = bench.ask(), threading.Barrier(2, timeout=30)
    hold = requests.hold
    answers: list[Decision | DecisionRefused] = []

    def hold_together(*arguments: object) -> bool:
        # Both have found it open.
        both.wait()
        return hold(*arguments)

    def decide(person: str) -> None:
        try:
            answers.append(bench.decide(request, person))
        except DecisionRefused as refusal:
            answers.append(refusal)

    monkeypatch.setattr(requests, "hold", hold_together)
    threads = [threading.Thread(target=decide, args=(person,)) for person in ("ben", "cleo")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    (made,) = [answer for answer in answers if isinstance(answer, Decision)]
    (refused,) = [answer for answer in answers if isinstance(answer, DecisionRefused)]
    assert str(refused).endswith("it was decided or withdrawn by somebody else at this moment")
    (event,) = bench.told("decision.rejected")
    assert {event.actor, made.person} == {"ben", "cleo"}
    assert bench.verified(request).made == [made]


def test_what_was_changed_after_it_was_asked_cannot_be_approved(bench: Bench) -> None:
    request = bench.ask()
    bench.tamper(REQUESTS, request.id, shown={**SHOWN, "diff": "+evil\n"})
    with pytest.raises(DecisionRefused, match="what it shows was changed after it was asked"):
        bench.decide(request)
    bench.tamper(REQUESTS, request.id, shown=SHOWN)
    assert bench.decide(request).person == "ben"


def test_a_request_put_to_a_role_that_never_decides_there_is_not_decided(bench: Bench) -> None:
    request = bench.ask()
    bench.tamper(REQUESTS, request.id, role=Role.VIEWER)
    with pytest.raises(DecisionRefused, match="the role viewer never decides at the gate merge"):
        bench.decide(bench.read(request), "viv")
    bench.tamper(REQUESTS, request.id, role=Role.MAINTAINER)
    assert bench.decide(request).person == "ben"


def test_a_request_that_is_not_there_is_no_decision_of_anybody(bench: Bench) -> None:
    request = bench.ask()
    with pytest.raises(InputError, match="there is no request 7"):
        bench.decide(request.model_copy(update={"id": 7}))
    assert bench.told("decision.rejected") == []


def test_what_is_withdrawn_at_this_moment_is_not_decided(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    request, hold = bench.ask(), requests.hold

    def too_late(connection: Connection, number: int) -> bool:
        requests.withdraw(connection, request, "pushed")
        return hold(connection, number)

    monkeypatch.setattr(requests, "hold", too_late)
    with pytest.raises(DecisionRefused, match="decided or withdrawn by somebody else at this moment"):
        bench.decide(request)
    monkeypatch.undo()
    assert bench.read(request).state is RequestState.WITHDRAWN
    with db.transaction(bench.database) as connection:
        assert decisions.decisions_of(connection, request.id) == []
    assert bench.decide(bench.ask()).person == "ben"
