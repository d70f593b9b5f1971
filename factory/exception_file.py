"""`exceptions.yaml` as exceptions that hold; every mistake in it at its place, and then none of them holds.

People are read anew each time: who has lost the role security, or a key, accepts nothing any more.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from factory import signatures
from factory.document import Document, Location, load_document
from factory.errors import InputError, Problem
from factory.exceptions import FILE, LONGEST, REQUESTED_FILE, SCANNERS, Accepted, Requested, place_of, too_broad
from factory.gates import Role
from factory.located import nearest, problem_at, validate
from factory.paths import MARKER, FactoryRoot
from factory.people import DEMO_PREFIX, People, load_people
from factory.settings import Settings, new_factory_id
from factory.spec import Environment

LIST: Final = "exceptions"
# Clocks of two machines differ; nothing may be accepted in the future otherwise.
SKEW: Final = timedelta(minutes=5)
OLD: Final = "missing: it was signed for no factory, by an older Millwright, and would hold in any"
NAMELESS: Final = "this factory has no id, so that nothing can be signed for it"
HINT: Final = "nothing goes on until the file is in order: ask anew (`millwright policy except`), or remove the entry"
RENEW: Final = "if it is still needed ask anew (`millwright policy except`); in any case remove the entry"


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    exceptions: list[Accepted] = Field(default=[], description="Every exception.")


class _RequestedFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    exceptions: list[Requested] = Field(default=[], description="Everything that waits for an approver.")


File = TypeVar("File", _File, _RequestedFile)


@dataclass(frozen=True)
class Exceptions:
    """The exceptions of a factory; all of them hold, but for those that have come to their end."""

    entries: tuple[Accepted, ...] = ()
    document: Document | None = None

    def of_stack(self, stack: str, now: datetime) -> tuple[Accepted, ...]:
        """Those of the policy pack about this stack. Raises InputError when one of them has expired."""
        return self._living([entry for entry in self.entries if not entry.tool and entry.stack == stack], now)

    def of_app(self, app: str, now: datetime) -> tuple[Accepted, ...]:
        """Those of the scanners about this app. Raises InputError when one of them has expired."""
        return self._living([entry for entry in self.entries if entry.tool and entry.app == app], now)

    def _living(self, entries: Sequence[Accepted], now: datetime) -> tuple[Accepted, ...]:
        expired = [entry for entry in entries if entry.expired(now)]
        if expired and self.document is not None:
            places = [(LIST, self.entries.index(entry), "expires") for entry in expired]
            problems = (
                problem_at(self.document, place, f"the exception {entry.id} has expired and covers nothing any more")
                for place, entry in zip(places, expired, strict=True)
            )
            raise InputError(f"{self.document.path} holds what has expired", problems=tuple(problems), hint=RENEW)
        return tuple(entries)


def exceptions_file(root: FactoryRoot) -> Path:
    """Where the factory's exceptions stand, whether the file is there or not."""
    return root.path / FILE


def requested_file(root: FactoryRoot) -> Path:
    """Where stands what waits for an approver. It covers nothing, whatever is in it."""
    return root.path / REQUESTED_FILE


def load_exceptions(root: FactoryRoot, settings: Settings, controls: Mapping[str, str], now: datetime) -> Exceptions:
    """The exceptions of `root`. `controls`: the policy pack's, each with why it is never excepted ("" when it may be).

    Raises InputError that names file, line and column of every mistake; an expired one is told where it is used.
    """
    path = exceptions_file(root)
    return read_exceptions(path, root, settings, controls, now) if path.exists() else Exceptions()


def read_exceptions(
    path: Path, root: FactoryRoot, settings: Settings, controls: Mapping[str, str], now: datetime
) -> Exceptions:
    """The same from the file `path`, which need not be the factory's own."""
    document = load_document(path)
    entries = _valid(_File, document).exceptions
    if entries:
        people = load_people(root, settings)
        between = _between(document, entries, controls, people, settings.identity)
        _refuse(document, [*between, *_signed(document, entries, people, now)])
    return Exceptions(tuple(entries), document)


def load_requested(root: FactoryRoot, settings: Settings, controls: Mapping[str, str]) -> tuple[Requested, ...]:
    """What waits for an approver. Raises InputError that names every mistake, as for the exceptions themselves."""
    path = requested_file(root)
    if not path.exists():
        return ()
    document = load_document(path)
    entries = _valid(_RequestedFile, document).exceptions
    people = load_people(root, settings)
    _refuse(document, list(_between(document, entries, controls, people, settings.identity)))
    return tuple(entries)


def require_sound(entry: Requested, controls: Mapping[str, str], identity: str | None) -> None:
    """Raises InputError for what can never be an exception of the factory `identity`, before anybody signs it."""
    if identity is None:
        raise InputError(NAMELESS, hint=_give_id())
    if wrong := next(_unsound(entry, controls, identity), None):
        field, message, _, fix = wrong
        raise InputError(f"{field}: {message}", hint=fix or "")


def _give_id() -> str:
    return f"give it one for good, in {MARKER}: `factory_id: {new_factory_id()}`"


def app_of(entry: Requested) -> str:
    """The app for which an approver must hold the role; "" stands for all, where a stack is none of an app's."""
    app, _, environment = entry.stack.rpartition("-")
    return entry.app or (app if environment in set(Environment) else "")


def standing(people: People, entry: Requested, approver: str) -> str:
    """Why this person may not accept it; "" when the person may."""
    known = people.find(approver)
    app = app_of(entry)
    if known is None and approver.startswith(DEMO_PREFIX):
        return f"{approver} is no demo person here: stand-ins accept only where every target is local"
    if known is None:
        return f"nobody has the id {approver!r}"
    if approver == entry.requester:
        return f"{approver} requested it, and nobody accepts what they ask for themselves"
    if not known.holds(Role.SECURITY, app):
        return f"{approver} does not hold the role {Role.SECURITY} for {app or 'every app'}"
    return ""


def _valid(model: type[File], document: Document) -> File:
    try:
        return validate(model, document)
    except InputError as error:
        problems = tuple(_told_anew(problem) for problem in error.problems)
        raise InputError(str(error), problems=problems, hint=HINT) from None


def _told_anew(problem: Problem) -> Problem:
    """Nobody mends an entry by hand that lacks its factory: what was signed does not say it."""
    lacks = problem.message == "missing" and problem.field.endswith(".factory")
    return replace(problem, message=OLD, fix="remove the entry, and ask anew") if lacks else problem


def _refuse(document: Document, problems: list[Problem]) -> None:
    if problems:
        count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
        places = sorted(problems, key=lambda problem: (problem.line, problem.column))
        raise InputError(f"{document.path} has {count}", problems=tuple(places), hint=HINT)


def _between(
    document: Document,
    entries: Sequence[Requested],
    controls: Mapping[str, str],
    people: People,
    identity: str | None,
) -> Iterator[Problem]:
    """What no single value shows, and the requester's own signature."""
    if entries and identity is None:
        yield problem_at(document, (LIST, 0, "factory"), NAMELESS, fix=_give_id())
        return
    seen: dict[str, int] = {}
    for number, entry in enumerate(entries):
        here: Location = (LIST, number)
        if entry.id in seen:
            line = document.values[LIST, seen[entry.id], "id"][0]
            yield problem_at(
                document, (*here, "id"), f"the id stands here and on line {line}", fix="remove one of them"
            )
        seen.setdefault(entry.id, number)
        for field, message, allowed, fix in _unsound(entry, controls, identity):
            yield problem_at(document, (*here, field), message, allowed=allowed, fix=fix)
        requester = people.find(entry.requester)
        if requester is None:
            yield problem_at(document, (*here, "requester"), f"nobody has the id {entry.requester!r}")
        elif not signatures.verify(
            entry.request_payload(), entry.request_signature, requester.keys, namespace=signatures.EXCEPTION_REQUEST
        ):
            message = f"not a signature by one of {entry.requester}'s keys over exactly what is asked for here"
            yield problem_at(document, (*here, "request_signature"), message)


Wrong = tuple[str, str, str | None, str | None]


def _unsound(entry: Requested, controls: Mapping[str, str], identity: str | None) -> Iterator[Wrong]:
    """What is wrong with an entry by itself: field, message, what is allowed, how to mend it."""
    if entry.factory != identity:
        yield "factory", "it was signed for another factory, and holds in that one only", identity, None
    yield from _unknown_rule(entry, controls)
    if entry.tool:
        if entry.app is None or entry.urn:
            yield (
                "rule",
                "a scanner's finding is of an app's file",
                "`app:`, and neither `resource:` nor `pattern:`",
                None,
            )
        if not entry.path:
            yield "path", "missing: which file of the app", None, None
    elif entry.app is not None or (entry.resource is None) == (entry.pattern is None):
        yield "rule", "a finding of the policy pack is of a resource", "one of `resource:` and `pattern:`", None
    else:
        field = "resource" if entry.pattern is None else "pattern"
        place = place_of(entry.urn)
        if place is None or not entry.urn.isprintable():
            yield field, "not a URN", "urn:pulumi:STACK::PROJECT::TYPE::NAME", None
        elif field == "pattern" and (broad := too_broad(place)):
            yield field, broad, None, None
        elif field == "resource" and "*" in entry.urn:
            yield field, "an exact URN holds no `*`", None, "say `pattern:`, if several resources are meant"
    if entry.finding_fingerprint() != entry.fingerprint:
        yield "fingerprint", "not that of the finding which rule, path and message describe", None, None


def _unknown_rule(entry: Requested, controls: Mapping[str, str]) -> Iterator[Wrong]:
    scanner, rule = SCANNERS.get(entry.tool), entry.rule.partition("/")[2]
    if entry.tool and scanner is None:
        yield "rule", "no scanner is called so", ", ".join(SCANNERS), None
    elif entry.tool and scanner and not scanner.fullmatch(rule):
        yield "rule", f"no rule of {entry.tool} is called so", scanner.pattern, None
    elif not entry.tool and entry.rule not in controls:
        guess = nearest(entry.rule, controls)
        yield "rule", "no rule is called so", None, f"did you mean {guess!r}?" if guess else "millwright policy list"
    elif not entry.tool and (never := controls[entry.rule]):
        yield "rule", f"nobody can accept a finding of {entry.rule}: {never}", None, "mend what it names"


def _signed(document: Document, entries: Sequence[Accepted], people: People, now: datetime) -> Iterator[Problem]:
    """Whether each was accepted: by whom, when, for how long, and with whose signature."""
    for number, entry in enumerate(entries):
        here: Location = (LIST, number)
        if entry.since > now.astimezone(UTC) + SKEW:
            yield problem_at(document, (*here, "approved"), "accepted in the future: is a clock wrong?")
        if datetime.fromisoformat(entry.requested) > entry.since:
            yield problem_at(document, (*here, "approved"), "accepted before it was asked for")
        if entry.ends > entry.since + LONGEST:
            last = (entry.since + LONGEST).astimezone(UTC).date()
            told = f"longer than {LONGEST.days} days after its approval"
            yield problem_at(document, (*here, "expires"), told, allowed=f"until {last}")
        if why := standing(people, entry, entry.approver):
            yield problem_at(document, (*here, "approver"), why)
        elif not signed_by(people, entry):
            message = f"not a signature by one of {entry.approver}'s keys over exactly this entry"
            yield problem_at(document, (*here, "signature"), message)


def signed_by(people: People, entry: Accepted) -> bool:
    """Whether the entry carries its approver's signature."""
    known = people.find(entry.approver)
    return known is not None and signatures.verify(
        entry.payload(), entry.signature, known.keys, namespace=signatures.EXCEPTION
    )
