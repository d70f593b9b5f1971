"""Which resource of the stack a property names: by its value, or else by where the value comes from."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from policies.model import UNKNOWN, Path, Plain
from policies.reading import each
from policies.resources import Resource, Stack

IDENTIFIERS: Final = ("id", "name", "arn")


@dataclass(frozen=True)
class Reference:
    """What one value names."""

    path: Path
    value: Plain
    found: tuple[Resource, ...]
    """The resources of this stack that it names, or that its value, not known yet, comes from."""
    possible: tuple[Resource, ...] = ()
    """Without any found: those that it may name, because what they are called is not known yet."""
    by_origin: bool = False
    """Whether it is found only by where its value comes from."""

    @property
    def unknown(self) -> bool:
        """Whether it cannot be told yet what it names."""
        return not self.found and (self.value is UNKNOWN or bool(self.possible))

    @property
    def outside(self) -> bool:
        """Whether it names something that this stack does not declare."""
        return not self.found and not self.unknown

    def may_name(self, target: Resource) -> bool:
        """Whether it names `target`, or cannot be told yet not to."""
        return target in self.found or (self.unknown and (self.value is UNKNOWN or target in self.possible))


def references(
    stack: Stack,
    resource: Resource,
    name: str,
    types: Iterable[str],
    *,
    identifiers: tuple[str, ...] = IDENTIFIERS,
) -> Iterator[Reference]:
    """What the property `name` of `resource` names among the resources of `types`, one answer for each value of a list.

    `identifiers` are the properties by which such a resource is named: `bucket` for a bucket.
    """
    yield from named_by(resource, name, Names(stack.known(*types), identifiers))


class Names:
    """What resources are called, to be looked up by value."""

    def __init__(self, resources: Iterable[Resource], identifiers: tuple[str, ...]) -> None:
        self.resources = tuple(resources)
        self.nameless: list[Resource] = []
        self._by_name: dict[str, list[Resource]] = {}
        for resource in self.resources:
            if any(resource.properties.get(key) is UNKNOWN for key in identifiers):
                self.nameless.append(resource)
            for known in {value for key in identifiers if isinstance(value := resource.value(key), str) and value}:
                self._by_name.setdefault(known, []).append(resource)

    def of(self, value: Plain) -> tuple[Resource, ...]:
        """The resources that `value` is an identifier of, or an ARN that ends in one."""
        if not isinstance(value, str):
            return ()
        if value in self._by_name or not value.startswith("arn:"):
            return tuple(self._by_name.get(value, ()))
        # Before a resource exists its ARN is not known, but its name is; the ARN that someone else wrote out is.
        tails = (value[place + 1 :] for place, character in enumerate(value) if character in "/:")
        return tuple(resource for tail in tails for resource in self._by_name.get(tail, ()))


def named_by(resource: Resource, name: str, names: Names) -> Iterator[Reference]:
    """What the property `name` of `resource` names among `names`: for checks that ask many resources."""
    sources = set(resource.property_dependencies.get(name, ()))
    origins = tuple(one for one in names.resources if one.urn in sources)
    # A plan says no ids, nor does the local cloud to a check of the whole stack: then it is where the value comes from.
    untold = tuple(one for one in origins if one.value("id") in (None, UNKNOWN))
    for path, value in each(resource.value(name), (name,)):
        if value is UNKNOWN:
            yield Reference(path, value, origins, by_origin=True)
            continue
        found = names.of(value)
        possible = () if found or untold else tuple(names.nameless)
        yield Reference(path, value, found or untold, possible, by_origin=not found and bool(untold))


def naming(
    stack: Stack,
    target: Resource,
    types: Iterable[str],
    name: str,
    *,
    identifiers: tuple[str, ...] = IDENTIFIERS,
) -> Iterator[tuple[Resource, Reference]]:
    """The resources of `types` whose property `name` names `target`, or may (`unknown`), and the reference."""
    names = Names(stack.known(target.type), identifiers)
    for resource in stack.of(*types):
        for reference in named_by(resource, name, names):
            if reference.may_name(target):
                yield resource, reference
