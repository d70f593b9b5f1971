"""YAML files as plain data in which every key and value has its place: line and column.

Read from the parser's events, with the core schema of YAML 1.2.2 (section 10.3) whatever a `%YAML` line says: `no`,
`1:30` and `2026-01-01` are strings, `010` is ten. What makes a file mean something else than it seems to say is
refused: keys given twice, anchors, aliases, merge keys, tags. So is a depth that no file of ours has.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
    StreamStartEvent,
)
from ruamel.yaml.reader import ReaderError

from factory.errors import InputError, Problem

Location = tuple[str | int, ...]
Place = tuple[int, int]

DEPTH = 16
# Longer numbers are no number of ours; Python refuses to convert some of them.
_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_INTEGERS = (
    (10, re.compile(r"[-+]?[0-9]{1,100}")),
    (8, re.compile(r"0o[0-7]{1,100}")),
    (16, re.compile(r"0x[0-9a-fA-F]{1,100}")),
)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


@dataclass(frozen=True)
class Document:
    """One YAML file: its plain data, and where each key and value stands (line, column, counted from 1)."""

    path: Path
    data: dict[str, Any]
    keys: dict[Location, Place]
    values: dict[Location, Place]


def load_document(path: Path) -> Document:
    """Parse the YAML mapping in `path`; an empty file is an empty mapping.

    Raises InputError when the file is missing, is not UTF-8 or YAML, holds what is refused, or is not a mapping.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise _broken(path, (line, 1), f"not UTF-8: {error.reason} at byte {error.start}") from None
    builder = _Builder(path, YAML(typ="safe", pure=True).parse(text))
    try:
        return builder.document()
    except ReaderError as error:
        before = text[: error.position]
        place = (before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise _broken(path, place, f"not YAML: the character U+{ord(text[error.position]):04X}") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _broken(path, _place(mark) if mark else (0, 0), f"not YAML: {error.problem}") from None
    except (ValueError, OverflowError) as error:
        # The parser's own, for escapes such as "\\UFFFFFFFF" and directives; it says no place.
        raise _broken(path, builder.reached, f"not YAML: after this, {error}") from None


@dataclass
class _Builder:
    """Builds the document from the parser's events."""

    path: Path
    events: Iterator[Event]
    keys: dict[Location, Place] = field(default_factory=lambda: {(): (1, 1)})
    values: dict[Location, Place] = field(default_factory=lambda: {(): (1, 1)})
    reached: Place = (1, 1)

    def document(self) -> Document:
        event = self._next()
        while isinstance(event, StreamStartEvent | DocumentStartEvent):
            event = self._next()
        if isinstance(event, StreamEndEvent) or (isinstance(event, ScalarEvent) and _plain(event) is None):
            return Document(self.path, {}, self.keys, self.values)
        if not isinstance(event, MappingStartEvent):
            kind = "list" if isinstance(event, CollectionStartEvent) else "single value"
            raise _broken(self.path, _place(event.start_mark), f"must be a mapping of keys to values, not a {kind}")
        data = self._value(event, ())
        self._next()
        if not isinstance(after := self._next(), StreamEndEvent):
            raise _broken(self.path, _place(after.start_mark), "a second document", "keep one document per file")
        return Document(self.path, data, self.keys, self.values)

    def _next(self) -> Event:
        event = next(self.events)
        self.reached = place = _place(event.start_mark)
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor):
            raise _broken(self.path, place, "anchors and aliases are not taken", "write the value out")
        if isinstance(event, ScalarEvent | CollectionStartEvent) and event.tag:
            raise _broken(self.path, place, f"tags such as {event.tag} are not taken", "write the plain value")
        if isinstance(event, ScalarEvent) and not event.value.isascii() and re.search(r"[\ud800-\udfff]", event.value):
            raise _broken(self.path, place, "half of a surrogate pair is not a character")
        return event

    def _value(self, event: Event, at: Location) -> Any:
        if isinstance(event, ScalarEvent):
            return _plain(event)
        if len(at) > DEPTH:
            raise _broken(self.path, _place(event.start_mark), f"nested more than {DEPTH} deep")
        return self._mapping(at) if isinstance(event, MappingStartEvent) else self._sequence(at)

    def _mapping(self, at: Location) -> dict[str, Any]:
        result: dict[str, Any] = {}
        while isinstance(key := self._next(), NodeEvent):
            place = _place(key.start_mark)
            if not isinstance(key, ScalarEvent) or (key.value == "<<" and key.style is None):
                raise _broken(self.path, place, "not a key", "a key is a plain word")
            here = (*at, key.value)
            if key.value in result:
                first = self.keys[here][0]
                raise _broken(
                    self.path, place, f"the key {key.value!r} stands here and on line {first}", "remove one of the two"
                )
            event = self._next()
            # A value that is left out has no place of its own: the parser puts it where the next token begins.
            left_out = isinstance(event, ScalarEvent) and not event.value and event.style is None
            self.keys[here] = place
            self.values[here] = place if left_out else _place(event.start_mark)
            result[key.value] = self._value(event, here)
        return result

    def _sequence(self, at: Location) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := self._next(), SequenceEndEvent):
            here = (*at, len(items))
            self.keys[here] = self.values[here] = _place(event.start_mark)
            items.append(self._value(event, here))
        return items


def _plain(event: ScalarEvent) -> str | int | float | bool | None:
    text: str = event.value
    if event.style is not None:
        return text
    if text in _WORDS:
        return _WORDS[text]
    for base, form in _INTEGERS:
        if form.fullmatch(text):
            return int(text.removeprefix("0o").removeprefix("0x"), base)
    return float(text) if _FLOAT.fullmatch(text) else text


def _place(mark: Any) -> Place:
    return mark.line + 1, mark.column + 1


def _broken(path: Path, place: Place, message: str, fix: str | None = None) -> InputError:
    problem = Problem(file=str(path), line=place[0], column=place[1], field="", message=message, fix=fix)
    return InputError(f"{path} cannot be read", problems=(problem,))
