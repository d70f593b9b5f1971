"""Where access is asked for: decided by the rules, and by people where the rule says so. Nothing is opened here.

Any process of the factory may use it; the broker does what is decided.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import uuid_utils
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from access import audit
from access.clock import MACHINE, Clock
from access.grants import stops, store
from access.grants.model import Grant, Wanted, after, digest, new_token, seconds_until, stamp
from access.grants.proof import Sign, proved, require_said
from access.grants.refused_uses import RefusedUses
from access.grants.seal import Seal
from access.grants.states import LIVE, OVER, Move, State
from access.grants.verdicts import OPEN_MINUTES, Verdicts, question
from access.postgres.scram import stored
from access.rules import Verdict
from access.ssh import authorities
from factory import db, decisions, events, requests
from factory.errors import AccessDenied, CloudUnavailable, InputError
from factory.events import Event
from factory.paths import FactoryRoot
from factory.people import load_people
from factory.requests import Request, RequestState
from factory.settings import Settings
from factory.spec import Scope
from factory.spec.access import MODEL, REPOSITORY

# What happened and is in no audit log after so long stops what would happen next.
BACKLOG_SECONDS: Final = 30
# Which kind of provider opens what app.yaml calls so.
KINDS: Final = {
    "databases": "postgres",
    "secrets": "secret",
    REPOSITORY: "git",
    MODEL: "model",
    "queues": "aws",
    "apis": "api",
    "hosts": "ssh",
}
# A new value comes with the app's release: `millwright secrets set`, `millwright up`.
READ_ONLY: Final = frozenset({"secrets"})
ENDING: Final = frozenset({State.REVOKING, State.REVOKE_FAILED})
LOOKS: Final = 5
LEAST_GAIN_SECONDS: Final = 60.0
# Of one grant: each is told, and a client needs one for each time it comes.
MOST_CERTIFICATES: Final = 1_000
CERTIFIED: Final = "grant.certified"


@dataclass(frozen=True)
class Given:
    """A grant, and its token: told once, to whoever asked."""

    grant: Grant
    token: str


class Desk:
    """One factory's desk, that of `root`. `clock` is what it goes by."""

    def __init__(self, root: FactoryRoot, settings: Settings, database: Engine, clock: Clock = MACHINE) -> None:
        self.root, self.clock, self._settings, self._database, self._now = root, clock, settings, database, clock.now
        self.verdicts = Verdicts(root, settings, database)
        self.refused_uses = RefusedUses(database)
        self._seal = Seal(root)

    @property
    def is_local(self) -> bool:
        """Whether everything is on the local cloud."""
        return self._settings.aws == "local"

    def ask(self, wanted: Wanted, sign: Sign | None = None) -> Given:
        """Ask for access; `sign` proves that a person does. It is on its way then, or waits for people.

        Raises AccessDenied: nothing allows it, which is written down, or nothing is given now; InputError;
        CloudUnavailable when it cannot be written down, and so is not given.
        """
        try:
            return self._ask(wanted, sign)
        except DBAPIError as error:
            raise CloudUnavailable(
                f"nothing is given: the factory's database does not take it: {error.orig}",
                hint="check that it answers, and has space",
            ) from None

    def _ask(self, wanted: Wanted, sign: Sign | None) -> Given:
        verdict = self.verdicts.why(wanted)
        token = new_token()
        grant = self._draft(wanted, verdict, token)
        grant = self._seal.sealed(grant) if sign is None else proved(grant, sign)
        refusal = _refusal(wanted, verdict)
        with db.transaction(self._database) as connection:
            self.require_logged(connection)
            if verdict.approval is not None and not refusal:
                request = requests.open_request(connection, question(grant, verdict), actor=grant.principal)
                grant = grant.model_copy(update={"request": request.id})
            store.add(connection, grant, actor=grant.principal)
            if refusal:
                store.move(connection, grant, Move.DENY, why=refusal, **self._over(refusal))
            elif verdict.approval is None:
                grant = store.move(connection, grant, Move.ALLOW, why="; ".join(verdict.reasons))
        if refusal:
            which = f"{wanted.app} {wanted.environment} {wanted.resource}"
            raise AccessDenied(refusal, hint=f"millwright access why {which} --scope {wanted.scope}")
        return Given(grant, token)

    def settle(self, grant: Grant) -> Grant:
        """Bring one that waits for people on, when they have decided, or nobody will. Raises Overtaken."""
        with db.transaction(self._database) as connection:
            request = None if grant.request is None else requests.read(connection, grant.request)
            made = [] if request is None else decisions.decisions_of(connection, request.id)
        if request is None or request.state is RequestState.WITHDRAWN:
            return self._deny(grant, "the request was withdrawn")
        if request.state is RequestState.REFUSED:
            refused = [each for each in made if each.verdict is decisions.Verdict.REFUSE]
            return self._deny(grant, "; ".join(f"{each.person} refused it: {each.reason}" for each in refused))
        if request.state is RequestState.OPEN:
            waits_since = stamp(self._now() - timedelta(minutes=OPEN_MINUTES))
            return self._deny(grant, "nobody decided on it in a day") if grant.requested_at < waits_since else grant
        return self._allow(grant, request)

    def end(self, grant: Grant, why: str, *, actor: str) -> Grant:
        """Have it end: at once when nothing stands yet, otherwise the broker takes away what there is.

        One that ends already, or is over, stays as it is. Raises Overtaken.
        """
        if grant.state in OVER or grant.state in ENDING:
            return grant
        if grant.state is State.REQUESTED:
            return self._deny(grant, why, actor=actor)
        with db.transaction(self._database) as connection:
            return store.move(connection, grant, Move.REVOKE, actor=actor, why=why, ended_reason=why)

    def revoke(self, grant: Grant, why: str, person: str, sign: Sign) -> Grant:
        """Have it end, as a person says and signs: its holder, or who may stop any of the app's.

        Raises AccessDenied for anybody else, Overtaken.
        """
        require_said(load_people(self.root, self._settings), person, {"revoke": grant.id, "why": why}, sign)
        if person != grant.principal:
            self.verdicts.require_may_stop([grant], person)
        return self.end(grant, why, actor=person)

    def stop(self, app: str | None, why: str, person: str, sign: Sign) -> list[Grant]:
        """Have all of an app's end at once, or all of everybody's, as a person says and signs; those that do.

        Raises AccessDenied.
        """
        require_said(load_people(self.root, self._settings), person, {"stop": app, "why": why}, sign)

        told = False

        def look() -> list[Grant]:
            nonlocal told
            # All or nothing: whoever may not stop one of them is told before any is.
            found = self._standing(app)
            self.verdicts.require_may_stop(found, person)
            if found and not told:
                # Who is in is out by this alone, however long it takes to move the rows.
                with db.transaction(self._database) as connection:
                    stops.tell(connection, app, why, person, self._now())
                told = True
            return found

        return self._end_all(look, why, lambda _: person)

    def end_stopped(self, stopped: list[Grant], stop: Event) -> None:
        """Have those end that an emergency stop means, and that who stopped has not come to."""
        self._end_all(lambda: stopped, str(stop.properties["why"]), lambda _: stop.actor, looks=1)

    def end_task(self, app: str, task: str, why: str) -> list[Grant]:
        """Have all of a task's end; those that do."""
        return self._end_all(lambda: self._standing(app, task), why, lambda grant: grant.principal)

    def renew(self, grant: Grant, fence: int, minutes: int, *, actor: str) -> Grant:
        """Prolong an active one: so many minutes from now on, and no longer than its hard limit. Where that gains less
        than a minute it stays as it is: each time is told, for ever.

        Raises AccessDenied: it is over, it would not be given any more, or `fence` is an older one; Overtaken.
        """
        if grant.state is not State.ACTIVE or (grant.lease_until or "") <= stamp(self._now()):
            raise AccessDenied(f"the grant {grant.id} is over: {grant.ended_reason or grant.state}")
        if fence != grant.fence:
            raise AccessDenied(f"the grant {grant.id} has moved on since: fence {grant.fence}, not {fence}")
        self.verdicts.verify(grant, None)
        now, hard, lease = self._now(), grant.hard_until or "", grant.lease_until or ""
        until = min(after(now, minutes), hard)
        gained = seconds_until(until, now) - seconds_until(lease, now)
        if gained <= 0 or (gained < LEAST_GAIN_SECONDS and until != hard):
            return grant
        with db.transaction(self._database) as connection:
            return store.renew(connection, grant, until, actor=actor)

    def require_logged(self, connection: Connection) -> None:
        """No audit, no access. Raises AccessDenied."""
        waits = audit.backlog(connection)
        if waits.events and self._waits_too_long(waits):
            raise AccessDenied(
                f"{waits.events} events since {waits.oldest} are in no audit log yet: nothing is given until they are",
                hint="millwright factory up starts what logs them",
            )

    def _waits_too_long(self, waits: audit.Backlog) -> bool:
        # Their own time is by a clock that may have been set since.
        seconds = audit.seconds_since_logged(self.root, self.clock.moment())
        if seconds is None:
            return waits.oldest < stamp(self._now() - timedelta(seconds=BACKLOG_SECONDS))
        return seconds > BACKLOG_SECONDS

    def certificate(self, grant: Grant, public_key: str) -> str:
        """A certificate for a key, by which the grant's holder is let in at the bastion until its lease is over.

        Raises AccessDenied: it is over, of another kind, or would not be given any more; InputError for no such key.
        """
        key, now, until = authorities.public_key(public_key), self._now(), grant.lease_until or ""
        if grant.provider_kind != KINDS["hosts"] or grant.state is not State.ACTIVE or until <= stamp(now):
            raise AccessDenied(f"there is no certificate for the grant {grant.id}: {grant.ended_reason or grant.state}")
        self.verdicts.verify(grant, None)
        authority = authorities.private_key(self.root, authorities.Keys.HOLDERS)
        made = authorities.certify(authority, key, grant.provider_ref, grant.id, now, datetime.fromisoformat(until))
        with db.transaction(self._database) as connection:
            if events.count_of_grant(connection, CERTIFIED, grant.id) >= MOST_CERTIFICATES:
                raise AccessDenied(f"the grant {grant.id} has had its {MOST_CERTIFICATES} certificates")
            store.used(connection, grant, CERTIFIED, serial=str(made.serial), until=until)
        return made.line

    def bastion_known_as(self) -> str:
        """The line of a known_hosts file by which clients know the bastion."""
        return authorities.known_hosts(self.root)

    def _end_all(
        self, look: Callable[[], list[Grant]], why: str, actor: Callable[[Grant], str], looks: int = LOOKS
    ) -> list[Grant]:
        """Have whatever a look finds end. What is asked for or moved at this very moment comes with a further look."""
        found: dict[str, Grant] = {}
        for _ in range(looks):
            # Those that are moved by one statement, together.
            standing = sorted(look(), key=lambda grant: (grant.state, grant.fence))
            for at in range(0, len(standing), store.TOGETHER):
                ended = self._end_together(standing[at : at + store.TOGETHER], why, actor)
                found |= {grant.id: grant for grant in ended}
        return list(found.values())

    def _end_together(self, grants: list[Grant], why: str, actor: Callable[[Grant], str]) -> list[Grant]:
        """Have up to `store.TOGETHER` that are not over end, in one transaction; who is overtaken is left out."""
        asked = [grant for grant in grants if grant.state is State.REQUESTED]
        held = [grant for grant in grants if grant.state is not State.REQUESTED]
        with db.transaction(self._database) as connection:
            # In the order in which one alone is denied: else the two could wait for each other.
            requests.withdraw_all(connection, {each.request: actor(each) for each in asked if each.request}, why)
            denied = store.move_all(connection, asked, Move.DENY, actor, why, **self._over(why))
            return denied + store.move_all(connection, held, Move.REVOKE, actor, why, ended_reason=why)

    def _standing(self, app: str | None, task: str | None = None) -> list[Grant]:
        with db.transaction(self._database) as connection:
            return store.in_states(connection, {State.REQUESTED, *LIVE - ENDING}, app=app, task=task)

    def _draft(self, wanted: Wanted, verdict: Verdict, token: str) -> Grant:
        most = verdict.most_minutes
        return Grant(
            id=str(uuid_utils.uuid7()),
            app=wanted.app,
            environment=wanted.environment,
            resource=wanted.resource,
            scope=wanted.scope,
            principal=wanted.principal,
            function=wanted.function,
            change=wanted.change,
            task=wanted.task,
            attempt=wanted.attempt,
            on_behalf_of=wanted.on_behalf_of,
            reason=wanted.reason,
            policy_version=verdict.version,
            state=State.REQUESTED,
            requested_at=stamp(self._now()),
            minutes=wanted.minutes or most,
            token_digest=digest(token),
            verifier=stored(token),
            provider_kind=KINDS.get(wanted.resource.partition(".")[0], ""),
        )

    def _allow(self, grant: Grant, request: Request) -> Grant:
        try:
            self.verdicts.verify(grant, self._now())
        except (AccessDenied, InputError) as error:
            return self._deny(grant, str(error))
        with db.transaction(self._database) as connection:
            people = decisions.approvers(connection, request.id)
            return store.move(connection, grant, Move.ALLOW, why=f"approved by {', '.join(people)}")

    def _deny(self, grant: Grant, why: str, *, actor: str = "access") -> Grant:
        with db.transaction(self._database) as connection:
            if grant.request and (request := requests.read(connection, grant.request)):
                requests.withdraw(connection, request, why, actor=actor)
            return store.move(connection, grant, Move.DENY, actor=actor, why=why, **self._over(why))

    def _over(self, why: str) -> dict[str, str]:
        return {"ended_reason": why, "ended_at": stamp(self._now())}


def _refusal(wanted: Wanted, verdict: Verdict) -> str:
    """Why it is not given, whoever would approve; "" when it may be."""
    kind = wanted.resource.partition(".")[0]
    if not verdict.allowed:
        return "; ".join(verdict.reasons) or "no rule allows it"
    if kind in READ_ONLY and wanted.scope is not Scope.READ:
        return f"{kind} are read and nothing else: ask for the scope read"
    return "" if kind in KINDS else f"nothing opens {kind} yet; there is: {', '.join(KINDS)}"
