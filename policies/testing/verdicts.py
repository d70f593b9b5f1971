"""What the controls say of a case, and what is wrong with that."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

from policies.context import Context
from policies.evaluation import Verdict, judge
from policies.model import UNKNOWN, Control, Fail, Finding, Path, Plain, render
from policies.resources import Resource, Stack
from policies.testing.case import Case


def verdicts_on(control: Control, case: Case, stack: Stack | None = None) -> list[Verdict]:
    """What one control says of a case, or of its stack with something changed in it."""
    return list(judge([control], stack or case.whole, case.context))


def complaint(controls: Sequence[Control], case: Case) -> str | None:
    """What is wrong with the verdict of `controls` on `case`, or None."""
    (control,) = (control for control in controls if control.id == case.control)
    verdicts = verdicts_on(control, case)
    kinds = {"fail" if verdict.failed else "unknown" for verdict in verdicts} or {"pass"}
    if kinds != {case.verdict}:
        return f"{case.name}: the verdict is {' and '.join(sorted(kinds))}, not {case.verdict}"
    places = {(render(each.finding.path), each.resource.name if each.resource else "") for each in verdicts}
    if case.path and not any(path == case.path and case.at in ("", name) for path, name in places):
        return f"{case.name}: reported at {places}, not at {case.path} of {case.at or 'any'}"
    return None


def always_passing(control: Control) -> Control:
    """The control with its checks replaced by ones that find nothing."""

    def blind(_what: object, _context: Context) -> Iterator[Finding]:
        yield from ()

    return _with_checks(control, blind)


def always_failing(control: Control) -> Control:
    """The control with its checks replaced by ones that find something in everything."""

    def blunt(_what: object, _context: Context) -> Iterator[Finding]:
        yield Fail(("anything",), "is there")

    return _with_checks(control, blunt)


Names: TypeAlias = Callable[[Resource, Path], Collection[str]]


def names_in(control: Control, cases: Sequence[Case]) -> Names:
    """What could be said at a place of a resource: what the control reads, and what one of its cases says there."""
    said: dict[tuple[str, Path], set[str]] = {}
    for resource in (each for case in cases if case.control == control.id for each in case.resources):
        for path in ((), *paths(resource.properties)):
            if isinstance(value := at(resource.properties, path), dict):
                said.setdefault((resource.type, _shape(path)), set()).update(value)

    def names(resource: Resource, path: Path) -> Collection[str]:
        read = () if path else control.read_of(resource.type)
        return {*read, *said.get((resource.type, _shape(path)), ())}

    return names


def passing_when_unknown(control: Control, case: Case, cases: Sequence[Case]) -> list[tuple[str, Path]]:
    """Resource and path of what makes a bad case of `cases` pass by being not known.

    Both what the case says, and what it does not say: its absence may be what is wrong with it.
    """
    passed = []
    names = names_in(control, cases)
    for place, resource in enumerate(case.resources):
        for path in (*paths(resource.properties), *unsaid(resource, names)):
            others = (*case.resources[:place], unknown_at(resource, path), *case.resources[place + 1 :])
            if not verdicts_on(control, case, Stack(others)):
                passed.append((resource.name, path))
    return passed


def unsaid(resource: Resource, names: Names) -> Iterator[Path]:
    """Where the resource could say something and does not."""
    for path in ((), *paths(resource.properties)) if resource.declared else ():
        value = at(resource.properties, path)
        if isinstance(value, dict):
            yield from ((*path, name) for name in sorted(set(names(resource, path)) - value.keys()))


def unknown_at(resource: Resource, path: Path) -> Resource:
    """The resource with what stands at `path`, or could stand there, not known."""
    changed = replaced(resource.properties, path, UNKNOWN)
    return replace(resource, properties=changed) if isinstance(changed, dict) else resource


def undone_by(control: Control, bad: Case, more: Case) -> bool:
    """Whether the failure of a case is gone once what another one declares stands beside it."""
    beside = [replace(each, urn=f"{each.urn}-more", name=f"{each.name}-more") for each in more.resources]
    verdicts = verdicts_on(control, bad, Stack((*bad.resources, *beside)))
    return not any(verdict.failed for verdict in verdicts)


def _shape(path: Path) -> Path:
    """The path with no difference between the elements of a list."""
    return tuple(0 if isinstance(part, int) else part for part in path)


def _with_checks(control: Control, check: Callable[[object, Context], Iterator[Finding]]) -> Control:
    return replace(
        control,
        check=check if control.check else None,
        stack_check=check if control.stack_check else None,
    )


def paths(value: Plain) -> Iterator[Path]:
    """Where the parts of a value are, the outer ones before what is in them."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in parts:
        yield (name,)
        yield from ((name, *path) for path in paths(inner))


def at(value: Plain, path: Path) -> Plain:
    """The part of a value at one of its `paths`."""
    for part in path:
        value = value[str(part)] if isinstance(value, dict) else value[int(part)] if isinstance(value, list) else None
    return value


def replaced(value: Plain, path: Path, new: Plain) -> Plain:
    """The value with `new` at `path`, the end of which may be a name that is not there yet."""
    if not path:
        return new
    if isinstance(value, dict):
        name = str(path[0])
        return {**value, name: replaced(value.get(name), path[1:], new)}
    if isinstance(value, list):
        return [replaced(each, path[1:], new) if place == path[0] else each for place, each in enumerate(value)]
    raise TypeError("a path through what has no parts")
