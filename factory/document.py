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
PLAIN = "plain values"
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
        told = f"not UTF-8: {error.reason} at byte {error.start}"
        byte = f"0x{error.object[error.start]:02X}"
        raise _broken(path, (line, 1), told, found=byte, allowed="UTF-8", fix="save the file as UTF-8") from None
    builder = _Builder(path, YAML(typ="safe", pure=True).parse(text))
    try:
        return builder.document()
    except ReaderError as error:
        before = text[: error.position]
        place = (before.count("\n") + 1, len(before) - before.rfind("\n"))
        told = f"the character U+{ord(text[error.position]):04X}"
        raise _not_yaml(path, place, told, field=builder.field, found=text[error.position]) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # One character only: more of the line might be a secret.
        found = text[mark.index : mark.index + 1] if mark else None
        place = _place(mark) if mark else (0, 0)
        raise _not_yaml(path, place, str(error.problem), field=builder.field, found=found) from None
    except (ValueError, OverflowError) as error:
        # The parser's own, for escapes such as "\\UFFFFFFFF" and directives; it says no place.
        raise _not_yaml(path, builder.reached, f"after this, {error}", field=builder.field) from None


@dataclass
class _Builder:
    """Builds the document from the parser's events."""

    path: Path
    events: Iterator[Event]
    keys: dict[Location, Place] = field(default_factory=lambda: {(): (1, 1)})
    values: dict[Location, Place] = field(default_factory=lambda: {(): (1, 1)})
    reached: Place = (1, 1)
    at: Location = ()

    @property
    def field(self) -> str:
        """The field that the parser has reached."""
        return ".".join(str(part) for part in self.at)

    def refused(self, place: Place, message: str, *, found: str, allowed: str, fix: str) -> InputError:
        """The error for what stands at a place of the field that the parser has reached."""
        return _broken(self.path, place, message, field=self.field, found=found, allowed=allowed, fix=fix)

    def document(self) -> Document:
        event = self._next()
        while isinstance(event, StreamStartEvent | DocumentStartEvent):
            event = self._next()
        if isinstance(event, StreamEndEvent) or (isinstance(event, ScalarEvent) and _plain(event) is None):
            return Document(self.path, {}, self.keys, self.values)
        if not isinstance(event, MappingStartEvent):
            kind = "list" if isinstance(event, CollectionStartEvent) else "single value"
            message = f"must be a mapping of keys to values, not a {kind}"
            raise self.refused(
                _place(event.start_mark),
                message,
                found=f"a {kind}",
                allowed="a mapping",
                fix="write `key: value` lines",
            )
        data = self._value(event, ())
        self._next()
        if not isinstance(after := self._next(), StreamEndEvent):
            self.at = ()
            raise self.refused(
                _place(after.start_mark),
                "a second document",
                found="---",
                allowed="one document",
                fix="keep one document per file",
            )
        return Document(self.path, data, self.keys, self.values)

    def _next(self) -> Event:
        event = next(self.events)
        self.reached = place = _place(event.start_mark)
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor):
            found = f"*{event.anchor}" if isinstance(event, AliasEvent) else f"&{event.anchor}"
            message = "anchors and aliases are not taken"
            raise self.refused(place, message, found=found, allowed=PLAIN, fix="write the value out")
        if isinstance(event, ScalarEvent | CollectionStartEvent) and event.tag:
            found = str(event.tag)
            message = f"tags such as {found} are not taken"
            raise self.refused(place, message, found=found, allowed=PLAIN, fix="write the plain value")
        if isinstance(event, ScalarEvent) and not event.value.isascii() and re.search(r"[\ud800-\udfff]", event.value):
            message = "half of a surrogate pair is not a character"
            raise self.refused(place, message, found="half a pair", allowed=PLAIN, fix="write the whole character")
        return event

    def _value(self, event: Event, at: Location) -> Any:
        if isinstance(event, ScalarEvent):
            return _plain(event)
        if len(at) > DEPTH:
            message = f"nested more than {DEPTH} deep"
            raise self.refused(
                _place(event.start_mark), message, found="a deeper one", allowed=f"{DEPTH} levels", fix="flatten it"
            )
        return self._mapping(at) if isinstance(event, MappingStartEvent) else self._sequence(at)

    def _mapping(self, at: Location) -> dict[str, Any]:
        result: dict[str, Any] = {}
        while isinstance(key := self._next(), NodeEvent):
            place = _place(key.start_mark)
            if not isinstance(key, ScalarEvent) or (key.value == "<<" and key.style is None):
                found = "<<" if isinstance(key, ScalarEvent) else "a list or mapping"
                raise self.refused(place, "not a key", found=found, allowed="a plain word", fix="a key is a plain word")
            here = self.at = (*at, key.value)
            if key.value in result:
                message = f"the key {key.value!r} stands here and on line {self.keys[here][0]}"
                fix = "remove one of the two"
                raise self.refused(place, message, found=repr(key.value), allowed="each key once", fix=fix)
            event = self._next()
            # A value that is left out has no place of its own: the parser puts it where the next token begins.
            left_out = isinstance(event, ScalarEvent) and not event.value and event.style is None
            self.keys[here] = place
            self.values[here] = place if left_out else _place(event.start_mark)
            result[key.value] = self._value(event, here)
            self.at = at
        return result

    def _sequence(self, at: Location) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := self._next(), SequenceEndEvent):
            here = (*at, len(items))
            self.at = here
            self.keys[here] = self.values[here] = _place(event.start_mark)
            items.append(self._value(event, here))
            self.at = at
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


def _not_yaml(path: Path, place: Place, message: str, *, field: str = "", found: str | None = None) -> InputError:
    told = "the end of the file" if found == "" else repr(found) if found else None
    fix = "indent with spaces, not tabs" if found == "\t" else "mend the syntax here, or just before"
    return _broken(path, place, f"not YAML: {message}", field=field, found=told, allowed="YAML 1.2", fix=fix)


def _broken(
    path: Path,
    place: Place,
    message: str,
    *,
    field: str = "",
    found: str | None = None,
    allowed: str | None = None,
    fix: str | None = None,
) -> InputError:
    problem = Problem(
        file=str(path),
        line=place[0],
        column=place[1],
        field=field,
        message=message,
        found=found,
        allowed=allowed,
        fix=fix,
    )
    return InputError(f"{path} cannot be read", problems=(problem,))
