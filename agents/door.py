"""The worker's door, as a task sees it: hands each step to the factory, which commits it, and says what is in reach."""

import http.client
import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError

SECONDS = 120.0
MOST_BYTES = 1_000_000


class DoorClosed(Exception):
    """The worker is gone, or the task's token is dead: this process ends, and a later one goes on."""


class StepRefused(Exception):
    """The factory did not take the step; the message says why, for the model."""


class Reach(BaseModel):
    """What a task's commands reach by its grants, now: the sockets of their gates, and what they are told of it.

    `environment` holds tokens of the grants, which are for commands alone: `secrets` are those by name, to be left out
    of whatever comes back. `over` says in sentences what is not in reach any more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ways: tuple[Path, ...] = ()
    environment: dict[str, str] = {}
    secrets: dict[str, str] = {}
    over: tuple[str, ...] = ()


@dataclass(frozen=True)
class Door:
    """One task's way to the worker."""

    url: str
    token: str

    @property
    def model_url(self) -> str:
        """Where the Messages API is found."""
        return f"{self.url}/model"

    def post_step(self, task: str, step: int, tools: list[str], summary: str) -> str | None:
        """The commit of what the step has changed; None when that was nothing. Safe to repeat for the same step.

        Raises StepRefused, DoorClosed.
        """
        body = json.dumps({"task": task, "step": step, "tools": tools, "summary": summary})
        status, text = self._post("/steps", body)
        try:
            answer = json.loads(text)
        except ValueError:
            answer = {}
        if status == http.client.OK:
            commit = answer.get("commit")
            return commit if isinstance(commit, str) else None
        if status == http.client.CONFLICT:
            raise StepRefused("; ".join(str(problem) for problem in answer.get("problems", [])) or "no reason given")
        raise DoorClosed(f"the worker answered {status}: {text[:300]!r}")

    def reach(self) -> Reach:
        """What the task's commands reach. Raises DoorClosed."""
        status, text = self._post("/reach", "{}")
        try:
            if status == http.client.OK:
                return Reach.model_validate_json(text)
        except ValidationError:
            pass
        # Without what came: it may hold a token.
        raise DoorClosed(f"the worker answered {status}, and not what is in reach")

    def _post(self, path: str, body: str) -> tuple[int, bytes]:
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=SECONDS)
        try:
            headers = {"content-type": "application/json", "authorization": f"Bearer {self.token}"}
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(MOST_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise DoorClosed(f"the worker does not answer: {error}") from None
        finally:
            connection.close()
