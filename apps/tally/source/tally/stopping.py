"""How a signal ends the worker: at once while it waits, after the message under way while it works."""

import contextlib
from collections.abc import Iterator


class Stopped(BaseException):
    """Ends a wait. No Exception, as KeyboardInterrupt is none: libraries that wait would take it for an error."""


class Stop:
    """Whether the worker is to end. `ask` is a signal handler: it runs between any two steps of the main thread."""

    def __init__(self) -> None:
        self.asked = False
        self._waiting = False

    def ask(self, *_: object) -> None:
        """Ask the worker to end. Raises Stopped in a wait."""
        self.asked = True
        if self._waiting:
            self._waiting = False
            raise Stopped

    @contextlib.contextmanager
    def wait(self) -> Iterator[None]:
        """A block that may be left at any moment. Raises Stopped."""
        self._waiting = True
        try:
            if self.asked:
                raise Stopped
            yield
        finally:
            self._waiting = False
