"""Which resource of the stack a property names: by its value, and in a preview by where the value comes from."""

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
    candidates = tuple(stack.known(*types))
    for path, value in each(resource.value(name), (name,)):
        if value is UNKNOWN:
            sources = resource.property_dependencies.get(name, ())
            yield Reference(path, value, tuple(one for one in candidates if one.urn in sources))
            continue
        found = tuple(one for one in candidates if is_named(one, value, identifiers))
        nameless = (one for one in candidates if any(one.properties.get(key) is UNKNOWN for key in identifiers))
        yield Reference(path, value, found, () if found else tuple(nameless))


def is_named(resource: Resource, value: Plain, identifiers: tuple[str, ...] = IDENTIFIERS) -> bool:
    """Whether `value` is one of the identifiers of a resource, or an ARN that ends in one of its names."""
    if not isinstance(value, str) or not value:
        return False
    known = [resource.value(key) for key in identifiers]
    if value in known:
        return True
    # Before a resource exists its ARN is not known, but its name is; the ARN that someone else wrote out is.
    return value.startswith("arn:") and any(
        isinstance(name, str) and bool(name) and value.endswith((f"/{name}", f":{name}")) for name in known
    )


def naming(
    stack: Stack,
    target: Resource,
    types: Iterable[str],
    name: str,
    *,
    identifiers: tuple[str, ...] = IDENTIFIERS,
) -> Iterator[tuple[Resource, Reference]]:
    """The resources of `types` whose property `name` names `target`, or may (`unknown`), and the reference."""
    for resource in stack.of(*types):
        for reference in references(stack, resource, name, (target.type,), identifiers=identifiers):
            if reference.may_name(target):
                yield resource, reference
