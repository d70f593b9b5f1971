"""What the controls say of a case, and what is wrong with that."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

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


def passing_when_unknown(control: Control, case: Case) -> list[tuple[str, Path]]:
    """Resource and path of the parts of a bad case without which the control lets it pass."""
    passed = []
    for place, resource in enumerate(case.resources):
        for path, hidden in with_unknown_parts(resource):
            others = (*case.resources[:place], hidden, *case.resources[place + 1 :])
            if not verdicts_on(control, case, Stack(others)):
                passed.append((resource.name, path))
    return passed


def undone_by(control: Control, bad: Case, more: Case) -> bool:
    """Whether the failure of a case is gone once what another one declares stands beside it."""
    beside = [replace(each, urn=f"{each.urn}-more", name=f"{each.name}-more") for each in more.resources]
    verdicts = verdicts_on(control, bad, Stack((*bad.resources, *beside)))
    return not any(verdict.failed for verdict in verdicts)


def with_unknown_parts(resource: Resource) -> Iterator[tuple[Path, Resource]]:
    """The resource again and again, each time with another part of it not known."""
    for path in _paths(resource.properties):
        changed = _replaced(resource.properties, path, UNKNOWN)
        if isinstance(changed, dict):
            yield path, replace(resource, properties=changed)


def _with_checks(control: Control, check: Callable[[object, Context], Iterator[Finding]]) -> Control:
    return replace(
        control,
        check=check if control.check else None,
        stack_check=check if control.stack_check else None,
    )


def _paths(value: Plain) -> Iterator[Path]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in parts:
        yield (name,)
        yield from ((name, *path) for path in _paths(inner))


def _replaced(value: Plain, path: Path, new: Plain) -> Plain:
    if not path:
        return new
    if isinstance(value, dict):
        name = str(path[0])
        return {**value, name: _replaced(value[name], path[1:], new)}
    if isinstance(value, list):
        return [_replaced(each, path[1:], new) if place == path[0] else each for place, each in enumerate(value)]
    raise TypeError("a path through what has no parts")
