"""The command that adds up what is on the queue: `python -m tally.worker`."""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator, Sequence

from pg8000.native import DatabaseError

from tally import settings
from tally.counts import Counts
from tally.database import DatabaseAway
from tally.events import InvalidEvent, read_message
from tally.logs import log
from tally.queues import Message, Queue, QueueAway
from tally.stopping import Stop, Stopped

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 10.0
FORGET_SECONDS = 60.0


class Worker:
    """Adds up messages until it is asked to stop; survives that the queue or the database is away.

    `pause` waits for so many seconds, `clock` tells some time in seconds. `idle_pause` is waited after an answer
    without messages, when the queue itself does not wait.
    """

    def __init__(
        self,
        queue: Queue,
        counts: Counts,
        stop: Stop,
        *,
        idle_pause: float = 0.0,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._counts = counts
        self._stop = stop
        self._idle_pause = idle_pause
        self._pause = pause
        self._clock = clock
        self._next_pause = FIRST_PAUSE
        self._forget_at = clock()

    def run(self) -> None:
        """Work until the stop is asked for."""
        with contextlib.suppress(Stopped):
            while not self._stop.asked:
                self.turn()

    def turn(self) -> None:
        """Take some messages and add them up. Raises Stopped while it waits for them."""
        with self._stop.wait():
            # What is interrupted here leaves at most messages that are shown again when their time is over.
            messages = self._received()
        for place, message in enumerate(messages):
            if self._stop.asked or not self._done(message):
                self._release(messages[place:])
                return

    def _received(self) -> Sequence[Message]:
        """Messages, once the database can take them: each receive counts, and too many make it a dead letter."""
        try:
            self._counts.ask()
            self._forget()
            messages = self._queue.receive()
        except (DatabaseAway, QueueAway) as error:
            log("waiting", why=str(error))
            self._pause(self._next_pause)
            self._next_pause = min(2 * self._next_pause, LONGEST_PAUSE)
            return ()
        self._next_pause = FIRST_PAUSE
        if not messages and self._idle_pause:
            self._pause(self._idle_pause)
        return messages

    def _done(self, message: Message) -> bool:
        """Add a message up and delete it. False when nothing can be added up now."""
        facts: dict[str, str | int] = {"message": message.id, "receives": message.receives}
        try:
            event = read_message(message.body, message.id)
            new = self._counts.add(event)
        except DatabaseAway as error:
            log("waiting", why=str(error), **facts)
            return False
        except InvalidEvent as error:
            # It stays hidden for its time and comes again, until the queue's redrive policy makes it a dead letter.
            log("message-left", why=str(error), **facts)
            return True
        except DatabaseError as error:
            # As when the sum would be too large: the others can still be counted.
            log("message-left", why=f"the database refuses it ({_state(error)})", **facts)
            return True
        with self._queue_may_be_away("delete-failed"):
            self._queue.delete(message)
        log("counted" if new else "counted-before", name=event.name, count=event.count, **facts)
        return True

    def _release(self, messages: Sequence[Message]) -> None:
        with self._queue_may_be_away("release-failed"):
            for message in messages:
                self._queue.release(message)

    @contextlib.contextmanager
    def _queue_may_be_away(self, event: str) -> Iterator[None]:
        """For what need not succeed: the message comes again, and is not counted again."""
        try:
            yield
        except QueueAway as error:
            log(event, why=str(error))

    def _forget(self) -> None:
        if self._clock() >= self._forget_at:
            self._forget_at = self._clock() + FORGET_SECONDS
            if forgotten := self._counts.forget():
                log("forgotten", events=forgotten)


def _state(error: DatabaseError) -> str:
    said = error.args[0] if error.args else None
    return f"SQLSTATE {said.get('C')}" if isinstance(said, dict) else "no SQLSTATE"


def main() -> None:
    """Work until SIGTERM or SIGINT."""
    wait_seconds = settings.wait_seconds()
    stop = Stop()
    worker = Worker(settings.queue(wait_seconds), settings.counts(), stop, idle_pause=0.0 if wait_seconds else 1.0)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop.ask)
    print("taking messages", flush=True)
    worker.run()
    log("ended")


if __name__ == "__main__":
    main()
