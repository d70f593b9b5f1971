"""Follows a change until it ends or needs a person: each thing that happens, once, as it happens."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from console.change_view import event_line, lines, one_line, stage_line
from console.session import Session
from console.show import ERR, OUT, print_json
from factory import daemons
from factory.errors import ExitCode, MillwrightError
from factory.requests import RequestState
from pipeline import client
from pipeline.client import ChangeView
from pipeline.records import ChangeState

POLL_SECONDS = 0.5
# A worker that is being replaced is back within this time.
WORKER_SECONDS = 15.0


@dataclass
class _Shown:
    """What a follower has been told already."""

    events: set[str] = field(default_factory=set)
    state: tuple[str, ...] = ()

    def take(self, view: ChangeView, *, as_json: bool) -> None:
        """Show what is new."""
        for event in view.events:
            if event.id in self.events:
                continue
            self.events.add(event.id)
            if as_json:
                print_json(event.model_dump(mode="json"))
            else:
                ERR.print(event_line(event))
        state = (view.record.stage, view.record.state, view.waits_for)
        if state != self.state and not as_json:
            ERR.print(f"{stage_line(view.record)}   {one_line(view.waits_for)}")
        self.state = state


def follow_change(
    session: Session,
    app: str,
    change: str,
    *,
    as_json: bool,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> ExitCode:
    """Show what happens to a change until it has ended or waits for a person; the exit code says which.

    OK: it was released. DECISION_REQUIRED: a person must decide. FAILED: it ended otherwise.
    Raises MillwrightError when nothing will happen, because the worker does not run.
    """
    shown = _Shown()
    worker_seen = clock()
    while True:
        view = client.show_change(session.root, session.settings, app, change)
        shown.take(view, as_json=as_json)
        if (code := _verdict(view)) is not None:
            _conclude(view, as_json=as_json)
            return code
        if daemons.read(session.root, daemons.WORKER) is not None:
            worker_seen = clock()
        elif clock() - worker_seen > WORKER_SECONDS:
            raise MillwrightError(
                f"{view.record.id} waits for the worker, which does not run", hint="millwright factory up"
            )
        sleep(POLL_SECONDS)


def _verdict(view: ChangeView) -> ExitCode | None:
    """What following ends with; None while the factory is at it."""
    if view.record.ended:
        return ExitCode.OK if view.record.state is ChangeState.RELEASED else ExitCode.FAILED
    if any(request.state is RequestState.OPEN for request in view.requests):
        return ExitCode.DECISION_REQUIRED
    return None


def _conclude(view: ChangeView, *, as_json: bool) -> None:
    if as_json:
        print_json(client.as_json(view))
        return
    for line in lines(view):
        OUT.print(line)
