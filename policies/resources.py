"""What the checks look at: one resource, and all resources of a stack."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, TypeVar

from policies.model import UNKNOWN, Path, Plain, Properties

ROOT: Final = "pulumi:pulumi:Stack"
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Options:
    """The resource options that the analyzer protocol carries."""

    protect: bool = False
    ignore_changes: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    additional_secret_outputs: tuple[str, ...] = ()
    delete_before_replace: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Provider:
    """The provider that a resource is made by, with the arguments it was configured with."""

    type: str
    urn: str
    name: str
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource, as declared.

    `properties` are its inputs, after the provider's own defaults. In a check of a whole stack `answered` is what the
    provider said of it (`arn`, `id`); in a preview much of that is not there yet. `declared` is False for what the
    program only reads, or no longer declares: it has no inputs and is not judged, but others may refer to it.

    `property_dependencies` says from which resources (URNs) a property's value comes; it is known in checks of whole
    stacks, not while resources are being registered. `secrets` are the paths of what the program marked secret.
    """

    type: str
    properties: Properties
    urn: str = ""
    name: str = ""
    parent: str = ""
    options: Options = Options()
    provider: Provider | None = None
    dependencies: tuple[str, ...] = ()
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    secrets: frozenset[Path] = frozenset()
    answered: Properties = field(default_factory=dict)
    declared: bool = True

    def value(self, name: str) -> Plain:
        """A property as declared, or else as the provider answered."""
        declared = self.properties.get(name)
        return self.answered.get(name, declared) if declared is None or declared is UNKNOWN else declared

    def conceals(self, path: Path) -> bool:
        """Whether the value at `path` is secret, lies inside a secret one, or holds one."""
        return any(secret[: len(path)] == path[: len(secret)] for secret in self.secrets)


@dataclass(frozen=True)
class Stack:
    """The resources of one stack, in the order of their registration. `complete`: more of them cannot come."""

    resources: tuple[Resource, ...]
    complete: bool = True

    def of(self, *types: str) -> Iterator[Resource]:
        """The declared resources of these types; a type that ends in `*` stands for all that begin so."""
        return (resource for resource in self.known(*types) if resource.declared)

    def known(self, *types: str) -> Iterator[Resource]:
        """The same, and what the program only reads."""
        starts = tuple(token[:-1] for token in types if token.endswith("*"))
        if not starts and len(types) == 1:
            yield from self._by_type.get(types[0], ())
            return
        for resource in self.resources:
            if resource.type in types or (starts and resource.type.startswith(starts)):
                yield resource

    @cached_property
    def _by_type(self) -> dict[str, list[Resource]]:
        found: dict[str, list[Resource]] = {}
        for resource in self.resources:
            found.setdefault(resource.type, []).append(resource)
        return found

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` makes of this stack: called once for each key, because several checks ask the same."""
        kept: dict[Hashable, T] = self._kept
        if key not in kept:
            kept[key] = make()
        return kept[key]

    @cached_property
    def _kept(self) -> dict[Hashable, Any]:
        return {}

    def by_urn(self) -> dict[str, Resource]:
        """Every resource by its URN."""
        return {resource.urn: resource for resource in self.resources}
