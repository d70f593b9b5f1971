"""The durable engine: DBOS on a database of its own beside the factory's (SQLite), or in it (PostgreSQL).

Chosen over our own because its recovery was measured under kill -9. Its rough edges are kept in here: a constant
application version, unlimited recovery attempts, JSON instead of pickle, short polling.
"""

import contextvars
import logging
import sqlite3
import threading
from collections.abc import Callable

from dbos import DBOS, SetEnqueueOptions, SetWorkflowID
from dbos._serialization import DBOSPortableJSONSerializer

from factory.paths import FactoryRoot
from factory.settings import Settings
from pipeline.durable import CAPS, Json, Lane

NAME = "millwright"
# One version for good: a new one would leave the flows of the old one lying.
VERSION = "1"
EXECUTOR = "worker"
# How often the lanes are looked at: each look is several queries, whether anything waits or not.
QUEUE_SECONDS = 0.2
# Nothing here sends notifications.
NOTIFICATION_SECONDS = 5.0
# From a stage's end to its answer in the database; and between two looks for one that ended in a process that died.
ANSWER_SECONDS, OVER_SECONDS = 0.05, 2.0
UNDER_WAY = frozenset({"ENQUEUED", "PENDING", "DELAYED"})

Flow = Callable[["DbosEngine", str], None]
Stage = Callable[[str, Json], Json]


class DbosEngine:
    """Durable flows of changes. One per process: DBOS keeps its registry for the whole of it."""

    def __init__(self, root: FactoryRoot, settings: Settings, flows: dict[str, Flow], stages: dict[str, Stage]) -> None:
        logging.getLogger("dbos").setLevel(logging.WARNING)
        DBOS(
            config={
                "name": NAME,
                "system_database_url": _url(root, settings),
                "application_version": VERSION,
                "executor_id": EXECUTOR,
                "serializer": DBOSPortableJSONSerializer(),
                "notification_listener_polling_interval_sec": NOTIFICATION_SECONDS,
                "use_listen_notify": False,
                "log_level": "WARNING",
            }
        )
        self._flows = flows
        self._stages = stages
        self._ended: dict[str, threading.Event] = {}

        @DBOS.workflow(name="flow", max_recovery_attempts=None)
        def flow(name: str, subject: str) -> None:
            self._flows[name](self, subject)

        @DBOS.workflow(name="stage", max_recovery_attempts=None)
        def stage(name: str, subject: str, argument: Json) -> Json:
            try:
                return DBOS.run_step({"name": name}, self._stages[name], subject, argument)
            finally:
                self._end_of(str(DBOS.workflow_id)).set()

        self._flow, self._stage = flow, stage

    def launch(self) -> None:
        """Start, and take up again whatever a dead worker left."""
        DBOS.launch()
        for lane, cap in CAPS.items():
            DBOS.register_queue(lane.value, partition_concurrency=cap, polling_interval_sec=QUEUE_SECONDS)

    def close(self) -> None:
        """Stop taking work. What runs is ended with the process, and taken up by the next one."""
        DBOS.destroy(workflow_completion_timeout_sec=0)

    def start(self, flow: str, subject: str) -> None:
        """Begin the flow of `subject`; one that was begun already is left as it is."""
        with SetWorkflowID(f"{flow}:{subject}"):
            DBOS.start_workflow(self._flow, flow, subject)

    def failure(self, flow: str, subject: str) -> str:
        """Why the flow of `subject` is over although it did not end; "" when it is not."""
        status = DBOS.get_workflow_status(f"{flow}:{subject}")
        return str(status.error or "it failed") if status is not None and status.status == "ERROR" else ""

    def step(self, name: str, work: Callable[[], Json]) -> Json:
        """See Durable."""
        return DBOS.run_step({"name": name}, work)

    def stage(self, lane: Lane, name: str, key: str, argument: Json) -> Json:
        """See Durable. `key` is `<subject>:<what>`; the subject begins with the app."""
        subject = key.split(":", 1)[0]
        app = subject.split("/", 1)[0]
        identifier = f"stage:{key}"
        with SetWorkflowID(identifier), SetEnqueueOptions(queue_partition_key=app):
            handle = DBOS.enqueue_workflow(lane.value, self._stage, name, subject, argument)
        self._until_over(identifier)
        return handle.get_result(polling_interval_sec=ANSWER_SECONDS)

    def _until_over(self, identifier: str) -> None:
        """Wait for a stage's end by being told, not by asking the database ten times a second for hours."""
        # In a context of its own: asked in the flow's, it would become one of the steps that a replay must repeat.
        while not contextvars.Context().run(_is_over, identifier):
            if self._end_of(identifier).wait(OVER_SECONDS):
                break
        self._ended.pop(identifier, None)

    def _end_of(self, identifier: str) -> threading.Event:
        return self._ended.setdefault(identifier, threading.Event())


def _is_over(identifier: str) -> bool:
    status = DBOS.get_workflow_status(identifier)
    return status is not None and status.status not in UNDER_WAY


def _url(root: FactoryRoot, settings: Settings) -> str:
    if settings.database and not settings.database.startswith("sqlite"):
        return settings.database
    path = root.state / "pipeline.db"
    # DBOS does not set it: without WAL, its pollers and its writers lock each other out.
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    return f"sqlite:///{path}"
