"""Which resource of the stack a property names: by its value, or else by where the value comes from.

A check asks for each resource in turn. What the answers are looked up in is made once for a stack, or a thousand
resources would be looked through a thousand times.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from policies.model import UNKNOWN, Path, Plain
from policies.reading import each
from policies.resources import Resource, Stack

IDENTIFIERS: Final = ("id", "name", "arn")
Named: TypeAlias = "tuple[int, Resource, Reference]"
"""A place in the order of the stack, a resource, and what a property of it names."""


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
    yield from named_by(resource, name, _names(stack, tuple(types), identifiers))


class Names:
    """What resources are called, to be looked up by value."""

    def __init__(self, resources: Iterable[Resource], identifiers: tuple[str, ...]) -> None:
        self.resources = tuple(resources)
        self.nameless = tuple(one for one in self.resources if _unnamed(one, identifiers))
        self._by_name: dict[str, list[Resource]] = {}
        self._places: dict[str, list[int]] = {}
        for place, resource in enumerate(self.resources):
            self._places.setdefault(resource.urn, []).append(place)
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

    def at(self, urns: Iterable[str]) -> tuple[Resource, ...]:
        """The resources that have these URNs, in the order of the stack."""
        places = sorted(place for urn in set(urns) for place in self._places.get(urn, ()))
        return tuple(self.resources[place] for place in places)


def named_by(resource: Resource, name: str, names: Names) -> Iterator[Reference]:
    """What the property `name` of `resource` names among `names`: for checks that ask many resources."""
    origins = names.at(resource.property_dependencies.get(name, ()))
    # A plan says no ids, nor does the local cloud to a check of the whole stack: then it is where the value comes from.
    untold = tuple(one for one in origins if one.value("id") in (None, UNKNOWN))
    for path, value in each(resource.value(name), (name,)):
        if value is UNKNOWN:
            yield Reference(path, value, origins, by_origin=True)
            continue
        found = names.of(value)
        possible = () if found or untold else names.nameless
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
    wanted = tuple(types)
    key = ("namers", target.type, wanted, name, identifiers)
    namers = stack.once(key, lambda: _Namers(stack, target.type, wanted, name, identifiers))
    yield from namers.of(target)


class _Namers:
    """Which resources name, or may name, each of those of one type: an index of all answers of `naming`."""

    def __init__(
        self, stack: Stack, target: str, types: tuple[str, ...], name: str, identifiers: tuple[str, ...]
    ) -> None:
        names = _names(stack, (target,), identifiers)
        # By identity, because a resource that holds mappings has no hash; all of them live as long as the stack.
        self._nameless = {id(one) for one in names.nameless}
        self._by_target: dict[int, list[Named]] = {}
        self._of_nameless: list[Named] = []
        self._of_any: list[Named] = []
        asked = ((resource, one) for resource in stack.of(*types) for one in named_by(resource, name, names))
        for place, (resource, reference) in enumerate(asked):
            named = (place, resource, reference)
            if reference.unknown:
                (self._of_any if reference.value is UNKNOWN else self._of_nameless).append(named)
            for one in {id(found) for found in reference.found}:
                self._by_target.setdefault(one, []).append(named)

    def of(self, target: Resource) -> Iterator[tuple[Resource, Reference]]:
        """Those that name, or may name, `target`, in the order of the stack."""
        own = self._by_target.get(id(target), [])
        perhaps = self._of_nameless if id(target) in self._nameless else []
        for _, resource, reference in heapq.merge(own, perhaps, self._of_any, key=lambda named: named[0]):
            yield resource, reference


def _names(stack: Stack, types: tuple[str, ...], identifiers: tuple[str, ...]) -> Names:
    return stack.once(("names", types, identifiers), lambda: Names(stack.known(*types), identifiers))


def _unnamed(resource: Resource, identifiers: tuple[str, ...]) -> bool:
    return any(resource.properties.get(key) is UNKNOWN for key in identifiers)
