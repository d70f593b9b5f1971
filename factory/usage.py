"""What an answer of the model costs in tokens, counted from its bytes as they pass."""

import json
from dataclasses import dataclass
from typing import Any

MOST_HELD = 2_000_000


@dataclass(frozen=True)
class Usage:
    """Tokens of one or several answers, as the API counts them. `input` leaves out what the cache wrote or read."""

    input: int = 0
    output: int = 0
    cache_written: int = 0
    cache_read: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input + other.input,
            self.output + other.output,
            self.cache_written + other.cache_written,
            self.cache_read + other.cache_read,
        )

    @property
    def all_input(self) -> int:
        """Every token of the requests, cached or not."""
        return self.input + self.cache_written + self.cache_read


class UsageMeter:
    """Reads the usage of one answer: the events of a stream, or one message."""

    def __init__(self) -> None:
        self.usage = Usage()
        self._rest = b""

    def feed(self, piece: bytes) -> None:
        """Take the next bytes."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            self._line(line.removeprefix(b"data:"))
        if len(self._rest) > MOST_HELD:
            self._rest = b""
        elif self._rest.startswith(b"{") and self._rest.endswith(b"}"):
            # A message that is no stream is one line without an end.
            self._line(self._rest)

    def _line(self, line: bytes) -> None:
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            return
        if not isinstance(said, dict):
            return
        if said.get("type") == "message_start":
            said = said.get("message")
        usage = said.get("usage") if isinstance(said, dict) else None
        if isinstance(usage, dict):
            self.usage = _merged(self.usage, usage)


def _merged(before: Usage, said: dict[str, Any]) -> Usage:
    # Later events repeat or raise what earlier ones said; they never add to it.
    def count(key: str, known: int) -> int:
        value = said.get(key)
        return value if isinstance(value, int) else known

    return Usage(
        input=count("input_tokens", before.input),
        output=count("output_tokens", before.output),
        cache_written=count("cache_creation_input_tokens", before.cache_written),
        cache_read=count("cache_read_input_tokens", before.cache_read),
    )
