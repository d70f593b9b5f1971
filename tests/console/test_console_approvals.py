"""A request that takes two people, as they see it: who has approved, who is waited for, and what does not count."""

import io
import sys

import pytest
from change_bench import AUTHOR, CHANGE, MAINTAINER, SUBMIT, database, with_change
from console_runner import Answer, Runner

from factory import db, demo_people, requests
from factory.errors import ExitCode
from factory.gates import Gate, Role
from factory.paths import FactoryRoot
from factory.requests import Question, Request, RequestState

SECOND = demo_people.SECURITY
STAND_IN = f"{MAINTAINER} (stand-in)"


@pytest.fixture
def desk(root: FactoryRoot, monkeypatch: pytest.MonkeyPatch) -> FactoryRoot:
    """A factory with a change and two maintainers."""
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with_change(root)
    _give(root, SECOND, "[security]", "[maintainer, security]")
    return root


def _give(root: FactoryRoot, person: str, before: str, after: str) -> None:
    file = root.demo_people / "people.yaml"
    head, found, rest = file.read_text().partition(f"  {person}:")
    assert found
    assert f"roles: {before}" in rest
    file.write_text(head + found + rest.replace(f"roles: {before}", f"roles: {after}", 1))


@pytest.fixture
def asked(desk: FactoryRoot) -> Request:
    question = Question(
        key="merge:1",
        gate=Gate.MERGE,
        app="links",
        change=CHANGE,
        title="Merge",
        role=Role.MAINTAINER,
        authors=[AUTHOR],
        shown={"head": "a"},
        approvals=2,
    )
    with db.transaction(database(desk)) as connection:
        return requests.open_request(connection, question)


def _state(root: FactoryRoot, request: Request) -> RequestState:
    with db.transaction(database(root)) as connection:
        found = requests.read(connection, request.id)
    assert found is not None
    return found.state


def test_the_inbox_counts_and_names_who_is_left(millwright: Runner, asked: Request) -> None:
    shown = millwright("inbox").out
    assert "maintainer, it takes 2 different people:" in shown
    millwright("approve", "1", "--as", MAINTAINER)
    shown = millwright("inbox").out
    assert "maintainer, 1 of 2 approved by demo-maintainer:" in shown
    assert "demo-security (stand-in)" in shown
    (document,) = millwright("inbox", "--json").documents
    told = [document[key] for key in ("approvals", "approved_by", "may_decide")]
    assert told == [2, [MAINTAINER], [SECOND]]
    millwright("approve", "1", "--as", SECOND)
    assert millwright("inbox").out == "nothing waits for a person\n"


def test_too_few_who_could_ever_decide_are_told_in_the_inbox(
    millwright: Runner, desk: FactoryRoot, asked: Request
) -> None:
    assert "nobody else" not in millwright("inbox").out
    _give(desk, SECOND, "[maintainer, security]", "[security]")
    assert "nobody else, and it takes 2 (people.yaml, or millwright people demo --deputy)" in millwright("inbox").out
    millwright("approve", "1", "--as", MAINTAINER)
    assert "nobody (people.yaml, or millwright people demo --deputy)" in millwright("inbox").out
    # What it says really helps.
    assert millwright("people", "demo", "--deputy").code == ExitCode.OK
    assert f"{demo_people.DEPUTY} (stand-in)" in millwright("inbox").out
    assert millwright("approve", "1", "--as", demo_people.DEPUTY).code == ExitCode.OK
    assert _state(desk, asked) is RequestState.APPROVED


def test_review_shows_who_said_what_and_what_to_type_next(millwright: Runner, asked: Request) -> None:
    assert "approvals      it takes 2 different people" in millwright("review", "1").out
    millwright("approve", "1", "--as", MAINTAINER, "--reason", "it fits")
    shown = millwright("review", "1").out
    assert "approvals      1 of 2 approved by demo-maintainer" in shown
    assert f"{STAND_IN} decided approve" in shown
    assert f"millwright approve 1 --as {SECOND} --fingerprint {asked.fingerprint}" in shown
    (document,) = millwright("review", "1", "--json").documents
    assert [(made["person"], made["reason"]) for made in document["decisions"]] == [(MAINTAINER, "it fits")]
    millwright("approve", "1", "--as", SECOND)
    shown = millwright("review", "1").out
    assert "to decide:" not in shown
    assert "2 of 2 approved by demo-maintainer, demo-security" in shown
    assert shown.index(f"{STAND_IN} decided") < shown.index(f"{SECOND} (stand-in) decided approve")


def test_an_approval_says_that_another_one_is_needed_and_the_last_what_follows(
    millwright: Runner, desk: FactoryRoot, asked: Request
) -> None:
    assert millwright("approve", "1", "--as", MAINTAINER).out.splitlines()[:2] == [
        f"request 1: {STAND_IN} decided approve",
        "  next: 1 of 2 approved by demo-maintainer; it waits for demo-security (stand-in)",
    ]
    assert _state(desk, asked) is RequestState.OPEN
    (document,) = millwright("approve", "1", "--as", SECOND, "--json").documents
    told = [document[key] for key in ("person", "state", "approvals", "approved_by", "next")]
    follows = "this very commit is merged, tested as merged, and goes to staging"
    assert told == [SECOND, "approved", 2, [MAINTAINER, SECOND], follows]


def test_the_same_person_and_an_author_are_no_second_one(millwright: Runner, desk: FactoryRoot, asked: Request) -> None:
    def refused(answer: Answer, why: str) -> bool:
        return answer.code == ExitCode.DECISION_REQUIRED and why in answer.err

    assert millwright("approve", "1", "--as", MAINTAINER).code == ExitCode.OK
    again = millwright("approve", "1", "--as", MAINTAINER)
    assert refused(again, "demo-maintainer has decided on it already, and nobody does that twice")
    assert refused(millwright("approve", "1", "--as", AUTHOR), "demo-author is an author of it")
    assert _state(desk, asked) is RequestState.OPEN
    assert millwright("approve", "1", "--as", SECOND).code == ExitCode.OK
    assert _state(desk, asked) is RequestState.APPROVED


def test_a_refusal_after_an_approval_ends_it(millwright: Runner, desk: FactoryRoot, asked: Request) -> None:
    millwright("approve", "1", "--as", MAINTAINER)
    told = millwright("refuse", "1", "--as", SECOND, "--reason", "no", "--json").documents[0]
    assert (told["state"], told["approved_by"], told["next"]) == (
        "refused",
        [MAINTAINER],
        "your reason goes back to the coder",
    )
    assert _state(desk, asked) is RequestState.REFUSED


def test_the_change_says_how_many_it_waits_for(millwright: Runner, asked: Request) -> None:
    millwright(*SUBMIT)

    def shown() -> str:
        return millwright("change", "show", "links", CHANGE).out

    assert "waits for: 2 people (maintainer) to decide on merge: millwright review 1" in shown()
    assert "request 1, open: 2 people with the role maintainer decide" in shown()
    millwright("approve", "1", "--as", MAINTAINER, "--reason", "it fits")
    whom = "1 more (maintainer; 1 of 2 approved by demo-maintainer)"
    assert f"waits for: {whom} to decide on merge: millwright review 1" in shown()
    assert f"request 1, open: 1 of 2 needed: {STAND_IN} decided approve: it fits" in shown()
    millwright("approve", "1", "--as", SECOND)
    both = f"{STAND_IN} decided approve: it fits; {SECOND} (stand-in) decided approve"
    assert f"request 1, approved: {both}" in shown()


def test_a_request_that_was_withdrawn_after_one_approval_says_why(
    millwright: Runner, desk: FactoryRoot, asked: Request
) -> None:
    millwright(*SUBMIT)
    millwright("approve", "1", "--as", MAINTAINER)
    with db.transaction(database(desk)) as connection:
        requests.withdraw(connection, asked, "something was pushed")
    assert "request 1, withdrawn: something was pushed" in millwright("change", "show", "links", CHANGE).out
    refused = millwright("approve", "1", "--as", SECOND)
    assert (refused.code, "withdrawn, something was pushed" in refused.err) == (ExitCode.DECISION_REQUIRED, True)


def test_a_gate_that_asks_for_more_people_than_hold_the_role_is_told_at_its_place(
    millwright: Runner, desk: FactoryRoot
) -> None:
    file = desk.apps / "links" / "app.yaml"
    good = file.read_text()
    file.write_text(f"{good}gates:\n  merge:\n    approvals: 2\n")
    assert millwright("app", "validate").code == ExitCode.OK
    file.write_text(f"{good}gates:\n  merge:\n    approvals: 3\n")
    told = millwright("app", "validate")
    assert told.code == ExitCode.INVALID_INPUT
    line = len(good.splitlines()) + 3
    where = f"links/app.yaml:{line}:16: gates.merge.approvals"
    assert (
        f"{where}: so many people do not hold the role maintainer for links (found 3); allowed: at most 2" in told.err
    )
    where = "(people.yaml, or millwright people demo --deputy)"
    assert f"give more people the role maintainer {where}, or ask for fewer" in told.err
    assert millwright("people", "demo", "--deputy").code == ExitCode.OK
    assert millwright("app", "validate").code == ExitCode.OK
    file.write_text(f"{good}gates:\n  merge:\n    approvals: 4\n")
    assert "the role maintainer (people.yaml), or ask for fewer" in millwright("app", "validate").err
