"""The running worker: its durable engine, the agents' door, the model it speaks to, and the watch for new changes."""

import logging
import threading
import uuid
from collections.abc import Callable, Collection
from functools import partial

from access.client import Access, Upstream
from agents.door import Reach
from agents.twin import Twin
from factory import daemons, db
from factory.errors import AccessDenied, MillwrightError
from factory.settings import load
from pipeline import leftovers, records, spending, tasks
from pipeline.changefiles import ChangeMistakes
from pipeline.commits import commit_step
from pipeline.context import Context
from pipeline.dbos_engine import DbosEngine
from pipeline.durable import Json
from pipeline.faults import Faults
from pipeline.flow import ChangeFlow
from pipeline.gates import Cancelled, check_cancelled
from pipeline.line import OWED
from pipeline.reaching import reach_of
from pipeline.records import ChangeState
from pipeline.stages import deploy, rollback
from pipeline.stages.check import security, test
from pipeline.stages.generate import generate
from pipeline.stages.intake import intake
from pipeline.stages.merge import merge, revert
from pipeline.stages.review import review
from pipeline.task_door import Step, StepAnswer, TaskDoor
from stacks.driver import Driver, warm_env

POLL_SECONDS = 0.25
# At most so long between two looks for changes, when looking fails again and again.
MOST_SECONDS = 30.0
LOG = logging.getLogger("millwright.worker")
CHANGE = "change"

StageWork = Callable[[Context, str, Json], Json]
STAGES: dict[str, StageWork] = {
    "intake": intake,
    "generate": generate,
    "test": test,
    "security": security,
    "review": review,
    "merge": merge,
    "revert": revert,
    "staging": deploy.staging,
    "roll-back": rollback.roll_back,
    "provenance": deploy.provenance,
    "propose": deploy.propose,
    "production": deploy.to_production,
    "refuse": deploy.refuse,
    "take-back-staging": deploy.take_back_staging,
    "abandon": deploy.abandon,
}


class Service:
    """One worker of one factory. Raises MillwrightError when what it needs cannot be had."""

    def __init__(self, claim: daemons.Claim, die_at: Collection[str]) -> None:
        self._claim = claim
        root = claim.root
        settings = load(root)
        self._twin = Twin(root.apps) if settings.model == "scripted" else None
        # Found there by the access plane, which passes tasks' calls on to it as it would to the API.
        self._stand_in = daemons.claim(root, daemons.TWIN) if self._twin else None
        if self._twin and self._stand_in:
            self._stand_in.publish({"http": self._twin.start()}, generation=uuid.uuid4().hex)
        self._door = TaskDoor(self._model_of, self._on_step, partial(spending.note, root), self._reach_of)
        self._door.start()
        self._context = Context(
            root=root,
            settings=settings,
            database=db.connect(root, settings),
            driver=Driver(root, settings, warm_env(root, settings)),
            door=self._door,
            faults=Faults(root.run, die_at),
            access=Access(root),
        )
        self._engine = DbosEngine(
            root,
            settings,
            flows={CHANGE: self._change},
            stages={name: self._guarded(name, work) for name, work in STAGES.items()},
        )

        self._begun: set[str] = set()
        self._stopping = threading.Event()

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set. Tasks that run then are ended, and go on with the next worker."""
        leftovers.sweep(self._context.root)
        tasks.sweep_ended(self._context)
        self._engine.launch()
        self._end_broken()
        addresses = {"tasks": self._door.url, "model": self._context.settings.model}
        self._claim.publish(addresses, generation=uuid.uuid4().hex)
        LOG.info("ready")
        try:
            watch(self._take_up, stop)
        finally:
            self._stopping.set()
            # First of all: what comes after may fail, or take its time.
            self._context.processes.close()
            self._context.proxies.close()
            self._context.ways.close()
            self._engine.close()
            self._door.stop()
            if self._twin and self._stand_in:
                self._stand_in.withdraw()
                self._twin.stop()

    def _take_up(self) -> None:
        with db.transaction(self._context.database) as connection:
            # One that was cancelled before it was taken up still has to end.
            waiting = records.in_state(connection, ChangeState.SUBMITTED, ChangeState.CANCELLING)
        for record in waiting:
            if record.id not in self._begun:
                if not (record.promotes or record.rolls_back):
                    # Soon an agent will work on it.
                    self._context.processes.warm()
                self._engine.start(CHANGE, record.id)
                self._begun.add(record.id)

    def _end_broken(self) -> None:
        """Changes whose flow an earlier worker saw fail: the engine does not take such a flow up again."""
        with db.transaction(self._context.database) as connection:
            found = [record for record in records.all_changes(connection) if not record.ended]
        for record in found:
            if reason := self._engine.failure(CHANGE, record.id):
                self._give_up(record.id, reason)

    def _change(self, engine: DbosEngine, subject: str) -> None:
        flow = ChangeFlow(self._context, engine, subject)
        try:
            record = self._context.change(subject)
            if record.promotes:
                flow.run_promotion()
            elif record.rolls_back:
                flow.run_rollback()
            else:
                flow.run()
        except Exception as error:  # the seam: for the engine such a flow is over, so people must see that it is
            if not self._stopping.is_set():
                LOG.exception("%s", subject)
                self._give_up(subject, f"{type(error).__name__}: {error}")
            raise

    def _give_up(self, subject: str, reason: str) -> None:
        """The flow of a change is over, by a fault of the factory's own: nobody will go on with it."""
        detail = f"the factory failed: {reason}; submit it again"
        record = self._context.change(subject)
        tasks.sweep(self._context, record)
        with db.transaction(self._context.database) as connection:
            ended = records.end_change(connection, subject, ChangeState.FAILED, detail)
        if ended:
            self._context.tell("change.ended", record, state=ChangeState.FAILED.value, detail=detail)

    def _guarded(self, name: str, work: StageWork) -> Callable[[str, Json], Json]:
        def run(subject: str, argument: Json) -> Json:
            try:
                if name not in OWED:
                    check_cancelled(self._context, subject)
                return work(self._context, subject, argument)
            except Cancelled as reason:
                return {"cancelled": str(reason)}
            except MillwrightError as error:
                LOG.warning("%s: %s", subject, told(error))
                return {"broken": told(error)}
            except Exception as error:  # the seam: a bug in a stage is shown to a person, and waits
                LOG.exception("%s", subject)
                return {"broken": told(error)}

        return run

    def _model_of(self, task: str, failed: str) -> Upstream:
        if (opened := self._context.open_tasks.get(task)) is None:
            raise AccessDenied(f"the task {task} holds nothing")
        return opened.grants.model(failed)

    def _reach_of(self, task: str) -> Reach:
        return reach_of(self._context.open_tasks.get(task))

    def _on_step(self, task: str, step: Step) -> StepAnswer:
        return commit_step(self._context, task, step)


def watch(look: Callable[[], None], stop: threading.Event) -> None:
    """Look until `stop` is set. A look that fails (the database is away) is logged and repeated, ever more rarely."""
    seconds = POLL_SECONDS
    while not stop.wait(seconds):
        try:
            look()
        except Exception:
            seconds = min(2 * seconds, MOST_SECONDS)
            LOG.exception("looking for changes failed; again in %g s", seconds)
        else:
            seconds = POLL_SECONDS


def told(error: Exception) -> str:
    """What everybody may know of an error in a stage, agents and events included: nothing of the held-out criteria."""
    if isinstance(error, ChangeMistakes):
        return error.public()
    if isinstance(error, MillwrightError):
        return error.rendered()
    # A bug's message may quote whatever was read; the worker's log is for people alone.
    return f"{type(error).__name__}: a bug; the worker's log says where"
