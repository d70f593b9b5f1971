"""YAML files parsed into models, with every mistake located: file, line, column, field, found, allowed, fix.

YAML 1.2 (ruamel.yaml): `no` is a string, `1:30` is a string, `010` is ten; duplicate keys are errors.
"""

import difflib
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError

from factory.errors import InputError, Problem

Location = tuple[str | int, ...]
Model = typing.TypeVar("Model", bound=BaseModel)
# pydantic adds these markers of its own to a location; they name no key of the file.
_MARKERS = {"[key]"}


@dataclass(frozen=True)
class Document:
    """One YAML file: its plain data, and where each key and value stands (line, column, counted from 1)."""

    path: Path
    data: dict[str, Any]
    keys: dict[Location, tuple[int, int]]
    values: dict[Location, tuple[int, int]]


def load_document(path: Path) -> Document:
    """Parse the YAML mapping in `path`.

    Raises InputError when the file is missing, is not YAML, has a key twice, or is not a mapping.
    """
    try:
        parsed = YAML(typ="rt").load(path.read_text())
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except UnicodeDecodeError as error:
        raise _broken(path, 0, 0, f"not UTF-8: {error.reason} at byte {error.start}") from None
    except DuplicateKeyError as error:
        mark = error.problem_mark
        problem = str(error.problem).splitlines()[0]
        raise _broken(path, mark.line + 1, mark.column + 1, problem, "remove one of the two") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise _broken(path, line, column, f"not YAML: {error.problem}") from None
    if parsed is None:
        parsed = CommentedMap()
    if not isinstance(parsed, CommentedMap):
        raise _broken(path, 1, 1, f"must be a mapping of keys to values, not a {type(parsed).__name__}")
    keys: dict[Location, tuple[int, int]] = {(): (1, 1)}
    values: dict[Location, tuple[int, int]] = {(): (1, 1)}
    return Document(path, _plain(parsed, (), keys, values), keys, values)


def load_model(model: type[Model], path: Path) -> Model:
    """The file `path` as a `model`. Raises InputError that holds every mistake of the file at once."""
    return validate(model, load_document(path))


def validate(model: type[Model], document: Document) -> Model:
    """The document as a `model`. Raises InputError that holds every mistake of the file at once."""
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        problems = tuple(_problem(model, document, dict(e)) for e in error.errors(include_url=False))
        raise InputError(f"{document.path} has {_count(len(problems))}", problems=problems) from None


def problem_at(
    document: Document, location: Location, message: str, *, allowed: str | None = None, fix: str | None = None
) -> Problem:
    """A mistake at `location` of the document: for checks that pydantic's types cannot say."""
    line, column = _nearest(document.values, location)
    found = repr(_value_at(document.data, location))
    field = ".".join(str(part) for part in location)
    return Problem(
        file=str(document.path),
        line=line,
        column=column,
        field=field,
        message=message,
        found=found,
        allowed=allowed,
        fix=fix,
    )


def nearest(word: str, known: typing.Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be, or None."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def _broken(path: Path, line: int, column: int, message: str, fix: str | None = None) -> InputError:
    problem = Problem(file=str(path), line=line, column=column, field="", message=message, fix=fix)
    return InputError(f"{path} cannot be read", problems=(problem,))


def _count(number: int) -> str:
    return "1 mistake" if number == 1 else f"{number} mistakes"


def _plain(
    node: Any, at: Location, keys: dict[Location, tuple[int, int]], values: dict[Location, tuple[int, int]]
) -> Any:
    if isinstance(node, CommentedMap):
        result = {}
        for key, value in node.items():
            here = (*at, key)
            line, column = node.lc.key(key)
            keys[here] = (line + 1, column + 1)
            line, column = node.lc.value(key)
            values[here] = (line + 1, column + 1)
            result[key] = _plain(value, here, keys, values)
        return result
    if isinstance(node, CommentedSeq):
        items = []
        for index, value in enumerate(node):
            line, column = node.lc.item(index)
            keys[*at, index] = values[*at, index] = (line + 1, column + 1)
            items.append(_plain(value, (*at, index), keys, values))
        return items
    # ruamel's scalars are subclasses that remember their spelling; models want the plain value.
    for plain in (bool, int, float, str):
        if isinstance(node, plain):
            return plain(node)
    return node


def _problem(model: type[BaseModel], document: Document, error: dict[str, Any]) -> Problem:
    location: Location = tuple(part for part in error["loc"] if part not in _MARKERS)
    field = ".".join(str(part) for part in location)
    kind = error["type"]
    if kind == "extra_forbidden":
        known = _keys_at(model, location[:-1])
        guess = nearest(str(location[-1]), known)
        line, column = _nearest(document.keys, location)
        message, found = "unknown key", repr(location[-1])
        allowed, fix = ", ".join(sorted(known)), f"did you mean {guess!r}?" if guess else "remove it"
    elif kind == "missing":
        line, column = _nearest(document.keys, location)
        message, found, allowed, fix = "missing", None, None, f"add `{location[-1]}:`"
    else:
        line, column = _nearest(document.values, location)
        message, found = error["msg"].removeprefix("Value error, "), repr(error["input"])
        allowed, fix = error.get("ctx", {}).get("expected"), None
    return Problem(
        file=str(document.path),
        line=line,
        column=column,
        field=field,
        message=message,
        found=found,
        allowed=allowed,
        fix=fix,
    )


def _nearest(positions: dict[Location, tuple[int, int]], location: Location) -> tuple[int, int]:
    # A missing key has no position of its own: the mapping that lacks it does.
    while location not in positions:
        location = location[:-1]
    return positions[location]


def _value_at(data: Any, location: Location) -> Any:
    for part in location:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _keys_at(model: type[BaseModel], location: Location) -> list[str]:
    """The keys that the mapping at `location` may have, found by walking the model's annotations."""
    annotation: Any = model
    for part in location:
        annotation = _inner(annotation, part)
    models = [a for a in _alternatives(annotation) if isinstance(a, type) and issubclass(a, BaseModel)]
    return [field.alias or name for found in models for name, field in found.model_fields.items()]


def _inner(annotation: Any, part: str | int) -> Any:
    for option in _alternatives(annotation):
        if isinstance(option, type) and issubclass(option, BaseModel):
            for name, field in option.model_fields.items():
                if part in (name, field.alias):
                    return field.annotation
        origin = typing.get_origin(option)
        if origin in (dict, list, tuple, typing.Mapping):
            return typing.get_args(option)[1 if origin in (dict, typing.Mapping) else 0]
    return None


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    if isinstance(annotation, type | types.GenericAlias) and typing.get_origin(annotation) is None:
        return (annotation,)
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return typing.get_args(annotation)
    if typing.get_origin(annotation) is typing.Annotated:
        return _alternatives(typing.get_args(annotation)[0])
    return (annotation,)
