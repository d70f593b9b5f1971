"""What rules and people say to a grant, when it is asked for and each time it is opened. Nothing is written here."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine

from access.grants.model import Grant, Wanted, seconds_until
from access.grants.proof import require_proved
from access.grants.seal import Seal
from access.rules import Asked, Verdict, decide, may_approve, may_stop_all, statement_kinds
from factory import approvals
from factory.errors import AccessDenied, DecisionRequired
from factory.fingerprints import fingerprint
from factory.gates import Deciders, Gate, Role
from factory.paths import FactoryRoot
from factory.people import People, load_people
from factory.requests import Question
from factory.settings import Settings
from factory.spec import AppSpec, load_app

# A request that nobody has decided on after so long was for something that is over.
OPEN_MINUTES: Final = 24 * 60


class Verdicts:
    """Of one factory, as its files say now."""

    def __init__(self, root: FactoryRoot, settings: Settings, database: Engine) -> None:
        self._root, self._settings, self._database = root, settings, database
        self._seal = Seal(root)

    def why(self, wanted: Wanted) -> Verdict:
        """What the rules say to it; nothing is written down. Raises InputError for an app that there is not."""
        people, spec = load_people(self._root, self._settings), load_app(self._root, wanted.app)
        # Whoever names no time is told the most that there is.
        return decide(spec, people, _asked(wanted, wanted.minutes or 1))

    def verify(self, grant: Grant, now: datetime | None) -> Verdict:
        """That it may be given now: by today's rules, and with today's people. Raises AccessDenied that says why not.

        Called where it is given (`now`), not where it was asked for; None for one that is held already.
        """
        spec, people = load_app(self._root, grant.app), load_people(self._root, self._settings)
        verdict = decide(spec, people, _asked(grant, grant.minutes))
        if now is not None and -seconds_until(grant.requested_at, now) > 60.0 * (OPEN_MINUTES + verdict.most_minutes):
            raise AccessDenied(f"it was asked for at {grant.requested_at}, too long ago to be given now")
        if not verdict.allowed:
            raise AccessDenied("it is not allowed any more: " + "; ".join(verdict.reasons))
        if grant.function is None:
            require_proved(people, grant)
        else:
            self._seal.require(grant)
        if verdict.approval is not None:
            self._require_approved(grant, verdict.approval, spec, people)
        return verdict

    def require_may_stop(self, grants: Collection[Grant], person: str) -> None:
        """Raises AccessDenied unless this person may end each of these."""
        # Without app.yaml: what is broken there must keep nobody from ending anything.
        people = load_people(self._root, self._settings)
        if refused := may_stop_all(people, [_asked(grant, grant.minutes) for grant in grants], person):
            verdict, asked = refused
            raise AccessDenied(f"{person} may not stop what is held of {asked.app}: {'; '.join(verdict.reasons)}")

    def statement_kinds(self, grant: Grant) -> frozenset[str]:
        """The classes of SQL statements that may pass under it, by today's rules."""
        people = load_people(self._root, self._settings)
        return statement_kinds(load_app(self._root, grant.app), people, _asked(grant, grant.minutes))

    def _require_approved(self, grant: Grant, role: Role, spec: AppSpec, people: People) -> None:
        """Raises AccessDenied unless a decision that holds lets it in, of people who may still decide so."""
        shown = fingerprint(_shown(grant))
        try:
            approval = approvals.verified(
                self._database,
                people,
                grant.request,
                gate=Gate.ACCESS,
                fingerprint=shown,
                deciders=Deciders(role),
            )
        except DecisionRequired as error:
            raise AccessDenied(str(error)) from None
        for person in approval.people:
            verdict = may_approve(spec, people, _asked(grant, grant.minutes), person)
            if not verdict.allowed:
                raise AccessDenied(f"{person} may not approve it: {'; '.join(verdict.reasons)}")


def question(grant: Grant, verdict: Verdict) -> Question:
    """What people are asked, where the verdict names whose approval it takes."""
    if verdict.approval is None:
        raise ValueError("nobody is asked")
    people = (grant.on_behalf_of, "" if grant.function else grant.principal)
    return Question(
        key=f"access:{grant.id}",
        gate=Gate.ACCESS,
        app=grant.app,
        environment=grant.environment.value,
        title=f"access of {grant.principal} to {grant.resource} ({grant.scope}) in {grant.environment}",
        role=verdict.approval,
        authors=sorted({each for each in people if each}),
        shown=_shown(grant),
    )


def _shown(grant: Grant) -> dict[str, Any]:
    """What people are shown and decide on."""
    fields = {"id", "principal", "on_behalf_of", "change", "resource", "environment", "scope", "minutes", "reason"}
    told = grant.model_dump(mode="json", include=fields)
    return {
        **{name: value for name, value in told.items() if value not in (None, "")},
        "token": fingerprint([grant.token_digest, grant.verifier]),
        "approve": f"{grant.principal} is let in, for {grant.minutes} minutes",
        "refuse": f"{grant.principal} is not let in",
    }


def _asked(about: Wanted | Grant, minutes: int) -> Asked:
    return Asked(
        app=about.app,
        principal=about.principal,
        function=about.function,
        on_behalf_of=about.on_behalf_of,
        environment=about.environment,
        resource=about.resource,
        scope=about.scope,
        minutes=minutes,
        tags=about.tags if isinstance(about, Wanted) else {},
    )
