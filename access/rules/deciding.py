"""The decisions: may this be granted, on which terms; may somebody approve or stop it; which SQL may pass under it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from access.rules import nearest, questions
from access.rules.asked import Asked, Verdict, shown, wrong_in, wrong_principal
from access.rules.engine import (
    STATEMENT_KINDS,
    Answer,
    BrokenPolicies,
    Policies,
    answers,
    base_text,
    policies_from,
)
from access.rules.generated import kind_of, location_of, policies_of
from factory.gates import Gate, Role
from factory.people import People
from factory.spec import AppSpec, Environment
from factory.spec.access import approvers


@dataclass(frozen=True)
class _Terms:
    minutes: int
    approval: Role | None


def decide(spec: AppSpec, people: People, asked: Asked) -> Verdict:
    """Whether what is asked may be granted, for how long at most, and whose approval it takes first.

    Anything that is wrong with the question, the policies or Cedar's answer refuses it; nothing is raised.
    """
    try:
        policies = policies_for(spec)
    except BrokenPolicies as error:
        return _undecidable(error)
    if wrong := tuple(wrong_in(spec, people, asked)):
        return _refused(policies, wrong)
    entities = questions.access_entities(people, asked)
    (answer,) = answers(policies, [questions.access_request(asked, asked.scope.value)], entities)
    if not answer.allowed:
        if told := _told(policies, answer):
            return _refused(policies, told, answer.policies)
        hints = nearest.hints(spec, people, asked)
        return replace(_refused(policies, hints.reasons), places=(hints.place,) if hints.place else ())
    return _on_terms(spec, policies, asked, answer)


def statement_kinds(spec: AppSpec, people: People, asked: Asked) -> frozenset[str]:
    """The classes of SQL statements (`STATEMENT_KINDS`) that may pass under what is asked for.

    None where it is refused, or about something that is no database.
    """
    if kind_of(asked.resource) != "Database" or not decide(spec, people, asked).allowed:
        return frozenset()
    requests = [questions.access_request(asked, f"sql:{kind}") for kind in STATEMENT_KINDS]
    decided = answers(policies_for(spec), requests, questions.access_entities(people, asked))
    return frozenset(kind for kind, answer in zip(STATEMENT_KINDS, decided, strict=True) if answer.allowed)


def may_approve(spec: AppSpec, people: People, asked: Asked, who: str) -> Verdict:
    """Whether somebody may approve what is asked for. What may not be granted (any more) may not be approved."""
    first = decide(spec, people, asked)
    if first.allowed and first.approval is None:
        return Verdict(False, None, 0, ("nobody's approval is asked for this",), (), first.version)
    return _control(_text(spec), people, asked, first.approval, (who, "approve")) if first.allowed else first


def may_stop(people: People, asked: Asked, who: str) -> Verdict:
    """Whether somebody may end what was granted for `asked`, whether or not it would still be granted today.

    By the base policies alone: an app.yaml that is broken or gone keeps nobody from ending anything.
    """
    return _control(base_text(), people, asked, None, (who, "stop"))


def may_stop_all(people: People, asked: Collection[Asked], who: str) -> tuple[Verdict, Asked] | None:
    """The first of these that somebody may not end, and why; None when there is none.

    What is the same question to the rules is put once: ten thousand tasks of an app are one.
    """
    questioned = {questions.control_entities(people, each, None, who): each for each in asked}
    for each in questioned.values():
        if not (verdict := may_stop(people, each, who)).allowed:
            return verdict, each
    return None


def policies_for(spec: AppSpec) -> Policies:
    """All that decides about an app. Raises BrokenPolicies: nothing does."""
    return policies_from(_text(spec))


def _text(spec: AppSpec) -> str:
    return f"{base_text()}\n// --- app.yaml of {spec.name} ---\n\n{policies_of(spec)}"


def _control(text: str, people: People, asked: Asked, approval: Role | None, act: tuple[str, str]) -> Verdict:
    who, action = act
    try:
        policies = policies_from(text)
    except BrokenPolicies as error:
        return _undecidable(error)
    if wrong := tuple(wrong_principal(people, who)):
        return _refused(policies, wrong)
    entities = questions.control_entities(people, asked, approval, who)
    (answer,) = answers(policies, [questions.control_request(who, action)], entities)
    told = _told(policies, answer)
    if not answer.allowed:
        missing = (
            f"{who} does not hold the role {approval or 'maintainer, operator or security'} for {shown(asked.app)}"
        )
        return _refused(policies, told or (missing,), answer.policies)
    return Verdict(True, None, 0, told, answer.policies, policies.version)


def _on_terms(spec: AppSpec, policies: Policies, asked: Asked, answer: Answer) -> Verdict:
    """What Cedar allowed, on the terms that the deciding policies note; refused where they do not hold together."""
    terms = {_terms(spec, policies, id) for id in answer.policies}
    if len(terms) != 1:
        return _refused(policies, ("the deciding policies differ in their terms",), answer.policies)
    (only,) = terms
    if not 0 < asked.minutes <= only.minutes:
        return _refused(policies, (f"it may be held for {only.minutes} minutes at most",), answer.policies)
    production = asked.environment is Environment.PRODUCTION
    if only.approval not in approvers(asked.environment) and (production or only.approval):
        return _refused(policies, ("nobody who may let into it is asked for approval",), answer.policies)
    places = tuple(place for id in answer.policies if (place := location_of(id)))
    told = _told(policies, answer)
    return Verdict(True, only.approval, only.minutes, told, answer.policies, policies.version, places)


def _terms(spec: AppSpec, policies: Policies, id: str) -> _Terms:
    notes = policies.notes[id]
    # A permit that notes no lease holds nothing for any time.
    minutes = int(notes.get("lease", "0"))
    if gate := notes.get("gate"):
        return _Terms(minutes, spec.role_at(Gate(gate)))
    return _Terms(minutes, Role(notes["approval"]) if "approval" in notes else None)


def _told(policies: Policies, answer: Answer) -> tuple[str, ...]:
    says = [policies.notes.get(id, {}).get("says", id) for id in answer.policies]
    failed = [f"it could not be decided, so nothing is allowed: {error}" for error in answer.errors]
    # Where something failed, what permits is no reason.
    return tuple(failed or says)


def _refused(policies: Policies, reasons: Iterable[str], ids: tuple[str, ...] = ()) -> Verdict:
    return Verdict(False, None, 0, tuple(reasons), ids, policies.version)


def _undecidable(error: BrokenPolicies) -> Verdict:
    return Verdict(False, None, 0, (f"{error}; such policies decide nothing",), (), error.version)
