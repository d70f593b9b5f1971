"""Follows operations to their end: one or many at once, and Ctrl-C means the same for all."""

import queue
import threading
from collections.abc import Sequence

from console.board import Board
from console.show import ERR, Deferred, event_line, print_error, print_json
from factory.errors import MillwrightError
from stacks.driver import Follows, Result
from stacks.driver.model import Failed, StackEvent

POLL_SECONDS = 0.2


def follow(operations: Sequence[Follows], *, as_json: bool = False) -> list[Result]:
    """The result of each operation, in order, after showing its events as they come.

    The first Ctrl-C asks every operation to stop and save its state; the second ends them at once.
    Raises the error of the first operation that failed, after all have ended.
    """
    watch(operations, as_json=as_json)
    return _results(operations, as_json=as_json)


def watch(operations: Sequence[Follows], *, as_json: bool = False) -> None:
    """Show the events of every operation as they come, until all have ended; Ctrl-C as in `follow`."""
    events: queue.Queue[StackEvent | Follows] = queue.Queue()
    readers = [threading.Thread(target=_read, args=(operation, events), daemon=True) for operation in operations]
    for reader in readers:
        reader.start()
    ended: list[Follows] = []
    deferred = Deferred()
    with Board([operation.stack for operation in operations], ERR) as board:
        # Ctrl-C may come between any two lines and lose what was taken: then the readers say that all is over.
        while len(ended) < len(readers) and (any(reader.is_alive() for reader in readers) or not events.empty()):
            try:
                event = events.get(timeout=POLL_SECONDS)
                if isinstance(event, StackEvent):
                    board.take(event)
                    _show(event, deferred.take(event), as_json=as_json)
                else:
                    ended.append(event)
            except queue.Empty:
                continue
            except KeyboardInterrupt:
                _interrupt(operations)


def _read(operation: Follows, events: "queue.Queue[StackEvent | Follows]") -> None:
    try:
        for event in operation.events():
            events.put(event)
    finally:
        events.put(operation)


def _interrupt(operations: Sequence[Follows]) -> None:
    ERR.print("[yellow]stopping: the engine ends what is under way and saves its state; again to end at once[/]")
    for operation in operations:
        operation.interrupt()


def _show(event: StackEvent, deferred: str | None, *, as_json: bool) -> None:
    if as_json:
        # The error that ends the command is its last document; a failed event before it would say it twice.
        if not isinstance(event, Failed):
            print_json(event.as_json())
        return
    for line in filter(None, (deferred, event_line(event))):
        ERR.print(line)


def _results(operations: Sequence[Follows], *, as_json: bool) -> list[Result]:
    results: list[Result] = []
    errors: list[MillwrightError] = []
    for operation in operations:
        try:
            results.append(operation.result())
        except MillwrightError as error:
            errors.append(error)
    for other in errors[1:]:
        print_error(other, as_json=as_json)
    if errors:
        raise errors[0]
    return results
