"""What a decision is worth where it is used. Each attack stands beside what holds."""

from collections.abc import Callable
from pathlib import Path

import pytest
from decision_bench import SHOWN, Bench
from sqlalchemy import insert, select

from factory import approvals, db, decisions, demo_people, requests, signatures
from factory.decisions import DECISIONS, DecisionRefused, Verdict
from factory.errors import DecisionRequired
from factory.fingerprints import fingerprint
from factory.gates import Deciders, Gate, Role
from factory.requests import REQUESTS, Request, RequestState
from factory.settings import Settings

OTHER = fingerprint({"head": "b" * 40})
UNSIGNED = "the signature is not one of ben's keys over exactly this"
Attack = Callable[[Bench, Request], object]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench.in_folder(tmp_path / "factory")


def _tampered(**values: object) -> Attack:
    return lambda bench, request: bench.tamper(REQUESTS, request.id, **values)


def _decision(**values: object) -> Attack:
    return lambda bench, request: bench.tamper(DECISIONS, request.id, **values)


def _new_key(bench: Bench, request: Request) -> object:
    people = bench.file()
    people["ben"]["keys"] = people["viv"].pop("keys")
    del people["viv"]
    return bench.write(people)


def _without(id: str) -> Attack:
    return lambda bench, request: bench.write({key: value for key, value in bench.file().items() if key != id})


def _roles(roles: list[object]) -> Attack:
    return lambda bench, request: bench.write(
        {id: {**spec, "roles": roles} if id == "ben" else spec for id, spec in bench.file().items()}
    )


def _refused_turned_round(bench: Bench, request: Request) -> object:
    """The signed refusal of another request, made to look like an approval of this one."""
    other = bench.ask()
    refusal = bench.decide(other, verdict=Verdict.REFUSE, reason="no")
    return bench.tamper(DECISIONS, request.id, payload=refusal.payload, signature=refusal.signature)


def _copied(bench: Bench, request: Request) -> object:
    """The row of another approved request, with every column but the request's id."""
    other = bench.ask()
    bench.decide(other)
    with db.transaction(bench.database) as connection:
        row = connection.execute(select(DECISIONS).where(DECISIONS.c.request == other.id)).mappings().one()
    return bench.tamper(DECISIONS, request.id, **{key: row[key] for key in row if key not in ("id", "request")})


def _copied_with_a_payload_that_fits(bench: Bench, request: Request) -> object:
    _copied(bench, request)
    payload = decisions.payload(request, Verdict.APPROVE, "ben", "").decode()
    return bench.tamper(DECISIONS, request.id, payload=payload)


def _withdrawn(bench: Bench, request: Request) -> object:
    return bench.tamper(REQUESTS, request.id, state=RequestState.WITHDRAWN, reason="pushed")


CHANGED = "the request or the decision was changed after it was signed"
AFTERWARDS: dict[str, tuple[Attack, str]] = {
    "the key was taken away": (_new_key, UNSIGNED),
    "the person was taken away": (_without("ben"), "nobody has the id 'ben'"),
    "the role was taken away": (_roles([]), "ben does not hold the role maintainer for links"),
    "the role is for another app now": (
        _roles([{"role": "maintainer", "apps": ["notes"]}]),
        "ben does not hold the role maintainer for links",
    ),
    "the request was withdrawn": (_withdrawn, "the request was withdrawn: pushed"),
    "what it showed was tampered with": (
        _tampered(shown={**SHOWN, "diff": "+evil\n"}),
        "what it showed was changed after it was asked",
    ),
    "what it showed was tampered with, and its fingerprint": (
        _tampered(shown={"head": "b" * 40}, fingerprint=OTHER),
        f"it was decided on {OTHER[:19]}, and this is {fingerprint(SHOWN)[:19]}",
    ),
    "the state was tampered with": (_tampered(state=RequestState.OPEN), CHANGED),
    "the nonce was tampered with": (_tampered(nonce="x"), CHANGED),
    "the role was tampered with": (_tampered(role=Role.SECURITY), CHANGED),
    "the authors were tampered with": (_tampered(authors=["ben"]), CHANGED),
    "the title was tampered with": (_tampered(title="x"), CHANGED),
    "the app was tampered with": (_tampered(app="notes"), CHANGED),
    "the payload was tampered with": (_decision(payload="{}"), CHANGED),
    "the reason was tampered with": (_decision(reason="x"), CHANGED),
    "the person was tampered with": (_decision(person="cleo"), CHANGED),
    "the signature was tampered with": (_decision(signature="x"), UNSIGNED),
    "the decision is another request's": (_copied, CHANGED),
    "the decision is another request's, made to fit": (_copied_with_a_payload_that_fits, UNSIGNED),
    "the decision is another request's refusal": (_refused_turned_round, CHANGED),
}


@pytest.mark.parametrize("name", AFTERWARDS)
def test_an_approval_holds_until_something_it_rests_on_is_gone(name: str, bench: Bench) -> None:
    attack, why = AFTERWARDS[name]
    request = bench.ask()
    bench.decide(request)
    assert bench.verified(request).people == ["ben"]
    assert bench.told("decision.rejected") == []
    attack(bench, request)
    with pytest.raises(DecisionRequired) as caught:
        bench.verified(request)
    assert str(caught.value).endswith(f": {why}")
    (event,) = bench.told("decision.rejected")
    assert (event.actor, event.properties["reason"], event.properties["request"]) == ("factory", why, request.id)


def test_a_role_that_is_given_back_counts_again(bench: Bench) -> None:
    request = bench.ask()
    bench.decide(request)
    _roles(["viewer"])(bench, request)
    with pytest.raises(DecisionRequired, match="does not hold the role"):
        bench.verified(request)
    _roles(["maintainer"])(bench, request)
    assert bench.verified(request).people == ["ben"]


def test_an_approval_is_for_its_gate_and_its_content_only(bench: Bench) -> None:
    request = bench.ask()
    bench.decide(request)
    with pytest.raises(DecisionRequired, match="it was decided at the gate merge, not production"):
        bench.verified(request, gate=Gate.PRODUCTION)
    with pytest.raises(
        DecisionRequired, match=f"it was decided on {request.fingerprint[:19]}, and this is {OTHER[:19]}"
    ):
        bench.verified(request, fingerprint=OTHER)
    assert len(bench.told("decision.rejected")) == 2
    assert bench.verified(request).made[0].verdict is Verdict.APPROVE


def test_a_decision_of_another_role_than_the_gate_asks_for_now_does_not_hold(bench: Bench) -> None:
    request = bench.ask()
    bench.decide(request)
    with pytest.raises(DecisionRequired, match="it was asked of the role maintainer"):
        bench.verified(request, deciders=Deciders(Role.SECURITY))
    assert len(bench.told("decision.rejected")) == 1
    assert bench.verified(request, deciders=Deciders(Role.MAINTAINER)).people == ["ben"]


def test_what_nobody_approved_is_not_approved(bench: Bench) -> None:
    request, refused = bench.ask(), bench.ask()
    with pytest.raises(DecisionRequired, match="nobody has decided yet"):
        bench.verified(request)
    bench.decide(refused, verdict=Verdict.REFUSE, reason="not like this")
    with pytest.raises(DecisionRequired, match="ben refused it: not like this"):
        bench.verified(refused)
    with pytest.raises(DecisionRequired, match="nobody has been asked"):
        approvals.verified(
            bench.database, bench.people, None, gate=Gate.MERGE, fingerprint=OTHER, deciders=Deciders(Role.MAINTAINER)
        )
    bench.decide(request)
    assert bench.verified(request).people == ["ben"]


def test_a_decision_row_made_by_hand_decides_nothing(bench: Bench) -> None:
    request = bench.ask()
    row = {
        "request": request.id,
        "verdict": "approve",
        "person": "ben",
        "reason": "",
        "payload": decisions.payload(request, Verdict.APPROVE, "ben", "").decode(),
        "decided": requests.now(),
    }
    with db.transaction(bench.database) as connection:
        connection.execute(insert(DECISIONS).values(**row, signature=""))
    bench.tamper(REQUESTS, request.id, state=RequestState.APPROVED)
    with pytest.raises(DecisionRequired, match=UNSIGNED):
        bench.verified(request)
    bench.tamper(DECISIONS, request.id, signature=bench.sign(row["payload"].encode()))
    assert bench.verified(request).people == ["ben"]


def test_a_demo_person_decides_on_the_local_cloud_and_nowhere_else(bench: Bench) -> None:
    demo_people.ensure(bench.root, bench.settings)
    person = demo_people.MAINTAINER
    request, later = bench.ask(), bench.ask()

    def sign(asked: Request) -> str:
        payload = decisions.payload(asked, Verdict.APPROVE, person, "")
        return signatures.sign_unattended(payload, demo_people.key_file(bench.root, person))

    bench.decide(request, person, signature=sign(request))
    assert bench.verified(request).people == [person]
    bench.settings = Settings(aws="account", aws_account="111122223333")
    why = f"{person} is no demo person here: stand-ins decide only where every target is local"
    with pytest.raises(DecisionRequired, match=why):
        bench.verified(request)
    with pytest.raises(DecisionRefused, match=why):
        bench.decide(later, person, signature=sign(later))
    assert [event.actor for event in bench.told("decision.rejected")] == ["factory", "unattested"]
    assert bench.decide(later).person == "ben"
