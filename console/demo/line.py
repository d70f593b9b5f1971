"""Follows the changes on the line: a line for whatever moves, and every question to whoever answers it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from console.demo.people import Answer, Desk
from console.show import ERR, escaped
from factory import daemons, db, requests
from factory.errors import MillwrightError
from factory.requests import Request
from pipeline import records
from pipeline.records import ChangeRecord

POLL_SECONDS = 0.3
LIMIT_SECONDS = 1800.0


@dataclass
class Follower:
    """Shows changes until each has ended or waits for a person who leaves it."""

    desk: Desk
    answer: Answer
    begun: float = field(default_factory=time.monotonic)
    shown: dict[str, str] = field(default_factory=dict)
    left: set[int] = field(default_factory=set)
    asked: set[int] = field(default_factory=set)

    def follow(self, identifiers: Sequence[str]) -> list[ChangeRecord]:
        """The changes as they stand at the end. Raises MillwrightError when the worker is gone or time is up."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while True:
            found, waiting = self._look(identifiers)
            for record in found:
                self._show(record)
            for request in waiting:
                self._put(request)
            questions = {request.change for request in waiting if request.id in self.left}
            if all(record.ended or record.change in questions for record in found):
                return found
            if time.monotonic() > deadline:
                raise MillwrightError(f"the changes did not end within {LIMIT_SECONDS:.0f} s", hint="millwright inbox")
            if daemons.read(self.desk.root, daemons.WORKER) is None:
                log = self.desk.root.logs / "worker.log"
                raise MillwrightError("the worker has ended", hint=f"see {log}; millwright factory up goes on")
            time.sleep(POLL_SECONDS)

    def _look(self, identifiers: Sequence[str]) -> tuple[list[ChangeRecord], list[Request]]:
        with db.transaction(self.desk.database) as connection:
            known = (records.read_change(connection, identifier) for identifier in identifiers)
            found = [record for record in known if record is not None]
            mine = {(record.app, record.change) for record in found}
            opened = [r for r in requests.open_requests(connection) if (r.app, r.change) in mine]
        return found, opened

    def _show(self, record: ChangeRecord) -> None:
        line = f"{record.stage:<9} {record.detail.splitlines()[0] if record.detail else ''}"
        if self.shown.get(record.id) != line:
            self.shown[record.id] = line
            since = time.monotonic() - self.begun
            ERR.print(f"  [dim]{since:5.1f} s[/] [bold]{record.change:<13}[/] {escaped(line[:150])}")

    def _put(self, request: Request) -> None:
        if request.id in self.asked:
            return
        answered = self.answer(self.desk, request)
        if answered is None:
            return
        self.asked.add(request.id)
        if not answered:
            self.left.add(request.id)
