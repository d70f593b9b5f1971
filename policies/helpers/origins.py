"""References again, for providers that do not tell the ids of what they made: by where a value comes from."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from policies.helpers.references import IDENTIFIERS, Reference, references
from policies.model import UNKNOWN
from policies.resources import Resource, Stack


def untold(stack: Stack, resource: Resource, name: str, types: Iterable[str]) -> tuple[Resource, ...]:
    """The resources of `types` that a property's value comes from, and whose id nobody told.

    The engine shows a check of the whole stack what providers answered. The local cloud's does not answer ids.
    """
    sources = resource.property_dependencies.get(name, ())
    return tuple(one for one in stack.known(*types) if one.urn in sources and one.value("id") in (None, UNKNOWN))


def linked(
    stack: Stack,
    resource: Resource,
    name: str,
    types: tuple[str, ...],
    *,
    identifiers: tuple[str, ...] = IDENTIFIERS,
) -> Iterator[Reference]:
    """As `references`; what a value does not name by itself, it names by where it comes from."""
    origins = untold(stack, resource, name, types)
    for reference in references(stack, resource, name, types, identifiers=identifiers):
        yield reference if reference.found or not origins else replace(reference, found=origins)
