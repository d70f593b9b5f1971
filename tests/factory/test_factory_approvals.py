"""Where several people must approve: who counts, and what that is worth later. Attacks beside what holds."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from decision_bench import Bench
from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from factory import db, decisions, requests
from factory.decisions import DECISIONS, Decision, DecisionRefused, Verdict
from factory.errors import DecisionRequired
from factory.gates import Deciders, Role
from factory.requests import REQUESTS, Request, RequestState

Attack = Callable[[Bench, Request], object]
BOTH = ["ben", "cleo"]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench.in_folder(tmp_path / "factory")


@pytest.fixture
def asked(bench: Bench) -> Request:
    """A request that takes the approvals of two."""
    return bench.ask(needed=2)


def approved(bench: Bench, request: Request) -> Request:
    for person in BOTH:
        bench.decide(request, person)
    return request


def made_on(bench: Bench, request: Request) -> list[Decision]:
    with db.transaction(bench.database) as connection:
        return decisions.decisions_of(connection, request.id)


def test_a_request_closes_with_the_last_approval_it_takes(bench: Bench, asked: Request) -> None:
    bench.decide(asked, "ben", reason="fits")
    assert bench.read(asked).state is RequestState.OPEN
    assert bench.told("request.closed") == []
    with pytest.raises(DecisionRequired, match="it takes 2 approvals: 1 of 2 approved by ben"):
        bench.verified(asked)
    bench.decide(asked, "cleo")
    assert bench.read(asked).state is RequestState.APPROVED
    assert bench.verified(asked).people == BOTH
    assert [event.actor for event in bench.told("decision.made")] == BOTH
    (closed,) = bench.told("request.closed")
    assert (closed.actor, closed.properties["state"], closed.properties["people"]) == ("cleo", "approved", BOTH)
    with pytest.raises(DecisionRefused, match="it is not open any more: approved"):
        bench.decide(asked, "ben", Verdict.REFUSE, "too late")


@pytest.mark.parametrize("before", [[], ["ben"]])
def test_one_refusal_closes_it_whoever_approved_before(bench: Bench, asked: Request, before: list[str]) -> None:
    for person in before:
        bench.decide(asked, person)
    bench.decide(asked, "cleo", Verdict.REFUSE, "not like this")
    assert bench.read(asked).state is RequestState.REFUSED
    with pytest.raises(DecisionRequired, match="cleo refused it: not like this"):
        bench.verified(asked)
    (closed,) = bench.told("request.closed")
    assert (closed.actor, closed.properties["people"]) == ("cleo", ["cleo"])
    assert bench.verified(approved(bench, bench.ask(needed=2))).people == BOTH


def _again(verdict: Verdict) -> Attack:
    return lambda bench, request: bench.decide(request, "ben", verdict, "again")


def _signed_for_one(bench: Bench, request: Request) -> object:
    """A true signature over the same request, as if it took one approval."""
    payload = decisions.payload(request.model_copy(update={"approvals": 1}), Verdict.APPROVE, "cleo", "")
    return bench.decide(request, "cleo", signature=bench.sign(payload, "cleo"))


def _with_bens_signature(bench: Bench, request: Request) -> object:
    return bench.decide(request, "cleo", signature=made_on(bench, request)[0].signature)


SECOND: dict[str, tuple[Attack, str, str]] = {
    "by the same person": (_again(Verdict.APPROVE), "ben has decided on it already, and nobody does that twice", "ben"),
    "by the same person, otherwise": (_again(Verdict.REFUSE), "ben has decided on it already", "ben"),
    "by an author": (lambda bench, request: bench.decide(request, "ada"), "ada is an author of it", "ada"),
    "without the role": (lambda bench, request: bench.decide(request, "viv"), "viv does not hold the role", "viv"),
    "signed for a request of one": (_signed_for_one, "the signature is not one of cleo's keys", "unattested"),
    "with the first one's signature": (_with_bens_signature, "the signature is not one of cleo's keys", "unattested"),
}


@pytest.mark.parametrize("name", SECOND)
def test_what_is_no_second_approval_is_refused_and_told_and_the_right_one_still_counts(
    name: str, bench: Bench, asked: Request
) -> None:
    attack, why, actor = SECOND[name]
    bench.decide(asked, "ben")
    with pytest.raises(DecisionRefused, match=why):
        attack(bench, asked)
    assert [event.actor for event in bench.told("decision.rejected")] == [actor]
    assert bench.read(asked).state is RequestState.OPEN
    bench.decide(asked, "cleo")
    assert bench.verified(asked).people == BOTH


def _people(bench: Bench, person: str, roles: list[object]) -> object:
    return bench.write({id: {**spec, "roles": roles} if id == person else spec for id, spec in bench.file().items()})


def _lost(person: str) -> Attack:
    return lambda bench, request: _people(bench, person, ["viewer"])


def _row_of(bench: Bench, request: Request, person: str) -> dict[str, object]:
    with db.transaction(bench.database) as connection:
        query = select(DECISIONS).where(DECISIONS.c.request == request.id, DECISIONS.c.person == person)
        return {key: value for key, value in connection.execute(query).mappings().one().items() if key != "id"}


def _without_cleo(bench: Bench, request: Request) -> None:
    with db.transaction(bench.database) as connection:
        connection.execute(delete(DECISIONS).where(DECISIONS.c.request == request.id, DECISIONS.c.person == "cleo"))


def _insert(bench: Bench, row: dict[str, object]) -> None:
    with db.transaction(bench.database) as connection:
        connection.execute(insert(DECISIONS).values(**row))


def _copied_row(bench: Bench, request: Request) -> None:
    """What ben signed, once more, under the name of cleo."""
    _without_cleo(bench, request)
    _insert(bench, {**_row_of(bench, request, "ben"), "person": "cleo"})


def _copied_row_made_to_fit(bench: Bench, request: Request) -> None:
    _without_cleo(bench, request)
    payload = decisions.payload(request, Verdict.APPROVE, "cleo", "").decode()
    _insert(bench, {**_row_of(bench, request, "ben"), "person": "cleo", "payload": payload})


def _lowered(bench: Bench, request: Request) -> None:
    _without_cleo(bench, request)
    bench.tamper(REQUESTS, request.id, approvals=1)


def _lowered_and_made_to_fit(bench: Bench, request: Request) -> None:
    _lowered(bench, request)
    fits = decisions.payload(bench.read(request), Verdict.APPROVE, "ben", "").decode()
    bench.tamper(DECISIONS, request.id, payload=fits)


def _turned_into_a_refusal(bench: Bench, request: Request) -> None:
    row = {**_row_of(bench, request, "cleo"), "verdict": "refuse"}
    _without_cleo(bench, request)
    _insert(bench, row)


CHANGED = "the request or the decision was changed after it was signed"
AFTERWARDS: dict[str, tuple[Attack, str]] = {
    "the first lost the role": (_lost("ben"), "ben does not hold the role maintainer for links"),
    "the last lost the role": (_lost("cleo"), "cleo does not hold the role maintainer for links"),
    "one approval is gone": (_without_cleo, "it takes 2 approvals: 1 of 2 approved by ben"),
    "one is a copy of the other": (_copied_row, CHANGED),
    "one is a copy of the other, made to fit": (
        _copied_row_made_to_fit,
        "the signature is not one of cleo's keys over exactly this",
    ),
    "the number was lowered": (_lowered, CHANGED),
    "the number was lowered, and the text made to fit": (
        _lowered_and_made_to_fit,
        "the signature is not one of ben's keys over exactly this",
    ),
    "the number was raised": (lambda bench, request: bench.tamper(REQUESTS, request.id, approvals=3), CHANGED),
    "one is a refusal": (_turned_into_a_refusal, "cleo refused it: "),
    "it was opened again": (
        lambda bench, request: bench.tamper(REQUESTS, request.id, state=RequestState.OPEN),
        CHANGED,
    ),
}


@pytest.mark.parametrize("name", AFTERWARDS)
def test_the_approvals_hold_together_or_not_at_all(name: str, bench: Bench, asked: Request) -> None:
    attack, why = AFTERWARDS[name]
    assert bench.verified(approved(bench, asked)).people == BOTH
    attack(bench, asked)
    with pytest.raises(DecisionRequired) as caught:
        bench.verified(asked)
    assert str(caught.value).endswith(f": {why}")
    (event,) = bench.told("decision.rejected")
    assert (event.actor, event.properties["reason"]) == ("factory", why)


def test_the_database_takes_one_verdict_of_a_person_and_a_second_one_would_not_count(
    bench: Bench, asked: Request
) -> None:
    made = bench.decide(asked, "ben")
    with pytest.raises(IntegrityError):
        _insert(bench, _row_of(bench, asked, "ben"))
    assert decisions.verdict_of(asked, [made, made]) is None
    other = bench.decide(asked, "cleo")
    assert decisions.verdict_of(asked, [made, other]) is Verdict.APPROVE


def test_a_gate_that_was_tightened_takes_no_approval_of_fewer_and_one_that_was_loosened_takes_more(
    bench: Bench, asked: Request
) -> None:
    one, two = Deciders(Role.MAINTAINER), Deciders(Role.MAINTAINER, 2)
    weaker = bench.ask()
    bench.decide(weaker)
    assert bench.verified(weaker, deciders=one).people == ["ben"]
    with pytest.raises(
        DecisionRequired, match=r"asked with 1 approval\(s\) needed, and app\.yaml asks for 2 for the gate merge now"
    ):
        bench.verified(weaker, deciders=two)
    # Also when somebody else signed the same weaker question, and was put into the database.
    payload = decisions.payload(weaker, Verdict.APPROVE, "cleo", "")
    signed = {"person": "cleo", "payload": payload.decode(), "signature": bench.sign(payload, "cleo")}
    _insert(bench, {**_row_of(bench, weaker, "ben"), **signed})
    with pytest.raises(DecisionRequired, match=r"app\.yaml asks for 2"):
        bench.verified(weaker, deciders=two)
    for deciders in (one, two):
        assert bench.verified(approved(bench, asked) if deciders is one else asked, deciders=deciders).people == BOTH


def test_what_one_person_signs_is_the_text_that_it_always_was(bench: Bench, asked: Request) -> None:
    alone = bench.ask()
    assert b"approvals" not in decisions.payload(alone, Verdict.APPROVE, "ben", "")
    assert b'"approvals":2' in decisions.payload(asked, Verdict.APPROVE, "ben", "")


def _at_once(bench: Bench, request: Request, people: list[str], monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What `people`, who have all found it open, are answered."""
    together, hold = threading.Barrier(len(people), timeout=30), requests.hold
    answers: list[object] = []

    def hold_together(*arguments: object) -> bool:
        together.wait()
        return hold(*arguments)  # type: ignore[arg-type]

    def decide(person: str) -> None:
        try:
            answers.append(bench.decide(request, person).person)
        except DecisionRefused as refusal:
            answers.append(refusal)

    monkeypatch.setattr(requests, "hold", hold_together)
    threads = [threading.Thread(target=decide, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    monkeypatch.undo()
    return answers


def test_two_who_approve_at_once_both_count_and_close_it_once(
    bench: Bench, asked: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(_at_once(bench, asked, BOTH, monkeypatch)) == set(BOTH)
    assert bench.read(asked).state is RequestState.APPROVED
    assert set(bench.verified(asked).people) == set(BOTH)
    assert len(bench.told("request.closed")) == 1


def test_one_who_approves_twice_at_once_counts_once(
    bench: Bench, asked: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = _at_once(bench, asked, ["ben", "ben"], monkeypatch)
    (refused,) = [answer for answer in answers if isinstance(answer, DecisionRefused)]
    assert str(refused).endswith("ben has decided on it already, and nobody does that twice")
    assert bench.read(asked).state is RequestState.OPEN
    assert [made.person for made in made_on(bench, asked)] == ["ben"]
    bench.decide(asked, "cleo")
    assert bench.verified(asked).people == BOTH
