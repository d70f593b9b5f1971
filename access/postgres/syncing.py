"""Writes recordings to the disk for many sessions together: who asks while it writes is served by the next round."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from access.postgres.recording import Recording


class Syncing:
    """One thread and its queue."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="sync")
        self._waiting: dict[Recording, asyncio.Future[None]] = {}
        self._round: asyncio.Task[None] | None = None

    async def sync(self, recording: Recording) -> None:
        """Until everything that is written in it by now is on the disk. Raises OSError."""
        waiting = self._waiting.get(recording)
        if waiting is None:
            waiting = self._waiting[recording] = asyncio.get_running_loop().create_future()
        if self._round is None or self._round.done():
            self._round = asyncio.ensure_future(self._rounds())
        await asyncio.shield(waiting)

    def close(self) -> None:
        """No more is asked."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _rounds(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, {}
            failures = await loop.run_in_executor(self._pool, _sync_all, list(batch))
            for recording, waiting in batch.items():
                failure = failures.get(recording)
                if failure:
                    waiting.set_exception(failure)
                else:
                    waiting.set_result(None)


def _sync_all(recordings: list[Recording]) -> dict[Recording, OSError]:
    failures: dict[Recording, OSError] = {}
    for recording in recordings:
        try:
            recording.sync()
        except OSError as error:
            failures[recording] = error
    return failures
