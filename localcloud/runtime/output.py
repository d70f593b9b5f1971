"""Brings what copies write into the log groups that their definitions declare, bounded."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

from localcloud.runtime.copies import Copy

# Logs are held in memory, and for as long as the daemon lives.
LONGEST_STREAM_BYTES: Final = 512 * 1024
LONGEST_LINE_BYTES: Final = 8 * 1024
CUT = "(the local cloud keeps no more of this task's output)"


@dataclass
class Stream:
    """Where one copy's output goes, and how much of it has gone there."""

    logs: Any
    group: str
    name: str
    path: Path
    position: int = 0
    kept: int = 0
    made: bool = False

    def forward(self, stamp: int, lines: list[str]) -> None:
        """Bring lines to the stream, which is made with the first ones."""
        if not lines:
            return
        if not self.made:
            with contextlib.suppress(self.logs.exceptions.ResourceAlreadyExistsException):
                self.logs.create_log_stream(logGroupName=self.group, logStreamName=self.name)
            self.made = True
        events = [{"timestamp": stamp, "message": line} for line in lines]
        self.logs.put_log_events(logGroupName=self.group, logStreamName=self.name, logEvents=events)

    def new_lines(self) -> list[str]:
        """What was written since the last time, up to the last whole line."""
        data = self._read()
        return self._lines(data[: data.rfind(b"\n") + 1] or (data if len(data) >= LONGEST_LINE_BYTES else b""))

    def last_lines(self) -> list[str]:
        """What was written since the last time; the last line may be unfinished."""
        return self._lines(self._read())

    def _read(self) -> bytes:
        with self.path.open("rb") as file:
            file.seek(self.position)
            return file.read(LONGEST_STREAM_BYTES)

    def _lines(self, data: bytes) -> list[str]:
        self.position += len(data)
        if self.position >= LONGEST_STREAM_BYTES:
            # The file is appended to, so what comes next stands at its beginning; it must not grow for ever.
            os.truncate(self.path, 0)
            self.position = 0
        room, self.kept = LONGEST_STREAM_BYTES - self.kept, self.kept + len(data)
        if room <= 0:
            return []
        lines = [
            each[:LONGEST_LINE_BYTES].decode(errors="replace") for each in data[:room].splitlines() if each.strip()
        ]
        return [*lines, CUT] if len(data) >= room else lines


class Output:
    """The streams of all copies."""

    def __init__(self, client: Callable[[str, str, str], Any], clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._clock = clock
        self._streams: dict[str, Stream] = {}
        # Copies end in threads of their own.
        self._lock = threading.Lock()

    def forward(self, copies: Iterable[Copy]) -> None:
        """Bring what the copies have written since the last time."""
        for copy in copies:
            self._bring(copy, Stream.new_lines)

    def finish(self, copy: Copy) -> None:
        """Bring the rest of what a copy has written: it has ended."""
        self._bring(copy, Stream.last_lines)

    def forget(self, task: str) -> None:
        """Delete the stream of a task that the cloud tells no longer."""
        with self._lock:
            stream = self._streams.pop(task, None)
        if stream and stream.made:
            with contextlib.suppress(ClientError):
                stream.logs.delete_log_stream(logGroupName=stream.group, logStreamName=stream.name)

    def clear(self) -> None:
        """Forget all streams: the cloud has been emptied."""
        with self._lock:
            self._streams.clear()

    def _bring(self, copy: Copy, lines: Callable[[Stream], list[str]]) -> None:
        with self._lock:
            if stream := self._stream(copy):
                # The log group may be gone (ECS would lose the lines as well), and so may an ended copy's file.
                with contextlib.suppress(ClientError, OSError):
                    stream.forward(int(self._clock() * 1000), lines(stream))

    def _stream(self, copy: Copy) -> Stream | None:
        target = copy.container.log
        if target is None:
            return None
        if copy.id not in self._streams:
            logs = self._client("logs", copy.service.account, target.region or copy.service.region)
            name = "/".join(part for part in (target.prefix, copy.container.name, copy.id) if part)
            self._streams[copy.id] = Stream(logs, target.group, name, copy.running.log)
        return self._streams[copy.id]
