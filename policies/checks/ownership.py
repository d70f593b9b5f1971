"""Ownership: whose a resource is, by its tags."""

from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Final

from policies.context import Context
from policies.model import UNKNOWN, Fail, Finding, Path, Plain, Unknown
from policies.reading import members, parsed
from policies.resources import Resource

# Source: the published pulumi_aws SDK; a test holds the file against the installed one.
TAGGABLE: Final = frozenset((FilePath(__file__).parent / "taggable.txt").read_text().split())
TAGS: Final[Path] = ("tags",)


def required_tags(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 61: what can be tagged carries the required tags, and app and environment are the stack's.

    The provider's default tags count; a resource's own tag goes before the default of the same key, as it does in AWS.
    """
    if resource.type not in TAGGABLE:
        return
    own = resource.properties.get("tags")
    if own is UNKNOWN:
        yield Unknown(TAGS)
        return
    shared = _default_tags(resource)
    if shared is UNKNOWN:
        yield Unknown(TAGS)
        return
    tags = {**_mapping(shared), **_mapping(own)}
    expected = {"app": context.app, "environment": context.environment}
    for key in context.settings.required_tags:
        yield from _judged(key, tags.get(key), expected.get(key, ""))


def _judged(key: str, value: Plain, expected: str) -> Iterator[Finding]:
    path = (*TAGS, key)
    if value is UNKNOWN:
        yield Unknown(path)
    elif not isinstance(value, str) or not value.strip():
        yield Fail(path, "is a required tag, and missing")
    elif expected and value != expected:
        yield Fail(path, f"is not this stack's, which is {expected}", found=value)


def _mapping(value: Plain) -> Mapping[str, Plain]:
    return value if isinstance(value, dict) else {}


def _default_tags(resource: Resource) -> Plain:
    """The provider's default tags; UNKNOWN while they are not known, None without any."""
    if resource.provider is None:
        return None
    # The engine keeps a provider's nested arguments as JSON text.
    try:
        block = parsed(resource.provider.properties.get("defaultTags"))
    except ValueError:
        return None
    if block is UNKNOWN:
        return UNKNOWN
    return next((tags for _, tags in members(block, "tags", ())), None)
