"""So many operations at once: the others wait for their turn, in the order in which they lined up."""

import threading
from collections import deque
from collections.abc import Callable, Iterator

from factory.errors import Interrupted, MillwrightError, UpdateFailed
from stacks.driver.following import Follows
from stacks.driver.model import Failed, Finished, Result, StackEvent, Waiting


class Turns:
    """Lets `limit` operations work at once, in the order in which they lined up."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._free = limit
        self._line: deque[object] = deque()
        self._changed = threading.Condition()

    def line_up(self, who: object) -> None:
        """Take a place at the end of the line."""
        with self._changed:
            self._line.append(who)

    def must_wait(self, who: object) -> bool:
        """Whether `who` cannot begin at once."""
        with self._changed:
            return self._line.index(who) >= self._free

    def take(self, who: object, gives_up: Callable[[], bool]) -> bool:
        """Wait for the turn of `who`; False when it gives up instead (`wake` has it asked)."""
        with self._changed:
            self._changed.wait_for(lambda: gives_up() or (self._free > 0 and self._line[0] is who))
            self._line.remove(who)
            given_up = gives_up()
            if not given_up:
                self._free -= 1
            self._changed.notify_all()
            return not given_up

    def give_back(self) -> None:
        """A turn has ended."""
        with self._changed:
            self._free += 1
            self._changed.notify_all()

    def wake(self) -> None:
        """Who waits is to look again whether it gives up."""
        with self._changed:
            self._changed.notify_all()


class Queued(Follows):
    """An operation that begins when its turn comes. Each one's `events` is read in a thread of its own."""

    def __init__(self, stack: str, turns: Turns, start: Callable[[], Follows]) -> None:
        self.stack = stack
        self._turns = turns
        self._start = start
        self._guard = threading.Lock()
        self._operation: Follows | None = None
        self._interrupted = False
        self._last: StackEvent | None = None
        turns.line_up(self)

    def events(self) -> Iterator[StackEvent]:
        """As `Operation.events`; while it waits for its turn, the first one says so."""
        if self._last is not None:
            return
        if self._turns.must_wait(self):
            yield Waiting(stack=self.stack, reason=f"others are at work (at most {self._turns.limit} at once)")
        for event in self._work():
            if isinstance(event, Finished | Failed):
                self._last = event
            yield event

    def _work(self) -> Iterator[StackEvent]:
        if not self._turns.take(self, lambda: self._interrupted):
            yield self._not_begun()
            return
        try:
            operation = self._begin()
            yield from operation.events() if operation else [self._not_begun()]
        except MillwrightError as error:
            yield Failed(stack=self.stack, error=error)
        except OSError as error:
            # No process, no memory, no file left: the others go on.
            yield Failed(stack=self.stack, error=UpdateFailed(f"{self.stack} could not begin: {error}"))
        finally:
            self._turns.give_back()

    def _begin(self) -> Follows | None:
        # One at a time with `interrupt`: it finds the operation, or the operation does not begin.
        with self._guard:
            if not self._interrupted:
                self._operation = self._start()
            return self._operation

    def _not_begun(self) -> Failed:
        error = Interrupted(f"the operation on {self.stack} was interrupted before it began", hint="run it again")
        return Failed(stack=self.stack, error=error)

    def result(self) -> Result:
        """How it ended. Raises the MillwrightError of one that failed."""
        for _ in self.events():
            pass
        if isinstance(self._last, Finished):
            return self._last.result
        if isinstance(self._last, Failed):
            raise self._last.error
        raise UpdateFailed(f"the operation on {self.stack} has no result")

    def interrupt(self) -> None:
        """Ask it to stop, or not to begin. A second call ends at once what is under way."""
        self._interrupted = True
        self._turns.wake()
        with self._guard:
            operation = self._operation
        if operation:
            operation.interrupt()
