"""How an operation is followed to its end: by an iterator, by `async for`, or by a callback from a thread."""

import asyncio
import contextlib
import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future

from stacks.driver.model import Result, StackEvent


class Follows(ABC):
    """An operation under way, or one that waits for its turn. It is followed once, in one of these ways."""

    stack: str

    @abstractmethod
    def events(self) -> Iterator[StackEvent]:
        """Every event, as it comes; the last one is Finished or Failed."""

    @abstractmethod
    def result(self) -> Result:
        """How it ended. Raises the MillwrightError of one that failed."""

    @abstractmethod
    def interrupt(self) -> None:
        """Ask it to stop and save its state. A second call ends it at once."""

    async def aevents(self) -> AsyncIterator[StackEvent]:
        """`events` for `async for`: the loop goes on meanwhile.

        Leaving early, or being cancelled, does not stop the operation: `interrupt` does.
        """
        arrived: asyncio.Queue[StackEvent | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def read() -> None:
            try:
                for event in self.events():
                    _put(loop, arrived, event)
            finally:
                _put(loop, arrived, None)

        # Not the loop's own pool: it would wait for this operation before it can be closed.
        threading.Thread(target=read, name=f"events of {self.stack}", daemon=True).start()
        while (event := await arrived.get()) is not None:
            yield event

    async def aresult(self) -> Result:
        """`result` for `await`. Raises the MillwrightError of an operation that failed."""
        async for _ in self.aevents():
            pass
        return self.result()

    def notify(self, on_event: Callable[[StackEvent], None]) -> Future[Result]:
        """Call `on_event` for every event, in a thread of its own; the future is `result`.

        What `on_event` raises ends the calls and not the operation: the future raises it when that has ended.
        """
        ended: Future[Result] = Future()

        def read() -> None:
            try:
                events = self.events()
                try:
                    for event in events:
                        on_event(event)
                finally:
                    for _ in events:
                        pass
                ended.set_result(self.result())
            except BaseException as error:  # noqa: BLE001 -- the edge of the thread: the future's reader is told
                ended.set_exception(error)

        threading.Thread(target=read, name=f"events of {self.stack}", daemon=True).start()
        return ended


def _put(
    loop: asyncio.AbstractEventLoop, arrived: "asyncio.Queue[StackEvent | None]", event: StackEvent | None
) -> None:
    # The loop may be closed already: nobody listens, and the operation goes on.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(arrived.put_nowait, event)
