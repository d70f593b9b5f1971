"""Secrets: literal credentials in what a resource hands to a program."""

import base64
import binascii
import zlib
from collections.abc import Callable, Iterator
from typing import Final

from policies.checks.shapes import credential_in_text, credential_in_variable
from policies.context import Context
from policies.helpers.tasks import TASK_DEFINITION, task_of
from policies.model import UNKNOWN, Fail, Finding, Path, Plain, Properties, Unknown
from policies.reading import each, members
from policies.resources import Resource

FUNCTION: Final = "aws:lambda/function:Function"
INSTANCE: Final = "aws:ec2/instance:Instance"
PROJECT: Final = "aws:codebuild/project:Project"

USER_DATA_BYTES: Final = 1 << 20
"""How much of unpacked user data is read. EC2 takes 16 KiB before unpacking; the bound is against a zip bomb."""


def no_literal_credentials(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 33: no credential written out in environment variables, container commands or user data."""
    del context
    yield from _READERS[resource.type](resource.properties)


def _variable(name: str, value: Plain, path: Path) -> Iterator[Finding]:
    if value is UNKNOWN:
        yield Unknown(path)
    elif isinstance(value, str) and (kind := credential_in_variable(name, value)):
        yield Fail(path, f"holds {kind}")


def _text(value: Plain, path: Path) -> Iterator[Finding]:
    if value is UNKNOWN:
        yield Unknown(path)
    elif isinstance(value, str) and (kind := credential_in_text(value)):
        yield Fail(path, f"holds {kind}")


def _named(entry: Plain, path: Path) -> Iterator[Finding]:
    """One `{name, value}` pair."""
    if entry is UNKNOWN:
        yield Unknown(path)
        return
    named = list(members(entry, "name", path))
    names = [name for _, name in named if isinstance(name, str)]
    for place, value in members(entry, "value", path):
        found = list(_variable(names[0] if names else "", value, place))
        yield from found
        if not found and value:
            # What its name is decides whether the value is a password.
            yield from (Unknown(at) for at, name in named if name is UNKNOWN)


def _function(properties: Properties) -> Iterator[Finding]:
    environment = properties.get("environment")
    if environment is UNKNOWN:
        yield Unknown(("environment",))
    for path, variables in members(environment, "variables", ("environment",)):
        if variables is UNKNOWN:
            yield Unknown(path)
        if isinstance(variables, dict):
            for name, value in variables.items():
                yield from _variable(name, value, (*path, name))


def _task_definition(properties: Properties) -> Iterator[Finding]:
    task = task_of(properties)
    yield from task.findings
    for path, container in task.containers:
        for place, variables in members(container, "environment", path):
            for at, entry in each(variables, place):
                yield from _named(entry, at)
        for field in ("command", "entryPoint"):
            for place, words in members(container, field, path):
                for at, word in each(words, place):
                    yield from _text(word, at)


def _instance(properties: Properties) -> Iterator[Finding]:
    yield from _text(properties.get("userData"), ("userData",))
    packed = properties.get("userDataBase64")
    yield from _text(_unpacked(packed) if isinstance(packed, str) else packed, ("userDataBase64",))


def _unpacked(packed: str) -> str:
    try:
        data = base64.b64decode(packed, validate=False)
    except (binascii.Error, ValueError):
        return packed
    if data.startswith(b"\x1f\x8b"):
        try:
            data = zlib.decompressobj(wbits=31).decompress(data, USER_DATA_BYTES)
        except zlib.error:
            return packed
    return data.decode("utf-8", errors="replace")


def _project(properties: Properties) -> Iterator[Finding]:
    environment = properties.get("environment")
    if environment is UNKNOWN:
        yield Unknown(("environment",))
    for path, variables in members(environment, "environmentVariables", ("environment",)):
        for place, entry in each(variables, path):
            kinds = [kind for _, kind in members(entry, "type", place)]
            # SECRETS_MANAGER and PARAMETER_STORE name where the value is; an absent type means PLAINTEXT.
            if not any(kind in ("SECRETS_MANAGER", "PARAMETER_STORE") for kind in kinds):
                yield from _named(entry, place)


_READERS: Final[dict[str, Callable[[Properties], Iterator[Finding]]]] = {
    FUNCTION: _function,
    TASK_DEFINITION: _task_definition,
    INSTANCE: _instance,
    PROJECT: _project,
}
