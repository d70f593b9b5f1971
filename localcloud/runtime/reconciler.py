"""Keeps what the cloud's ECS records declare: one thread that looks, plans, acts and tells, several times a second."""

import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any, Final

from localcloud.runtime import declared, health, plan, status
from localcloud.runtime.copies import Copy, Leaving
from localcloud.runtime.declared import Rollout, Service, ServiceId
from localcloud.runtime.interface import CannotStart, Runtime
from localcloud.runtime.output import Output
from localcloud.runtime.plan import Failures, Retire, Start, Stop, Turn
from localcloud.runtime.reach import NOTHING
from localcloud.runtime.routes import Switch, Table, Target
from localcloud.runtime.starter import Attempt, Starter
from localcloud.runtime.telling import Telling
from localcloud.runtime.ways import Ways

TICK_SECONDS: Final = 0.1
OUTPUT_SECONDS: Final = 1.0
MEMORY_SECONDS: Final = 0.5
# After a fault of the reconciler itself.
PAUSE_SECONDS: Final = 1.0
# Requests under way at a copy that leaves; a target group's declared delay is for a whole region.
DRAIN_SECONDS: Final = 5.0
# A declared stopTimeout counts up to here.
LONGEST_GRACE_SECONDS: Final = 5.0
CLOSING_GRACE_SECONDS: Final = 1.0
BY_SIGNAL: Final = 128
EXITED: Final = "EssentialContainerExited"


class Reconciler:
    """Makes processes follow records. `close` ends everything it started."""

    def __init__(
        self,
        records: Callable[[], status.Records],
        client: Callable[[str, str, str], Any],
        runtime: Runtime,
        ways: Ways,
        switch: Switch,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open, self._runtime, self._switch, self._clock = records, runtime, switch, clock
        self._output = Output(client)
        self._copies: dict[str, Copy] = {}
        self._failures: dict[str, Failures] = {}
        self._telling = Telling()
        self._starter = Starter(client, runtime, ways)
        self._output_at = self._memory_at = 0.0
        self._closing = threading.Event()
        self._needed = threading.Event()
        self._probes = ThreadPoolExecutor(4, thread_name_prefix="health")
        self._stops = ThreadPoolExecutor(8, thread_name_prefix="stops")
        # Copies are started by this thread alone: the kernel ends them when the thread that started them ends.
        self._thread = threading.Thread(target=self._run, name="reconciler", daemon=True)

    def start(self) -> None:
        """Stand by."""
        self._thread.start()

    def wake(self) -> None:
        """Begin to follow the records: from now on there may be some."""
        self._needed.set()

    def close(self) -> None:
        """End every copy and the thread."""
        self._closing.set()
        self._needed.set()
        if self._thread.ident:
            self._thread.join()
        self._probes.shutdown(cancel_futures=True)
        self._stops.shutdown()
        self._runtime.close()

    def settle(self, seconds: float) -> bool:
        """Wait until no copy is left (the cloud has just been emptied). Returns whether that came about."""
        self._output.clear()
        deadline = self._clock() + seconds
        while self._copies and self._clock() < deadline:
            time.sleep(TICK_SECONDS)
        return not self._copies

    def running(self) -> list[dict[str, str]]:
        """The copies, for people: service, task, its state and its health."""
        return [
            {"service": str(copy.service), "task": copy.id, "status": copy.task.status, "health": copy.target.state}
            for copy in list(self._copies.values())
        ]

    def _run(self) -> None:
        self._needed.wait()
        records = None
        while not self._closing.is_set():
            pause = TICK_SECONDS
            try:
                records = records or self._open()
                self.round(records)
            except Exception:  # noqa: BLE001  the seam: a fault in one round must not end what runs
                traceback.print_exc(file=sys.stderr)
                pause = PAUSE_SECONDS
            self._closing.wait(pause)
        # In this thread, for the same reason as the starts.
        self._end_all()

    def round(self, records: status.Records) -> None:
        """Look once, do what is to be done, and tell it."""
        now = self._clock()
        seen = records.look()
        self._telling.begin(seen.services)
        self._let_reach(seen.services)
        self._notice_exits(now)
        self._notice_memory(now)
        self._notice_health(now)
        for service in seen.services:
            self._follow(service, seen, now)
        self._end_orphans({service.id for service in seen.services}, now)
        self._switch.swap(Table(seen.routes, self._targets(seen.services), seen.secure))
        self._end_drained(now)
        self._probe(now)
        self._tell(seen.services, records)
        self._bring_output(now)

    def _follow(self, service: Service, seen: status.Look, now: float) -> None:
        """Carry out the plan for one service."""
        tasks = [copy.planned for copy in self._copies.values() if copy.service == service.id]
        elsewhere = declared.not_run_here(_declared(service, seen))
        if elsewhere:
            service = replace(service, desired=0)
        for action in plan.plan(service, tasks, self._failures, now):
            match action:
                case Start(deployment):
                    self._start(service, deployment, seen, now)
                case Stop(task, reason, code, failed, late):
                    self._leave(self._copies[task], reason, code, now)
                    if failed:
                        self._fail(self._copies[task], reason, now, late=late)
                case Turn():
                    self._telling.turned(service.id, replace(action, reason=elsewhere or action.reason))
                case Retire():
                    self._telling.retired(service.id, action)

    def _start(self, service: Service, deployment: str, seen: status.Look, now: float) -> None:
        """Start one copy, or tell why it cannot be started: as a stopped task, and as an event."""
        definition = next(each.definition for each in service.deployments if each.id == deployment)
        attempt = Attempt(service, deployment, definition, seen.definitions.get(definition, {}), uuid.uuid4().hex)
        try:
            self._copies[attempt.task] = self._starter.start(attempt, self._copies.values(), now)
            self._telling.say(service.id, f"has started 1 tasks: (task {attempt.task}).")
        except CannotStart as problem:
            reason = f"ResourceInitializationError: {problem}"
            before = self._failures.get(deployment, Failures())
            if before.reason != reason:
                self._telling.say(service.id, f"was unable to start a task: {reason}")
            self._failures[deployment] = before.and_now(now, reason, lasting=problem.lasting)
            if attempt.declared:
                self._telling.ended(service.id, attempt.refused(reason))

    def _notice_exits(self, now: float) -> None:
        for copy in self._copies.values():
            if copy.leaving is None and (code := copy.running.exit_code()) is not None:
                how = f"signal {code - BY_SIGNAL}" if code > BY_SIGNAL else f"exit code {code}"
                reason = copy.running.ended_for or f"Essential container in task exited ({how})"
                self._leave(copy, reason, EXITED, now)
                self._fail(copy, reason, now)

    def _notice_memory(self, now: float) -> None:
        if now < self._memory_at:
            return
        self._memory_at = now + MEMORY_SECONDS
        for copy in self._copies.values():
            limit = copy.container.memory_mib
            if copy.leaving is None and (used := copy.running.used_mib(limit)) > limit:
                reason = f"OutOfMemoryError: Container killed due to memory usage ({used} of {limit} MiB)"
                self._leave(copy, reason, EXITED, now, patience=0.0)
                self._fail(copy, reason, now)

    def _notice_health(self, now: float) -> None:
        for copy in self._copies.values():
            if copy.check is None:
                if not copy.watch.ready and now - copy.started >= health.UNCHECKED_SECONDS:
                    copy.watch = health.Watch(ready=True, last=health.HEALTHY)
            elif copy.probing and copy.probing.done():
                was, copy.watch = copy.watch, copy.watch.after(copy.probing.result(), now)
                copy.probing = None
                if copy.watch.sick_since and not was.sick_since:
                    self._telling.say(copy.service, f"(task {copy.id}) is unhealthy: {copy.watch.last.description}")

    def _probe(self, now: float) -> None:
        for copy in self._copies.values():
            due = copy.check and not copy.leaving and copy.probing is None and now >= copy.watch.next_at
            if due and copy.check and (socket := copy.running.socket):
                copy.probing = self._probes.submit(health.check, socket, copy.check)

    def _leave(self, copy: Copy, reason: str, code: str, now: float, patience: float = LONGEST_GRACE_SECONDS) -> None:
        """Begin to end a copy. It gets `patience` seconds at most to end by itself."""
        copy.leaving = Leaving(reason, code, now, min(copy.container.stop_seconds, patience))
        self._telling.say(copy.service, f"has stopped 1 running tasks: (task {copy.id}): {reason}")

    def _fail(self, copy: Copy, reason: str, now: float, *, late: bool = False) -> None:
        before = self._failures.get(copy.deployment, Failures())
        self._failures[copy.deployment] = before.and_now(now, reason, late=late)

    def _let_reach(self, services: Iterable[Service]) -> None:
        """Say to every copy what it may reach now; one whose service or deployment is no more reaches nothing."""
        now = {(service.id, deployment): found for service in services for deployment, found in service.reach.items()}
        for copy in self._copies.values():
            copy.running.may_reach(now.get((copy.service, copy.deployment), NOTHING).places)

    def _end_orphans(self, there: set[ServiceId], now: float) -> None:
        for copy in self._copies.values():
            if copy.service not in there and copy.leaving is None:
                self._leave(copy, "The service has been deleted", plan.SCALING, now)

    def _end_drained(self, now: float) -> None:
        """Stop copies that leave and answer nobody any more; forget them when they are gone."""
        for copy in list(self._copies.values()):
            leaving = copy.leaving
            if leaving is None:
                continue
            if leaving.over:
                del self._copies[copy.id]
                self._telling.ended(copy.service, copy.task)
            elif leaving.stopping is None and self._may_end(copy, leaving, now):
                leaving.stopping = self._stops.submit(self._end, copy, leaving)

    def _may_end(self, copy: Copy, leaving: Leaving, now: float) -> bool:
        """Whether nothing is lost any more by ending a copy that leaves."""
        drained = not self._switch.busy(copy.id) or now - leaving.since > min(DRAIN_SECONDS, leaving.grace)
        return drained or copy.running.exit_code() is not None

    def _end(self, copy: Copy, leaving: Leaving) -> None:
        try:
            copy.running.stop(leaving.grace)
            leaving.exit_code = copy.running.exit_code()
            self._output.finish(copy)
        finally:
            copy.running.remove()

    def _end_all(self) -> None:
        """End every copy at once: nothing is told any more."""
        self._switch.swap(Table())
        now = self._clock()
        ends = []
        for copy in self._copies.values():
            leaving = copy.leaving = copy.leaving or Leaving("", "", now, CLOSING_GRACE_SECONDS)
            ends.append(leaving.stopping or self._stops.submit(self._end, copy, leaving))
        wait(ends, timeout=LONGEST_GRACE_SECONDS + CLOSING_GRACE_SECONDS)

    def _targets(self, services: Iterable[Service]) -> dict[str, list[Target]]:
        """Who may serve, by target group: what served before, until the primary deployment takes over as a whole."""
        targets: dict[str, list[Target]] = {}
        for service in services:
            primary, fallback = service.primary, service.fallback
            serving = primary if primary and (primary.rollout is Rollout.COMPLETED or not fallback) else fallback
            healthy = [each for each in self._copies.values() if each.service == service.id and each.planned.healthy]
            chosen = [copy for copy in healthy if serving and copy.deployment == serving.id] or healthy
            for group in service.groups:
                targets.setdefault(group.arn, []).extend(
                    Target(copy.id, socket) for copy in chosen if (socket := copy.running.socket)
                )
        return targets

    def _tell(self, services: Iterable[Service], records: status.Records) -> None:
        """Write everything there is to say into the records."""
        for task in self._telling.tell(services, list(self._copies.values()), self._failures, records):
            self._output.forget(task)
        known = {deployment.id for service in services for deployment in service.deployments}
        self._failures = {id: seen for id, seen in self._failures.items() if id in known}

    def _bring_output(self, now: float) -> None:
        if now >= self._output_at:
            self._output_at = now + OUTPUT_SECONDS
            self._output.forward(list(self._copies.values()))


def _declared(service: Service, seen: status.Look) -> Mapping[str, Any]:
    """The task definition that a service's record names; empty when there is none."""
    return seen.definitions.get(service.primary.definition, {}) if service.primary else {}
