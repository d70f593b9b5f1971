"""The broker: does what is decided about grants, and ends each in time. One per factory, in the access daemon.

Each look reads where every grant is and does what is due; it can be killed at any point, and the next look goes on.
What is made at a provider is always written down first, as a grant that is being issued: what no live grant is
written for, a sweep takes away.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from access.grants import LIVE, Desk, Grant, Move, Overtaken, State, store
from access.grants.model import after, stamp
from access.grants.seen import Seen
from access.grants.stops import Stops
from access.leases import Leases
from access.providers.provider import Place, Provider
from access.rules import Verdict
from access.told import ANSWER_SECONDS
from factory import db, events
from factory.errors import AccessDenied, MillwrightError

LOG = logging.getLogger("millwright.access")
# Between two tries to take away what could not be taken away; doubled each time.
PAUSE_SECONDS: Final = 1.0
MOST_PAUSE_SECONDS: Final = 60.0
DOUBLINGS: Final = 10
SWEEP_SECONDS: Final = 30.0
ACTOR: Final = "access"
# Told in the transaction that ends a task; were it lost, the lease would be the bound.
TASK_ENDED: Final = "task.ended"
# Of each kind: one database that does not answer keeps nobody else's grants.
WORKERS: Final = 8
# One kind's process that hangs keeps nobody else's end for longer, nor what else is due.
CUT_SECONDS: Final = 1.0
WORK_SECONDS: Final = ANSWER_SECONDS
END_SECONDS: Final = 5.0
# Whoever is cut, and not taken away yet, is cut again: not at each look, where they may be thousands.
CUT_AGAIN_SECONDS: Final = 1.0
# Taken away in one look: whoever waits to be let in does not wait for thousands that end.
REMOVED: Final = 200
# Whoever stops moves these.
STANDING: Final = frozenset({State.REQUESTED, State.ISSUING, State.ACTIVE})
_Due = defaultdict[State, list[Grant]]


class Broker:
    """`cut` and `work` may each be called by a thread of its own, over and over. It goes by the desk's clocks."""

    def __init__(self, desk: Desk, database: Engine, providers: Mapping[str, Provider]) -> None:
        self._desk, self._database, self._providers = desk, database, providers
        self._now, self._ticks = desk.clock.now, desk.clock.ticks
        # Of `cut` and of `work`, which are two threads.
        self._seen, self._seen_at_work = Seen(), Seen()
        self._leases, self._stops = Leases(desk.clock, desk.root.access), Stops()
        # As they were last read.
        self._active: list[Grant] = []
        # Those that were cut, and are not written down as ending: the database takes nothing.
        self._out: set[str] = set()
        self._again: dict[str, float] = {}
        # One piece of work of each kind at a time, and one cut.
        self._workers = ThreadPoolExecutor(max(1, len(providers)), thread_name_prefix="work")
        self._working: dict[str, Future[None]] = {}
        self._pools = defaultdict[str, ThreadPoolExecutor](partial(ThreadPoolExecutor, WORKERS))
        self._swept: dict[str, float] = {}
        self._cutters = ThreadPoolExecutor(max(1, len(providers)), thread_name_prefix="cut")
        self._cutting: dict[str, tuple[Future[None], set[str]]] = {}
        # Those that are cut, of the ones that end; forgotten now and then.
        self._was_cut: set[str] = set()
        self._forgot = float("-inf")

    def cut(self) -> None:
        """End what is to end now, as far as that takes no time: nobody is let in any more, and who is in is cut off.

        Raises SQLAlchemy's errors; what one grant raises stays its own.
        """
        try:
            with db.transaction(self._database) as connection:
                found = self._seen.in_states(connection, (State.ACTIVE, State.REVOKING))
                over = store.of_ended_tasks(connection, TASK_ENDED)
                self._stops.look(connection, self._ticks(), self._now())
        except SQLAlchemyError:
            # Nothing can be read; what is known of their time is enough to end them.
            known = [(grant, self._leases.over(grant)) for grant in self._active]
            self._cut([grant.model_copy(update={"ended_reason": why}) for grant, why in known if why])
            raise
        if self._ticks() - self._forgot >= CUT_AGAIN_SECONDS:
            self._forgot = self._ticks()
            self._was_cut.clear()
        self._active = found[State.ACTIVE]
        ending = [grant for grant in found[State.REVOKING] if grant.id not in self._was_cut]
        active = {grant.id for grant in self._active}
        self._out &= active
        for grant in self._active:
            if (stop := self._stops.of(grant)) is not None:
                # Whoever stops moves them, thousands perhaps: they are out before.
                self._out.add(grant.id)
                if grant.id not in self._was_cut:
                    ending.append(grant.model_copy(update={"ended_reason": stop.properties["why"]}))
            elif why := "its task has ended" if grant.id in over else self._leases.over(grant):
                _guarded(partial(self._end, ending, why), grant)
        self._leases.looked(active)
        if ending:
            self._cut(ending)

    def work(self, seconds: float = WORK_SECONDS) -> None:
        """Do everything else that is due now, each kind's beside the others'. Whatever is not done after so many
        seconds goes on, and what is due at its kind by then waits for a further look.

        Raises SQLAlchemy's errors; what one grant raises stays its own.
        """
        # Asked before the grants are read: what is done in between would be done once more.
        busy = {kind for kind, working in self._working.items() if not working.done()}
        with db.transaction(self._database) as connection:
            found = self._seen_at_work.in_states(connection, (*LIVE, State.REQUESTED))
        standing = [grant for state, grants in found.items() if state in STANDING for grant in grants]
        for stop, stopped in self._stops.left(standing, self._ticks()).values():
            self._desk.end_stopped(stopped, stop)
        due: dict[str, _Due] = {kind: defaultdict(list) for kind in self._providers}
        for state, grants in found.items():
            for grant in grants:
                due.setdefault(grant.provider_kind, defaultdict(list))[state].append(grant)
        begun = {kind: self._workers.submit(self._work_at, kind, due[kind]) for kind in due.keys() - busy}
        self._working |= begun
        for done in wait(begun.values(), seconds).done:
            done.result()

    def sweep(self, kind: str) -> list[str]:
        """Take away what stands at a kind's places for no live grant; what that was."""
        found, provider = [], self._providers[kind]
        with db.transaction(self._database) as connection:
            places = [Place(*where) for where in store.places(connection, kind)]
            # Of every place: two of them can be at one server.
            live = {provider.ref(grant) for grant in store.in_states(connection, LIVE, kind=kind)} if places else set()
        for place in places:
            try:
                gone = provider.sweep(place, live)
            except MillwrightError as error:
                LOG.warning("%s of %s in %s is not swept: %s", place.resource, place.app, place.environment, error)
                continue
            for ref in gone:
                LOG.warning("%s stood in %s of %s for no grant: removed", ref, place.resource, place.app)
                told = {"environment": place.environment, "resource": place.resource, "ref": ref}
                with db.transaction(self._database) as connection:
                    events.append(connection, events.new_event("grant.swept", actor=ACTOR, app=place.app, **told))
            found += gone
        return found

    def close(self) -> None:
        """Let nobody in any more. Grants stay as they are written; whoever begins next goes on with them."""
        wait(self._working.values(), END_SECONDS)
        for pool in (self._workers, self._cutters, *self._pools.values()):
            pool.shutdown(wait=False, cancel_futures=True)
        for provider in self._providers.values():
            provider.close()

    def _work_at(self, kind: str, due: _Due) -> None:
        """What is due at one kind; what ends comes first."""
        steps: list[tuple[Callable[[Grant], object], Grant]] = [
            *((self._remove, grant) for grant in due[State.REVOKING][:REMOVED]),
            *((self._retry, grant) for grant in due[State.REVOKE_FAILED]),
            *((self._desk.settle, grant) for grant in due[State.REQUESTED]),
            *((self._issue, grant) for grant in due[State.ISSUING]),
            *((self._keep, grant) for grant in due[State.ACTIVE] if not self._serves(grant)),
        ]
        list(self._pools[kind].map(lambda step: _guarded(*step), steps))
        if self._ticks() - self._swept.get(kind, float("-inf")) >= SWEEP_SECONDS:
            self._swept[kind] = self._ticks()
            try:
                self.sweep(kind)
            except Exception:
                LOG.exception("what is left of %s is not swept", kind)

    def _end(self, ending: list[Grant], why: str, grant: Grant) -> None:
        try:
            ended = self._desk.end(grant, why, actor=ACTOR)
        except SQLAlchemyError:
            if grant.id not in self._out:
                LOG.exception("grant %s: that it ends is not written down yet; it is cut all the same", grant.id)
            self._out.add(grant.id)
            ended = grant.model_copy(update={"ended_reason": why})
        ending.append(ended)

    def _cut(self, grants: list[Grant]) -> None:
        """All at once: each session takes its time to end, and nobody waits for another one's. A kind that is not done
        with its last ones gets these at a further look.
        """
        for kind, provider in self._providers.items():
            found = [grant for grant in grants if grant.provider_kind == kind]
            if found and kind not in self._cutting:
                self._cutting[kind] = self._cutters.submit(provider.cut, found), {grant.id for grant in found}
        wait([cutting for cutting, _ in self._cutting.values()], CUT_SECONDS)
        for kind, (cutting, cut) in list(self._cutting.items()):
            if not cutting.done():
                continue
            del self._cutting[kind]
            try:
                cutting.result()
                self._was_cut |= cut
            except MillwrightError as error:
                # The work that follows cuts each again, and says what came of it.
                LOG.warning("sessions of grants may not be cut: %s", error)

    def _remove(self, grant: Grant) -> None:
        provider, attempts = self._provider(grant), grant.revoke_attempts + 1
        self._again.pop(grant.id, None)
        try:
            provider.cut([grant])
            provider.remove(grant)
        except Exception as error:  # noqa: BLE001  the seam: whatever it is, it is told, and tried again after a while
            LOG.warning("grant %s is not revoked yet (try %d): %s", grant.id, attempts, error)
            pause = min(MOST_PAUSE_SECONDS, PAUSE_SECONDS * 2 ** min(grant.revoke_attempts, DOUBLINGS))
            self._again[grant.id] = self._ticks() + pause
            self._move(grant, Move.FAIL, why=str(error), revoke_attempts=attempts, last_error=str(error))
            return
        self._move(grant, Move.END, why=grant.ended_reason, revoke_attempts=attempts, ended_at=stamp(self._now()))

    def _retry(self, grant: Grant) -> None:
        if self._ticks() >= self._again.get(grant.id, float("-inf")):
            self._remove(self._move(grant, Move.RETRY))

    def _issue(self, grant: Grant) -> None:
        """Let its holder in. What goes wrong, at any point, ends the grant."""
        now = self._now()
        try:
            verdict = self._desk.verdicts.verify(grant, now)
            lease, hard = _terms(grant, verdict, now)
            grant = grant.model_copy(update={"lease_until": lease, "hard_until": hard})
            issued = self._provider(grant).issue(grant)
        except Exception as error:  # noqa: BLE001  the seam: whatever it is, nobody is let in by it later
            LOG.warning("grant %s cannot be issued: %s", grant.id, error)
            why = f"it could not be issued: {error}"
            self._move(grant, Move.REVOKE, why=why, ended_reason=why, last_error=str(error))
            return
        with self._let_in(grant):
            self._move(
                grant,
                Move.ISSUED,
                lease_until=lease,
                hard_until=hard,
                provider_ref=issued.ref,
                door=issued.door,
                provider_expires_at=issued.expires_at,
            )

    def _serves(self, grant: Grant) -> bool:
        """Whether there is nothing to do for an active one: its holder is let in, or not to be let in any more."""
        try:
            return grant.id in self._out or self._provider(grant).serves(grant)
        except Exception:
            LOG.exception("grant %s: whether its holder is let in is not known", grant.id)
            return False

    def _keep(self, grant: Grant) -> None:
        """Open an active one again that nobody is let in by: this process has just begun, or the relay died."""
        provider = self._provider(grant)
        with db.transaction(self._database) as connection:
            now = store.read(connection, grant.id)
        if now is None or now.state is not State.ACTIVE:
            # It was cut since this look began.
            return
        grant = now
        try:
            self._desk.verdicts.verify(grant, None)
            door = provider.issue(grant).door
        except Exception as error:  # noqa: BLE001  the seam: as above
            LOG.warning("grant %s cannot be opened again: %s", grant.id, error)
            self._desk.end(grant, f"it could not be opened again: {error}", actor=ACTOR)
            return
        with self._let_in(grant), db.transaction(self._database) as connection:
            store.reopened(connection, grant, door, actor=ACTOR)

    @contextmanager
    def _let_in(self, grant: Grant) -> Iterator[None]:
        """That its holder is in is written down now. Where it has moved on meanwhile, they may have been cut before."""
        try:
            yield
        except Overtaken:
            self._provider(grant).cut([grant])
            raise

    def _move(self, grant: Grant, step: Move, *, why: str = "", **values: Any) -> Grant:
        with db.transaction(self._database) as connection:
            return store.move(connection, grant, step, actor=ACTOR, why=why, **values)

    def _provider(self, grant: Grant) -> Provider:
        return self._providers[grant.provider_kind]


def _guarded(do: Callable[[Grant], object], grant: Grant) -> None:
    try:
        do(grant)
    except Overtaken:
        # Somebody else moved it: the next look sees where it is.
        LOG.info("grant %s has moved on", grant.id)
    except Exception:  # the seam: whatever is wrong with one, the others are not kept
        LOG.exception("grant %s", grant.id)


def _terms(grant: Grant, verdict: Verdict, now: datetime) -> tuple[str, str]:
    """Until when it is held, and until when at most. Raises AccessDenied for one that was given before."""
    if grant.lease_until is not None or grant.ended_at is not None:
        raise AccessDenied("it was given before, and is not given twice")
    asked = min(grant.minutes, verdict.most_minutes)
    # What people approved is for the time that they were shown.
    return after(now, asked), after(now, verdict.most_minutes if verdict.approval is None else asked)
