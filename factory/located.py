"""YAML files as models, with every mistake located: file, line, column, field, found, allowed, fix."""

import difflib
import re
import types
import typing
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from factory.allowed import allowed_at, mended
from factory.document import Document, Location, Place, load_document
from factory.errors import InputError, Problem

Model = typing.TypeVar("Model", bound=BaseModel)
# pydantic adds this to a location to say that the key itself is wrong; it names no key of the file.
_KEY = "[key]"
# A mapping in the wrong place may be long; its beginning says what it is.
FOUND_LENGTH = 80


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
    found = _shown(_value_at(document.data, location))
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
    words = list(known)
    begun = [candidate for candidate in words if len(word) > 1 and candidate.startswith(word)]
    matches = difflib.get_close_matches(word, words, n=1, cutoff=0.6) or begun
    return matches[0] if matches else None


def _count(number: int) -> str:
    return "1 mistake" if number == 1 else f"{number} mistakes"


def _problem(model: type[BaseModel], document: Document, error: dict[str, Any]) -> Problem:
    location: Location = tuple(part for part in error["loc"] if part != _KEY)
    is_key, kind, value = _KEY in error["loc"], error["type"], error["input"]
    context = error.get("ctx", {})
    place = _nearest(document.keys if is_key else document.values, location)
    message = error["msg"].removeprefix("Value error, ")
    found: str | None = _shown(value)
    allowed = context.get("allowed") or allowed_at(model, location, key=is_key)
    fix = context.get("fix") or mended(kind, context, value)
    if kind == "extra_forbidden":
        known = _keys_at(model, location[:-1])
        guess = nearest(str(location[-1]), known)
        place = _nearest(document.keys, location)
        message, found = "unknown key", _shown(location[-1])
        allowed, fix = ", ".join(sorted(known)) or "no key", f"did you mean {guess!r}?" if guess else "remove it"
    elif kind == "missing":
        place = _nearest(document.keys, location)
        message, found, fix = "missing", None, f"add `{location[-1]}:`"
    elif kind in ("enum", "literal_error"):
        message, allowed = "not one of the values it can have", context["expected"]
        guess = nearest(str(value), re.findall(r"'([^']+)'", allowed))
        fix = f"did you mean {guess!r}?" if guess else fix
    elif kind == "string_type" and isinstance(value, bool | int | float):
        fix = "put it in quotes"
    elif kind in ("model_type", "dict_type"):
        message = "must be a mapping of keys to values"
        fix = "write `{}` for the defaults" if value is None else fix
    return Problem(
        file=str(document.path),
        line=place[0],
        column=place[1],
        field=".".join(str(part) for part in location),
        message=message,
        found=found,
        allowed=allowed or None,
        fix=fix,
    )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= FOUND_LENGTH else text[: FOUND_LENGTH - 3] + "..."


def _nearest(positions: dict[Location, Place], location: Location) -> Place:
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
