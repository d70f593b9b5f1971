"""Events: what a client sends and what travels on the queue."""

import json
import re
from dataclasses import dataclass

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
ID = re.compile(r"[\x21-\x7e]{1,100}")
MOST = 1_000_000


class InvalidEvent(ValueError):
    """It is no event; the message says why."""


@dataclass(frozen=True)
class Event:
    """So many times something happened. Two events with the same id are the same event, told twice."""

    id: str
    name: str
    count: int

    def message(self) -> str:
        """What stands for it on the queue."""
        return json.dumps({"id": self.id, "name": self.name, "count": self.count})


def read_event(said: object, own_id: str) -> Event:
    """The event that a client sent, {"name": ..., "count": ...}; `count` is 1 unless given. Raises InvalidEvent."""
    if not isinstance(said, dict):
        raise InvalidEvent('an event is an object: {"name": "signup", "count": 2}')
    name, count = said.get("name"), said.get("count", 1)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InvalidEvent("name has 1 to 64 letters, digits, dots, hyphens and underscores, a letter or digit first")
    # JSON's true is Python's 1.
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MOST:
        raise InvalidEvent(f"count is a whole number from 1 to {MOST}")
    return Event(own_id, name, count)


def read_message(body: str, message_id: str) -> Event:
    """The event of a message. Raises InvalidEvent.

    Its id was given before it was first sent: a message that the queue was handed twice, or that comes back from a
    dead-letter queue, has a new id of its own. A message that another program put there without one has its own.
    """
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidEvent("the message is no JSON") from None
    own_id = said.get("id", message_id) if isinstance(said, dict) else message_id
    if not isinstance(own_id, str) or not ID.fullmatch(own_id):
        raise InvalidEvent("id has 1 to 100 printable ASCII characters")
    return read_event(said, own_id)
