"""Bypass: what a program tells the engine not to look at, and with it the rules."""

import re
from collections.abc import Iterator
from itertools import takewhile
from typing import Final

from policies.context import Context
from policies.helpers.pods import PLACES
from policies.model import Fail, Finding, Path
from policies.resources import Resource

EVERYTHING: Final = "*"
# Source: Pulumi, "Property paths" (sdk/go/common/resource/property_path.go).
_PART: Final = re.compile(r'\["(?P<quoted>(?:[^"\\]|\\.)*)"\]|\[(?P<index>\d+|\*)\]|\.?(?P<name>[^.\[\]"]+)')
# What of the metadata of Kubernetes rules go by. Annotations are other programs' notes.
METADATA: Final[tuple[Path, ...]] = (("metadata", "name"), ("metadata", "namespace"), ("metadata", "labels"))


def guarded_properties_followed(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 2: no property that a rule reads is one whose changes the engine is told to ignore."""
    if not resource.options.ignore_changes:
        return
    guarded = list(_guarded(resource.type, context))
    for text in resource.options.ignore_changes:
        ignored = parts(text)
        if any(_meet(ignored, guard) for guard in guarded):
            # The properties need not be there: what comes after an index is not told.
            named = tuple(takewhile(lambda part: isinstance(part, str), ignored))
            yield Fail(named, "is ignored (ignoreChanges): what rules have judged is not what stands")


def parts(text: str) -> Path:
    """A property path as Pulumi writes it; one that cannot be read stands for everything."""
    found: list[str | int] = []
    place = 0
    while place < len(text):
        part = _PART.match(text, place)
        if part is None:
            return (EVERYTHING,)
        place = part.end()
        index = part["index"]
        if index is not None:
            found.append(int(index) if index.isdecimal() else EVERYTHING)
        else:
            found.append(part["name"] if part["quoted"] is None else re.sub(r"\\(.)", r"\1", part["quoted"]))
    return tuple(found) or (EVERYTHING,)


def _guarded(resource_type: str, context: Context) -> Iterator[Path]:
    # Not at the top: this control is itself in the table.
    from policies.table import CONTROLS

    for control in (*CONTROLS, *context.own):
        for token, names in control.reads.items():
            if resource_type == token or (token.endswith("*") and resource_type.startswith(token[:-1])):
                for name in names:
                    yield from _narrowed(resource_type, name, context)


def _narrowed(resource_type: str, name: str, context: Context) -> Iterator[Path]:
    """The parts of a property that rules go by: replicas, annotations and tags of others' may be left to others."""
    if name in {"tags", "tagsAll"}:
        yield from ((name, key) for key in context.settings.required_tags)
    elif name == "metadata" and resource_type.startswith("kubernetes:"):
        yield from METADATA
    elif resource_type in PLACES and name == PLACES[resource_type][0]:
        yield PLACES[resource_type]
    else:
        yield (name,)


def _meet(ignored: Path, guard: Path) -> bool:
    """Whether one of two paths lies in the other."""
    return all(mine == EVERYTHING or _plain(mine) == _plain(other) for mine, other in zip(ignored, guard, strict=False))


def _plain(part: str | int) -> str:
    # A Python program may write the name as Python has it.
    return str(part).replace("_", "").lower()
