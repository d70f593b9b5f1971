"""The broker as tasks on a bench see it: whatever is asked for is given, in memory, until a test ends it."""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from access.client import TaskAsks, Told
from factory.errors import AccessDenied


def _after(minutes: int) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat(timespec="milliseconds")


@dataclass
class Granting:
    """`refuses` are resources that are not given; `ended` says why tasks' grants were ended together."""

    refuses: set[str] = field(default_factory=set)
    asked: list[TaskAsks] = field(default_factory=list)
    grants: dict[str, dict[str, Any]] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def ask(self, asks: TaskAsks) -> Told:
        self.asked.append(asks)
        if asks.resource in self.refuses:
            raise AccessDenied(f"no rule lets it into {asks.resource}")
        grant = {
            **asks.model_dump(mode="json"),
            "id": f"grant-{next(self._numbers)}",
            "state": "active",
            "fence": 1,
            "door": "http://127.0.0.1:1",
            "lease_until": _after(asks.minutes or 240),
            "hard_until": _after(240),
            "ended_reason": "",
            "provider_ref": "",
        }
        self.grants[grant["id"]] = grant
        return Told(grant=grant, token=f"token of {grant['id']}")

    def now(self, told: Told) -> Told:
        return Told(grant=self.grants[told.grant["id"]], token=told.token)

    def opened(self, told: Told) -> Told:
        return self.now(told)

    def of_task(self, app: str, task: str) -> dict[str, Told]:
        found = [each for each in self.grants.values() if (each["app"], each["task"]) == (app, task)]
        return {each["id"]: Told(grant=each) for each in found}

    def renew(self, told: Told, minutes: int) -> Told:
        self.grants[told.grant["id"]] = {**told.grant, "lease_until": _after(minutes), "fence": told.grant["fence"] + 1}
        return self.now(told)

    def end_task(self, app: str, task: str, why: str) -> list[Told]:
        self.ended.append(why)
        for id in self.of_task(app, task):
            self.revoke(id, why)
        return []

    def revoke(self, id: str, why: str) -> None:
        """Somebody has ended it."""
        if self.grants[id]["state"] != "ended":
            self.grants[id] = {**self.grants[id], "state": "ended", "ended_reason": why}
