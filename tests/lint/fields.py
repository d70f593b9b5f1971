"""Fields of pydantic models in the words of documentation: type, what may stand there, default."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen, MultipleOf
from pydantic import AfterValidator, BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

# Rules that are functions say what they ask for when they refuse. Every such rule about a text refuses the first of
# these; one that does not is about the meaning of names, and each refusal of the others states a part of it.
FORM = "0.0.0.0/0"
MEANINGS = ("a", "internal-x", "x-build")
BASIC = {str: "text", int: "whole number", bool: "true or false", float: "number", Path: "path"}
LIMITS: dict[type, str] = {
    Ge: "at least {0.ge}",
    Gt: "more than {0.gt}",
    Le: "at most {0.le}",
    Lt: "less than {0.lt}",
    MultipleOf: "a multiple of {0.multiple_of}",
}


@dataclass(frozen=True)
class Row:
    """One field. `default` is None when the field must be given; `parts` are the models its value is made of."""

    key: str
    kind: str
    limits: str
    default: str | None
    description: str
    parts: tuple[type[BaseModel], ...]


def rows(model: type[BaseModel]) -> Iterator[Row]:
    """The fields of `model`, in the order they are declared."""
    for name, field in model.model_fields.items():
        yield Row(
            key=field.alias or name,
            kind=type_words(field.annotation),
            limits="; ".join(_limits(field)),
            default=None if field.is_required() else default_words(field.get_default()),
            description=field.description or "",
            parts=tuple(_models(field.annotation)),
        )


def type_words(annotation: Any) -> str:
    """A type as people say it: `dict[Name, Model]` is "map of text to Model"."""
    annotation = _bare(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return "one of " + ", ".join(f"`{value}`" for value in arguments)
    if origin is list:
        return f"list of {type_words(arguments[0])}"
    if origin is dict:
        return f"map of {type_words(arguments[0])} to {type_words(arguments[1])}"
    if arguments:
        return " or ".join(type_words(argument) for argument in arguments if argument is not type(None))
    return _class_words(annotation)


def _class_words(annotation: type[Any]) -> str:
    if issubclass(annotation, Enum):
        return "one of " + ", ".join(f"`{member.value}`" for member in annotation)
    if issubclass(annotation, BaseModel):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    return BASIC.get(annotation, annotation.__name__)


def default_words(value: Any) -> str:
    """A default as it would stand in YAML."""
    if value is None:
        return "unset"
    if value in ("", [], {}):
        return "empty"
    return f"`{value.value if isinstance(value, Enum) else value}`"


def _bare(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    annotation = _bare(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _limits(field: FieldInfo) -> Iterator[str]:
    annotation = field.annotation
    for rule in field.metadata:
        yield from _rule(rule, annotation)
    yield from _inner_limits(annotation, "")


def _inner_limits(annotation: Any, of_what: str) -> Iterator[str]:
    """Rules on the keys and elements of a field, which stand inside its annotation."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        for rule in arguments[1:]:
            yield from (of_what + text for text in _rule(rule, arguments[0]))
    elif origin is dict:
        yield from _inner_limits(arguments[0], "each key: ")
        yield from _inner_limits(arguments[1], "each value: ")
    elif origin is not Literal:
        for argument in arguments:
            yield from _inner_limits(argument, "each: " if origin is list else of_what)


def _rule(rule: Any, annotation: Any) -> Iterator[str]:
    if isinstance(rule, FieldInfo):
        for inner in rule.metadata:
            yield from _rule(inner, annotation)
    elif isinstance(rule, MinLen | MaxLen):
        yield _length(rule, annotation)
    elif isinstance(rule, AfterValidator):
        yield _refusal(rule)
    elif type(rule) in LIMITS:
        yield LIMITS[type(rule)].format(rule)
    elif pattern := getattr(rule, "pattern", None):
        yield f"matches `{pattern}`"


def _length(rule: MinLen | MaxLen, annotation: Any) -> str:
    word, number = ("at least", rule.min_length) if isinstance(rule, MinLen) else ("at most", rule.max_length)
    one, many = ("character", "characters") if _bare(annotation) is str else ("entry", "entries")
    return f"{word} {number} {one if number == 1 else many}"


def _refusal(rule: AfterValidator) -> str:
    """What a validator of ours asks for, in its own words. Raises ValueError when no probe makes it say so."""
    said = _refused(rule, FORM) or "; ".join(filter(None, (_refused(rule, name) for name in MEANINGS)))
    if not said:
        raise ValueError(f"{rule} refuses none of {FORM}, {', '.join(MEANINGS)}: add one that it refuses")
    return said


def _refused(rule: AfterValidator, probe: str) -> str:
    try:
        TypeAdapter(Annotated[str, rule]).validate_python(probe)
    except ValidationError as error:
        return error.errors()[0]["msg"].removeprefix("Value error, ")
    return ""
