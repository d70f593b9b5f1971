"""Ways to break what the components declare: each a small change of one resource as it is registered.

Where a change is about a document or a container, it is parsed, changed and written again, as a component would have
declared it. What the mock cloud echoed of an input changes with the input.
"""

import json
from collections.abc import Callable, MutableMapping, MutableSequence
from dataclasses import dataclass
from typing import Any

from component_mocks import Declared

Stack = list[Declared]
Change = Callable[[Stack], None]
BUILD = "links-build"
PRODUCTION = "links-production"
# Of an app whose agents may reach a few hosts.
LETTING_OUT = "letout-build"
PLATFORM = "platform"


@dataclass(frozen=True)
class Mistake:
    """One mistake of a component, in one stack, and all that the pack says of it: "control resource property"."""

    name: str
    stack: str
    change: Change
    caught: tuple[str, ...]


def mistake(name: str, stack: str, change: Change, *caught: str) -> Mistake:
    """A row of the tables of mistakes."""
    return Mistake(name, stack, change, caught)


def of(stack: Stack, kind: str, name: str) -> Declared:
    """The resource of this kind (the end of its type token) and name."""
    of_kind = [each for each in stack if each.type.endswith(f":{kind}") and not each.is_component]
    (found,) = [each for each in of_kind if each.name == name]
    return found


def put(kind: str, name: str, path: str, value: object) -> Change:
    """Declare another value at `path`: properties and positions, with dots between them."""

    def change(stack: Stack) -> None:
        resource = of(stack, kind, name)
        for properties in (resource.inputs, resource.answered):
            place, last = _place(properties, path)
            place[last] = value

    return change


def left_out(kind: str, name: str, path: str) -> Change:
    """Declare nothing at `path`."""

    def change(stack: Stack) -> None:
        resource = of(stack, kind, name)
        for properties in (resource.inputs, resource.answered):
            place, last = _place(properties, path)
            del place[last]

    return change


def written(kind: str, name: str, document: str, path: str, value: object) -> Change:
    """Put a value inside of a property that is JSON text."""
    return _rewritten(kind, name, document, path, lambda place, last: place.__setitem__(last, value))


def struck(kind: str, name: str, document: str, path: str) -> Change:
    """Leave something out of a property that is JSON text."""
    return _rewritten(kind, name, document, path, lambda place, last: place.__delitem__(last))


def allowed(name: str, *actions: str, resource: str = "*") -> Change:
    """One more statement in the policy of a role."""

    def change(stack: Stack) -> None:
        role_policy = of(stack, "RolePolicy", name)
        document = json.loads(role_policy.inputs["policy"])
        document["Statement"].insert(0, {"Effect": "Allow", "Action": list(actions), "Resource": [resource]})
        role_policy.inputs["policy"] = role_policy.answered["policy"] = json.dumps(document)

    return change


def not_made(kind: str, name: str) -> Change:
    """Forget the resource."""
    return lambda stack: stack.remove(of(stack, kind, name))


def made(token: str, **inputs: object) -> Change:
    """Declare one resource more, beside the others of the component."""

    def change(stack: Stack) -> None:
        urn = f"urn:pulumi:stack::project::{token}::added"
        stack.append(Declared(urn, token, "added", stack[0].urn, dict(inputs), set(), answered=dict(inputs)))

    return change


def options(kind: str, name: str, **changed: object) -> Change:
    """Register it with other resource options."""

    def change(stack: Stack) -> None:
        resource = of(stack, kind, name)
        for option, value in changed.items():
            setattr(resource, option, value)

    return change


def both(*changes: Change) -> Change:
    """One mistake that shows in several places."""

    def change(stack: Stack) -> None:
        for each in changes:
            each(stack)

    return change


def _rewritten(kind: str, name: str, document: str, path: str, edit: Callable[[Any, Any], None]) -> Change:
    def change(stack: Stack) -> None:
        resource = of(stack, kind, name)
        content = json.loads(resource.inputs[document])
        edit(*_place({"document": content}, f"document.{path}"))
        resource.inputs[document] = resource.answered[document] = json.dumps(content)

    return change


def _place(
    properties: MutableMapping[str, Any], path: str
) -> tuple[MutableMapping[str, Any] | MutableSequence[Any], Any]:
    *parts, last = (int(part) if part.isdigit() else part for part in path.split("."))
    place: Any = properties
    for part in parts:
        place = place[part]
    return place, last
