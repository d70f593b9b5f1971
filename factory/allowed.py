"""What may stand at a place of a model, and how to mend what stands there: words, from the model's JSON Schema.

Each limit is thus told as it is checked, whichever rule of the place was broken.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from pydantic import BaseModel
from pydantic_core import PydanticCustomError

from factory.document import Location

Schema = Mapping[str, Any]
# Of longer words nobody reads the whole.
WORDS_LENGTH = 160
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")
_MENDED = {
    "greater_than_equal": "raise it",
    "greater_than": "raise it",
    "less_than_equal": "lower it",
    "less_than": "lower it",
    "too_long": "shorten it to {max_length}",
    "string_too_long": "shorten it to {max_length} characters",
    "too_short": "fill it in",
    "string_too_short": "fill it in",
    "list_type": "write it as a list: [a, b]",
    "int_type": "write a number",
    "float_type": "write a number",
    "enum": "write one of them",
    "literal_error": "write one of them",
}


def refuse(message: str, *, allowed: str, fix: str) -> NoReturn:
    """For validators: refuse a value with what may stand there, and what to do. Raises pydantic's error."""
    raise PydanticCustomError("refused", "{message}", {"message": message, "allowed": allowed, "fix": fix})


def allowed_at(model: type[BaseModel], location: Location, *, key: bool) -> str:
    """What may stand at `location` of a file that is a `model`; with `key`, as the key itself. "" when unknown."""
    whole = model.model_json_schema(by_alias=True)
    found = [whole]
    for part in location[:-1] if key else location:
        found = [inner for schema in found for inner in _inner(schema, part, whole)]
    if key:
        found = [schema["propertyNames"] for schema in found if "propertyNames" in schema]
    return " or ".join(_words(schema, whole) for schema in found)


def mended(kind: str, context: Mapping[str, Any], value: Any) -> str:
    """What to do about an error of pydantic's `kind`, with its context, over `value`."""
    if kind == "multiple_of":
        step = context["multiple_of"]
        lower = int(value // step) * step
        return f"write {lower or step} or {lower + step}"
    if kind in ("int_type", "float_type") and isinstance(value, str) and _NUMBER.fullmatch(value):
        return "write it without quotes"
    return _MENDED.get(kind, "write what is allowed").format(**context)


def _inner(schema: Schema, part: str | int, whole: Schema) -> Iterator[dict[str, Any]]:
    for each in _alternatives(schema, whole):
        if part in each.get("properties", {}):
            yield each["properties"][part]
        elif isinstance(part, int) and "items" in each:
            yield each["items"]
        elif isinstance(each.get("additionalProperties"), dict):
            yield each["additionalProperties"]


def _alternatives(schema: Schema, whole: Schema) -> list[Schema]:
    if "$ref" in schema:
        return _alternatives(whole["$defs"][schema["$ref"].rpartition("/")[2]], whole)
    if "anyOf" in schema:
        return [inner for each in schema["anyOf"] for inner in _alternatives(each, whole)]
    return [schema]


def _words(schema: Schema, whole: Schema) -> str:
    told = (_kind(each, whole) for each in _alternatives(schema, whole) if each.get("type") != "null")
    return " or ".join(dict.fromkeys(told))


def _kind(schema: Schema, whole: Schema) -> str:
    if values := schema.get("enum", [schema["const"]] if "const" in schema else []):
        return ", ".join(str(value) for value in values)
    match schema.get("type"):
        case "integer" | "number" as kind:
            return f"a {'whole ' if kind == 'integer' else ''}number{_range(schema)}"
        case "array":
            return _list(schema, whole)
        case "object":
            return _mapping(schema)
        case "string":
            return str(schema.get("allowed") or _text(schema))
        case kind:
            return "true, false" if kind == "boolean" else ""


def _list(schema: Schema, whole: Schema) -> str:
    each = _words(schema.get("items", {}), whole)
    told = f"a list{_counted(schema.get('minItems'), schema.get('maxItems'))}"
    return f"{told}, each {each}" if each and len(each) <= WORDS_LENGTH else told


def _mapping(schema: Schema) -> str:
    keys = ", ".join(schema.get("properties", {}))
    counted = _counted(schema.get("minProperties"), schema.get("maxProperties"))
    told = f"a mapping with the keys {keys}" if keys else f"a mapping{counted}"
    return told if len(told) <= WORDS_LENGTH else "a mapping of keys to values"


def _range(schema: Schema) -> str:
    limits = (
        ("exclusiveMinimum", " more than {}"),
        ("minimum", " from {}"),
        ("maximum", " to {}"),
        ("multipleOf", ", a multiple of {}"),
    )
    return "".join(words.format(schema[limit]) for limit, words in limits if limit in schema)


def _counted(least: int | None, most: int | None) -> str:
    if least == most:
        return "" if most is None else f" of {most}"
    if most is None:
        return f" of at least {least}"
    return f" of {least} to {most}" if least else f" of at most {most}"


def _text(schema: Schema) -> str:
    told = "text"
    if most := schema.get("maxLength"):
        told += f" of at most {most} characters"
    elif least := schema.get("minLength"):
        told += f" of at least {least} character{'s' if least > 1 else ''}"
    return told + (f" that matches {schema['pattern']}" if "pattern" in schema else "")
