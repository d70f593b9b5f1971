"""One scenario's service and what is known of it: its socket, the last answer, what was remembered."""

import json
import re
import time
from pathlib import Path
from typing import Any, Final

from .talking import Answer, Unanswered, ask, call

START_SECONDS: Final = 15.0
PAUSE_SECONDS: Final = 0.02
SHOWN: Final = 400
_REMEMBERED: Final = re.compile(r"\$([a-z][a-z0-9_]*)")
_MISSING: Final = object()


class Scene:
    """A scenario under way. Everything that does not hold is an AssertionError that says what was there instead."""

    def __init__(self, doors: Path) -> None:
        self._doors = doors
        self._socket: Path | None = None
        self._health = "/"
        self._answer: Answer | None = None
        self._remembered: dict[str, Any] = {}
        self.headers: dict[str, str] = {}

    def start(self, environment: str | None) -> None:
        """Start the service with an empty /data, and wait until it answers."""
        self._begun(call(self._doors, do="start", environment=environment))

    def again(self, how: str) -> None:
        """End it (`restart`: SIGTERM, `kill`: SIGKILL) and start the same again with the same data."""
        self._begun(call(self._doors, do=how))

    def close(self) -> None:
        """End it, and forget its data."""
        call(self._doors, do="close")

    def request(self, method: str, path: str, *, headers: dict[str, str], body: bytes | None = None) -> None:
        """Send a request; its answer is the last one."""
        if self._socket is None:
            raise AssertionError("no service runs: begin with `Given the service runs`")
        sent = {name: self.filled(value) for name, value in (self.headers | headers).items()}
        try:
            self._answer = ask(self._socket, method, self.filled(path), sent, body)
        except Unanswered as error:
            raise AssertionError(f"{method} {path} was not answered: {error}{self._said()}") from None

    @property
    def answer(self) -> Answer:
        """The last answer."""
        if self._answer is None:
            raise AssertionError("nothing was asked yet: no answer to look at")
        return self._answer

    def field(self, name: str) -> Any:
        """A field of the JSON answer: `a.b` goes down, a number counts in a list. AssertionError: it is not there."""
        found = self._field(name)
        if found is _MISSING:
            raise AssertionError(f"the answer has no {name!r}: {self.shown()}")
        return found

    def has(self, name: str) -> bool:
        """Whether the JSON answer has that field."""
        return self._field(name) is not _MISSING

    def json(self) -> Any:
        """The JSON answer."""
        try:
            return json.loads(self.answer.body)
        except (ValueError, RecursionError):
            raise AssertionError(f"the answer is no JSON: {self.shown()}") from None

    def remember(self, field: str, name: str) -> None:
        """Keep a field of the answer under a name."""
        self._remembered[name] = self.field(field)

    def filled(self, text: str) -> str:
        """`text` with what was remembered in the place of `$name`."""
        return _REMEMBERED.sub(lambda match: str(self._known(match[1])), text)

    def value(self, text: str) -> Any:
        """JSON with what was remembered in its texts; `"$name"` alone, or `$name`, is the value itself."""
        if whole := _REMEMBERED.fullmatch(text):
            return self._known(whole[1])
        return self._filled_in(json.loads(text))

    def shown(self) -> str:
        """The last answer in short, for messages."""
        body = self.answer.body
        return f"{self.answer.status} {body if len(body) <= SHOWN else body[:SHOWN] + '...'}"

    def _filled_in(self, value: Any) -> Any:
        if isinstance(value, str):
            whole = _REMEMBERED.fullmatch(value)
            return self._known(whole[1]) if whole else self.filled(value)
        if isinstance(value, list):
            return [self._filled_in(each) for each in value]
        if isinstance(value, dict):
            return {key: self._filled_in(each) for key, each in value.items()}
        return value

    def _known(self, name: str) -> Any:
        if name not in self._remembered:
            raise AssertionError(f'nothing was remembered as {name}: `When I remember "field" as {name}` comes first')
        return self._remembered[name]

    def _field(self, name: str) -> Any:
        value = self.json()
        for part in name.split("."):
            if isinstance(value, dict) and part in value:
                value = value[part]
            elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
                value = value[int(part)]
            else:
                return _MISSING
        return value

    def _begun(self, told: dict[str, Any]) -> None:
        if "error" in told:
            raise AssertionError(f"the service does not start: {told['error']}")
        self._socket, self._health, self._answer = self._doors / told["socket"], told["health"], None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                ask(self._socket, "GET", self._health, {}, None)
            except Unanswered:
                if not call(self._doors, do="look")["alive"]:
                    break
                time.sleep(PAUSE_SECONDS)
            else:
                return
        raise AssertionError(f"the service does not answer{self._said()}")

    def _said(self) -> str:
        told = call(self._doors, do="look")
        ended = "" if told["alive"] else f"; it has ended with exit code {told['code']}"
        return f"{ended}; the end of what it wrote:\n{told['log']}" if told["log"] else ended
