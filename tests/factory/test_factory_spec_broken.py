"""Any valid app.yaml, broken in any way that a person breaks one: told at its place, whole, and never by a traceback.

A spec is drawn, written out with every default, and one value or key of it is replaced by what cannot stand there.
"""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from property_sizes import tried
from spec_strategies import specs

from factory.document import load_document
from factory.errors import InputError, Problem
from factory.spec import AppSpec
from factory.spec.loading import spec_from

Place = tuple[str | int, ...]
# Written into the file as they stand here. What YAML 1.1 took for something else is text, or the number it looks like.
TRAPS = ("no", "1:30", "1_000", "0o17.5", "2026-01-01", "~", "[]", "[x]", "{x: 1}", "-1", "1.5", ".nan", "-.inf", "'7'")
TOO_BIG = 10**12
RULE = {"function": "coder", "resource": "repository", "environments": ["build"], "scope": "read"}
# The place in a failure says enough; shrinking one takes minutes.
NO_SHRINKING = [Phase.explicit, Phase.reuse, Phase.generate]
# Keys whose values are words of ours, so that no other word may stand there.
WORDS = {"apiVersion", "target", "size", "role", "region", "cidr", "name", "owner"}


@dataclass(frozen=True)
class Broken:
    """A document that was made wrong at one place, which an error must name."""

    data: dict[str, Any]
    place: Place


class Raw(str):
    """Stands in the file without quotes."""


def written(value: Any, indent: str = "") -> str:
    """A document as YAML in block style, each key on its line."""
    if isinstance(value, Raw):
        return f" {value}\n"
    if isinstance(value, dict) and value:
        inner = "".join(f"{indent}{_key(key)}:{written(each, indent + '  ')}" for key, each in value.items())
        return inner if not indent else "\n" + inner
    if isinstance(value, list) and value:
        return "\n" + "".join(f"{indent}-{written(each, indent + '  ')}" for each in value)
    return f" {json.dumps(value)}\n"


def _key(key: str) -> str:
    return key if isinstance(key, Raw) else json.dumps(key)


def leaves(data: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every value that is neither mapping nor list, with its place."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        if isinstance(value, dict | list):
            yield from leaves(value, (*place, key))
        else:
            yield (*place, key), value


def mappings(data: Any, place: Place = ()) -> Iterator[Place]:
    """The place of every mapping."""
    if isinstance(data, dict):
        yield place
    for key, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield from mappings(value, (*place, key))


def at(data: Any, place: Place) -> Any:
    for part in place:
        data = data[part]
    return data


def replaced(data: dict[str, Any], place: Place, value: Any) -> dict[str, Any]:
    data = copy.deepcopy(data)
    at(data, place[:-1])[place[-1]] = value
    return data


def whole(spec: AppSpec) -> dict[str, Any]:
    """The spec with each default written out; what is unset is left out."""
    return spec.model_dump(mode="json", by_alias=True, exclude_none=True)


def a_wrong_value(draw: st.DrawFn, data: dict[str, Any]) -> Broken:
    places = [(place, value) for place, value in leaves(data) if place[-1] != "description" and place[0] != "command"]
    place, value = draw(st.sampled_from(places))
    if isinstance(value, str):
        wrong = [Raw(trap) for trap in ("7", "true", "~", "[x]", "{x: 1}", "1.5")]
        wrong += [Raw("No"), Raw("1:30"), ""] if place[-1] in WORDS else []
    else:
        wrong = [*(Raw(trap) for trap in TRAPS), -TOO_BIG, TOO_BIG, "x", True]
        # 1.5 dollars are dollars.
        wrong = [each for each in wrong if not (isinstance(value, float) and each == "1.5")]
    return Broken(replaced(data, place, draw(st.sampled_from(wrong))), place)


def an_unknown_key(draw: st.DrawFn, data: dict[str, Any]) -> Broken:
    named = {"services", "workers", "databases", "queues", "secrets", "apis", "agents", "environments", "gates"}
    # In a mapping by name any good name is a key; a bad one is none.
    place = (*draw(st.sampled_from(list(mappings(data)))), draw(st.sampled_from(["zz zz", "Name", "cost_center", "9"])))
    wrong = {"x": 1} if place[0] in named and len(place) == 2 else {}
    return Broken(replaced(data, place, wrong), place)


def a_missing_key(draw: st.DrawFn, data: dict[str, Any]) -> Broken:
    ((service, _),) = data["services"].items()
    # What has no default, at the top, and of each rule.
    needed: list[Place] = [(key,) for key in ("apiVersion", "name", "owner", "region", "network", "services", "agents")]
    needed += [("access", i, key) for i in range(len(data["access"])) for key in RULE]
    place = draw(st.sampled_from([*needed, ("network", "cidr"), ("services", service, "port"), ("environments",)]))
    data = copy.deepcopy(data)
    del at(data, place[:-1])[place[-1]]
    return Broken(data, place)


def nothing_for_a_mapping(draw: st.DrawFn, data: dict[str, Any]) -> Broken:
    place = draw(st.sampled_from([place for place in mappings(data) if place]))
    return Broken(replaced(data, place, Raw(draw(st.sampled_from(["", "7", "x", "[x]"])))), place)


def fields_that_do_not_go_together(draw: st.DrawFn, data: dict[str, Any]) -> Broken:
    ((service, sized),) = data["services"].items()
    function = next(iter(data["agents"]))
    there = {**RULE, "function": function, "environments": [next(iter(data["environments"]))]}
    secret = {**there, "resource": f"services.{service}"}
    live = {**secret, "environments": ["production"], "approval": "security"}
    api = {"url": "https://api.example.com/v1", "secret": "key"}
    ways: list[tuple[Place, Any, Place]] = [
        (("apis",), {"payments": {**api, "secret": "nosuch"}}, ("apis", "payments", "secret")),
        (("apis",), {"payments": {**api, "url": "http://api.example.com"}}, ("apis", "payments", "url")),
        (("apis",), {"payments": {**api, "url": "https://127.0.0.1/v1"}}, ("apis", "payments", "url")),
        (("apis",), {"payments": {**api, "url": "https://a.example.com/v1/../v2"}}, ("apis", "payments", "url")),
        (("apis",), {"payments": {**api, "header": "Host"}}, ("apis", "payments", "header")),
        (("apis",), {"payments": {**api, "format": "Bearer"}}, ("apis", "payments", "format")),
        (("agents", function, "tools"), ["run", "run"], ("agents", function, "tools")),
        (("access",), [{**there, "resource": "databases.nosuch"}], ("access", 0, "resource")),
        (("access",), [{**there, "resource": service}], ("access", 0, "resource")),
        (("access",), [{**secret, "environments": ["build"]}], ("access", 0, "environments", 0)),
        (("access",), [{**live, "lease": 61}], ("access", 0, "lease")),
        (("access",), [{**live, "scope": "admin"}], ("access", 0, "scope")),
        (("access",), [{**live, "approval": "maintainer"}], ("access", 0, "approval")),
        (("access",), [{**live, "approval": Raw("")}], ("access", 0, "approval")),
        (("access",), [live, live], ("access", 1, "scope")),
        (("access",), [live, {**live, "scope": "write"}], ("access", 1, "scope")),
        (("access",), [{**live, "lease": 5}, {**live, "scope": "write", "lease": 9}], ("access", 1, "scope")),
        (("services", service, "memory"), 512 if sized["cpu"] != 256 else 30720, ("services", service, "memory")),
        (("agents", function, "secrets"), ["nosuch"], ("agents", function, "secrets", 0)),
        (("gates",), {"merge": {"role": "viewer"}}, ("gates", "merge", "role")),
        (("retention", "logs"), 366, ("retention", "logs")),
        (("databases",), {service: {}}, ("databases", service)),
        (("queues",), {"endpoints": {}}, ("queues", "endpoints")),
        (("secrets", "port"), {}, ("secrets", "port")),
        (("queues",), {f"{service[:18]}": {}, f"{service[:18]}-front": {}}, ("queues", f"{service[:18]}-front")),
        (("budget", "alerts"), [50, 50], ("budget", "alerts")),
        (("name",), "other", ("name",)),
        (("environments", "staging"), {"target": "kubernetes"}, ("environments", "staging", "target")),
        (("network", "cidr"), "10.0.0.0/24", ("network", "cidr")),
        (("network", "cidr"), "8.8.0.0/16", ("network", "cidr")),
    ]
    place, value, told = draw(st.sampled_from(ways))
    return Broken(replaced(data, place, value), told)


WAYS: list[Callable[[st.DrawFn, dict[str, Any]], Broken]] = [
    *(a_wrong_value, an_unknown_key, a_missing_key, nothing_for_a_mapping, fields_that_do_not_go_together)
]


@st.composite
def broken(draw: st.DrawFn, way: Callable[[st.DrawFn, dict[str, Any]], Broken]) -> Broken:
    """A spec that is wrong in one way."""
    return way(draw, whole(draw(specs())))


def mistakes(folder: Path, data: dict[str, Any], name: str) -> tuple[Problem, ...]:
    """What is told about a file. Fails when nothing is; any exception but InputError is a bug."""
    path = folder / name / "app.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(written(data))
    with pytest.raises(InputError) as caught:
        spec_from(load_document(path), name)
    lines = path.read_text().splitlines()
    for problem in caught.value.problems:
        # Each says where, what, what else and what to do: only what is missing was not found.
        assert problem.file == str(path)
        assert problem.field
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
        assert problem.allowed, problem
        assert problem.fix, problem
        assert (problem.found is None) == (problem.message == "missing"), problem
        assert len(str(problem).removeprefix(str(path))) < 700
    return caught.value.problems


def told(problems: tuple[Problem, ...]) -> set[str]:
    return {problem.field for problem in problems}


def dotted(place: Place) -> str:
    return ".".join(str(part) for part in place)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@settings(phases=NO_SHRINKING, max_examples=tried(25))
@given(data=st.data())
def test_a_spec_that_is_broken_anywhere_is_told_at_that_place(
    tmp_path_factory: pytest.TempPathFactory, way: Callable[..., Broken], data: st.DataObject
) -> None:
    wrong = data.draw(broken(way))
    name = wrong.data.get("name")
    folder = name if isinstance(name, str) and name.isidentifier() and wrong.place != ("name",) else "app"
    found = told(mistakes(tmp_path_factory.mktemp("broken"), wrong.data, folder))
    assert dotted(wrong.place) in found or any(field.startswith(f"{dotted(wrong.place)}.") for field in found), found


def _a_line_twice(lines: list[str], number: int) -> list[str]:
    return [*lines[: number + 1], f"{lines[number].partition(':')[0]}: {{}}", *lines[number + 1 :]]


def _before_the_value(mark: str) -> Callable[[list[str], int], list[str]]:
    def change(lines: list[str], number: int) -> list[str]:
        key, _, value = lines[number].partition(":")
        return [*lines[:number], f"{key}: {mark}{value}", *lines[number + 1 :]]

    return change


def _indented_by_a_tab(lines: list[str], number: int) -> list[str]:
    return [*lines[:number], f"\t{lines[number]}", *lines[number + 1 :]]


def _merged(lines: list[str], number: int) -> list[str]:
    indent = " " * (len(lines[number]) - len(lines[number].lstrip()))
    return [*lines[:number], f"{indent}<<: {{a: 1}}", *lines[number:]]


# What is done to the text, and words of the refusal.
TEXTS: dict[str, tuple[Callable[[list[str], int], list[str]], str]] = {
    "a key twice": (_a_line_twice, "stands here and on line"),
    "an anchor": (_before_the_value("&a"), "anchors and aliases are not taken"),
    "a tag": (_before_the_value("!!str"), "tags such as"),
    "an open quote": (_before_the_value("'"), "not YAML"),
    "a tab": (_indented_by_a_tab, "not YAML"),
    "a merge key": (_merged, "not a key"),
}


@pytest.mark.parametrize("way", TEXTS)
@settings(phases=NO_SHRINKING, max_examples=tried(8))
@given(spec=specs(), data=st.data())
def test_what_yaml_allows_and_app_yaml_does_not_is_told_at_its_line(
    tmp_path_factory: pytest.TempPathFactory, way: str, spec: AppSpec, data: st.DataObject
) -> None:
    lines = written(whole(spec)).splitlines()
    # With a key in it: a host has a colon as well.
    number = data.draw(st.sampled_from([n for n, line in enumerate(lines) if n and ": " in f"{line} "]))
    change, words = TEXTS[way]
    path = tmp_path_factory.mktemp("text") / "app.yaml"
    path.write_text("\n".join(change(lines, number)) + "\n")
    with pytest.raises(InputError) as caught:
        spec_from(load_document(path))
    (problem,) = caught.value.problems
    assert words in problem.message
    # At the top of the file there is no field yet.
    assert problem.field or not lines[number].startswith(" ")
    assert all((problem.found, problem.allowed, problem.fix))
    # A quote that stays open is missed where the file goes on.
    assert problem.line in (number + 1, number + 2) or way == "an open quote"


SINGLE = {
    ("owner",): Raw("7"),
    ("region",): Raw("no"),
    ("network", "cidr"): Raw("1:30"),
    ("budget", "dollars"): Raw("1_000"),
    ("retention", "logs"): 366,
    ("retention", "audit"): Raw("'400'"),
    ("environments", "staging"): {"target": "kubernetes"},
    ("gates",): {"merge": {"role": "viewer"}, "production": {"role": "king"}},
    ("queues",): {"endpoints": {"seconds": 0}},
    ("access",): [{**RULE, "resource": "nosuch"}, {**RULE, "scope": Raw("no"), "resource": "queues.nosuch"}, 7],
    ("nosuch",): 1,
}


@settings(phases=NO_SHRINKING, max_examples=tried(25))
@given(spec=specs(), places=st.lists(st.sampled_from(sorted(SINGLE)), min_size=2, max_size=6, unique=True))
def test_all_mistakes_are_told_at_once(
    tmp_path_factory: pytest.TempPathFactory, spec: AppSpec, places: list[Place]
) -> None:
    data = whole(spec)
    for place in places:
        data = replaced(data, place, SINGLE[place])
    found = told(mistakes(tmp_path_factory.mktemp("many"), data, spec.name))
    missed = [place for place in places if not any(f"{field}.".startswith(f"{dotted(place)}.") for field in found)]
    assert missed == []
    inner = {"queues": {"queues.endpoints", "queues.endpoints.seconds"}}
    inner["gates"] = {"gates.merge.role", "gates.production.role"}
    inner["access"] = {"access.0.resource", "access.1.scope", "access.1.resource", "access.2"}
    assert all(fields <= found for key, fields in inner.items() if (key,) in places)


@settings(phases=NO_SHRINKING, max_examples=tried(10))
@given(specs())
def test_the_same_spec_unbroken_is_taken(tmp_path_factory: pytest.TempPathFactory, spec: AppSpec) -> None:
    path = tmp_path_factory.mktemp("good") / spec.name / "app.yaml"
    path.parent.mkdir()
    path.write_text(written(whole(spec)))
    assert spec_from(load_document(path)).digest() == spec.digest()
