"""Namespaces of Kubernetes: what they are called, and in which one something is."""

from typing import Final

from policies.helpers.pods import Setting, at, namespace_of
from policies.model import UNKNOWN, Path, Plain
from policies.resources import Resource, Stack

NAMESPACE: Final = "kubernetes:core/v1:Namespace"
NAME: Final[Path] = ("metadata", "name")
DEFAULT: Final = "default"


def name_of(namespace: Resource) -> Plain:
    """What a Namespace is called; UNKNOWN while the provider has yet to name it."""
    for properties in (namespace.properties, namespace.answered):
        found = at(properties, NAME, ()).value
        if found is not None and found is not UNKNOWN:
            return found
    return UNKNOWN


def standing(resource: Resource) -> Setting:
    """The namespace that a resource ends up in: its own, its provider's, or `default`."""
    said = namespace_of(resource)
    if said.value not in (None, ""):
        return said
    provided = resource.provider.properties.get("namespace") if resource.provider else None
    return Setting(said.path, DEFAULT if provided in (None, "") else provided)


def is_in(resource: Resource, namespace: Resource, stack: Stack) -> bool | None:
    """Whether a resource is in a Namespace of the stack; None when that cannot be told yet."""
    stands = standing(resource)
    if stands.unknown:
        # In a preview its value is not known, but it comes from the metadata of a Namespace.
        known = {one.urn for one in stack.known(NAMESPACE)}
        sources = known.intersection(resource.property_dependencies.get("metadata", ()))
        return namespace.urn in sources if sources else None
    name = name_of(namespace)
    return None if name is UNKNOWN else name == stands.value
