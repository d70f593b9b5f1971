"""Property bags that no program means: cases with something broken in them, seeded, so that a failure comes again."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from policy_cases import Case

from policies import UNKNOWN, Context, Control, Resource
from policies.model import Path, Plain, Properties
from policies.testing.verdicts import Names, at, names_in, paths, unknown_at, unsaid

CANARY = "canary-7f3a91"
# As deep as the engine's protobuf lets anything be.
DEEP = 90
WORDS = (
    "*",
    "?*",
    "0.0.0.0/0",
    "::/0",
    "Allow",
    "[[",
    "{",
    "",
    "arn:aws:iam::1:role/",
    "${",
    "\x00",
    "ünïcode",
    "٣",
    "1e999",
)


@dataclass
class Bags:
    """Makes them from `cases`. Every text it puts in holds the canary, so that what is quoted can be told."""

    random: random.Random
    cases: Sequence[Case]

    def bag(self, control: Control) -> tuple[tuple[Resource, ...], Context]:
        """The resources of one of the control's cases, broken in up to four places, and where they are declared."""
        case = self.random.choice(self._by_control[control.id])
        return tuple(self._broken(resource) for resource in case.resources), case.context

    def hidden(self, control: Control, resources: Sequence[Resource]) -> tuple[tuple[Resource, ...], Path]:
        """The same with one part that is not known, anywhere in them, and where: a part that they have, or lack.

        Not what the engine tells in another way: what the provider answered, or which resource a value comes from.
        Nor what stands in a list and is empty: an element that is not known is taken to be one.
        """
        place = self.random.randrange(len(resources))
        resource = resources[place]
        told = {*resource.property_dependencies, *resource.answered}
        ways = [
            path
            for path in (*paths(resource.properties), *unsaid(resource, self._names(control)))
            if path[0] not in told and not (isinstance(path[-1], int) and _empty(at(resource.properties, path)))
        ]
        if not ways:
            return tuple(resources), ()
        way = self.random.choice(ways)
        return (*resources[:place], unknown_at(resource, way), *resources[place + 1 :]), way

    def _names(self, control: Control) -> Names:
        if control.id not in self._said:
            self._said[control.id] = names_in(control, self.cases)
        return self._said[control.id]

    @cached_property
    def _said(self) -> dict[str, Names]:
        return {}

    @cached_property
    def _by_control(self) -> dict[str, list[Case]]:
        found: dict[str, list[Case]] = {}
        for case in self.cases:
            found.setdefault(case.control, []).append(case)
        return found

    @cached_property
    def _elsewhere(self) -> dict[tuple[str, str], list[Plain]]:
        """What the cases say of each property of each type: what is right for one control is wrong for another."""
        found: dict[tuple[str, str], list[Plain]] = {}
        for resource in (resource for case in self.cases for resource in case.resources):
            for name, value in resource.properties.items():
                found.setdefault((resource.type, name), []).append(value)
        return found

    def _broken(self, resource: Resource) -> Resource:
        properties: Plain = dict(resource.properties)
        if resource.properties and self.random.random() < 0.2:
            name = self.random.choice(list(resource.properties))
            properties = {**resource.properties, name: self.random.choice(self._elsewhere[resource.type, name])}
        for _ in range(self.random.randint(0, 4)):
            properties = self._changed(properties)
        name = self.random.choice([*resource.properties, "anything"])
        if not isinstance(properties, dict):
            properties = {name: properties}
        if self.random.random() < 0.2:
            properties = {**properties, name: self.junk()}
        broken = replace(resource, properties=properties)
        return self._around(broken) if self.random.random() < 0.25 else broken

    def _around(self, resource: Resource) -> Resource:
        """The same with something else about what is beside the properties: options, provider, answers, origins."""
        options, provider = resource.options, resource.provider
        makers: tuple[Callable[[], Resource], ...] = (
            lambda: replace(resource, options=replace(options, protect=not options.protect)),
            lambda: replace(resource, options=replace(options, ignore_changes=self._ignored(resource))),
            lambda: replace(resource, options=replace(options, aliases=(self.random.choice(WORDS),))),
            lambda: replace(resource, answered={**resource.answered, self._name(resource): self.junk()}),
            lambda: replace(resource, property_dependencies={self._name(resource): ("urn:nowhere", resource.urn)}),
            lambda: replace(resource, parent=self.random.choice(WORDS), name=self.random.choice(WORDS)),
            lambda: replace(resource, provider=provider and replace(provider, properties={"defaultTags": self.junk()})),
        )
        return self.random.choice(makers)()

    def _ignored(self, resource: Resource) -> tuple[str, ...]:
        name = self._name(resource)
        return (self.random.choice((name, f"{name}[0]", f'{name}["a"].b', f"{name}.", *WORDS)),)

    def _name(self, resource: Resource) -> str:
        return self.random.choice([*resource.properties, "id", "arn"])

    def _changed(self, value: Plain) -> Plain:
        """The value with junk somewhere in it; what a JSON text says counts as in it."""
        if isinstance(value, dict) and value and self.random.random() < 0.85:
            key = self.random.choice(list(value))
            return {**value, key: self._changed(value[key])}
        if isinstance(value, list) and value and self.random.random() < 0.85:
            place = self.random.randrange(len(value))
            return [*value[:place], self._changed(value[place]), *value[place + 1 :]]
        if isinstance(value, str) and value.startswith(("{", "[")) and self.random.random() < 0.7:
            try:
                return json.dumps(_without_unknown(self._changed(json.loads(value))))
            except (ValueError, RecursionError):
                return value[: self.random.randrange(len(value))]
        kind = self.random.random()
        return UNKNOWN if kind < 0.15 else self._near(value) if kind < 0.6 else self.junk()

    def _near(self, value: Plain) -> Plain:
        """What a person might have written instead."""
        if isinstance(value, bool):
            return self.random.choice((not value, str(value), str(not value).lower(), int(value), None))
        if isinstance(value, int | float):
            return self.random.choice((value + 1, value - 1, -value, str(value), 0, [value]))
        if isinstance(value, str):
            forms = (
                value.upper(),
                value.lower(),
                f" {value} ",
                value[:-1],
                f"{value}*",
                f"{CANARY}{value}",
                "",
                [value],
            )
            return self.random.choice(forms)
        if isinstance(value, list):
            return self.random.choice((value[1:], value[:-1], value * 2, [value], value[0] if value else None, None))
        if isinstance(value, dict) and value:
            gone = self.random.choice(list(value))
            less = {name: member for name, member in value.items() if name != gone}
            return self.random.choice((less, [value], {}, None, json.dumps(_without_unknown(value))))
        return None

    def junk(self) -> Plain:
        """Anything at all."""
        makers: tuple[Callable[[], Plain], ...] = (
            lambda: UNKNOWN,
            lambda: self.random.choice((None, True, False, 0, -1, 2**63, 1.5, float("inf"), float("-inf"))),
            self._deep,
            lambda: [self.random.choice(WORDS) + CANARY] * 400,
            lambda: json.dumps({"Statement": [{"Action": self.random.choice(WORDS), "Resource": 7}] * 9}),
            lambda: {self.random.choice(("value", "name", "Statement", CANARY)): self.junk() for _ in range(2)},
            lambda: [self.junk() for _ in range(self.random.randrange(3))],
            lambda: "[" * 5000,
            lambda: self.random.choice(WORDS) + CANARY,
            lambda: self.random.choice(WORDS),
        )
        return self.random.choice(makers)()

    def _deep(self) -> Plain:
        deep: Plain = self.random.choice((UNKNOWN, CANARY, []))
        for _ in range(DEEP):
            deep = [deep] if self.random.random() < 0.5 else {"Statement": deep}
        return deep


def reaches(bag: Properties, path: Sequence[str | int]) -> bool:
    """Whether `path` could be one of the bag: an element of a list is there, whatever else may be missing."""
    value: Plain = bag
    for part in path:
        if isinstance(value, dict):
            value = value.get(str(part))
        elif isinstance(value, list):
            if not isinstance(part, int):
                return True
            if part >= len(value):
                return False
            value = value[part]
        else:
            # In a JSON text any path is one; of what is not there, or no mapping, a part is reported as missing.
            return isinstance(value, str) or not isinstance(part, int)
    return True


def _empty(value: Plain) -> bool:
    return value in (None, "", [], {})


def _without_unknown(value: Plain) -> object:
    if isinstance(value, dict):
        return {name: _without_unknown(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_without_unknown(element) for element in value]
    return None if value is UNKNOWN else value
