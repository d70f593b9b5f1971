"""A state becomes a graph of parents and dependencies, without values, in four languages; no name breaks any."""

import json
from xml.etree import ElementTree as ET

import pytest

from factory.errors import InputError
from stacks.driver.graph_svg import as_svg
from stacks.driver.graphs import FORMATS, Edge, as_dot, as_json, as_mermaid, graph_of, writer

ROOT, KEY, ROLE = "urn::s::stack", "urn::k::my-key", "urn::r::role"
STATE = {
    "deployment": {
        "resources": [
            {"urn": ROOT, "type": "pulumi:pulumi:Stack", "outputs": {"password": "hunter2"}},
            {"urn": KEY, "type": "aws:kms/key:Key", "parent": ROOT, "dependencies": ["urn::gone"]},
            {
                "urn": ROLE,
                "type": "aws:iam/role:Role",
                "parent": ROOT,
                "dependencies": [KEY],
                "propertyDependencies": {"policy": [KEY], "name": [], "tags": [KEY], "none": None},
                "inputs": {"policy": "hunter2"},
            },
            {"urn": KEY, "type": "aws:kms/key:Key", "delete": True},
        ]
    }
}


def test_every_resource_is_a_node_with_its_parent_and_every_dependency_an_edge() -> None:
    graph = graph_of("links-build", STATE)
    assert [(n.id, n.name, n.parent) for n in graph.nodes] == [
        ("n0", "stack", None),
        ("n1", "my-key", "n0"),
        ("n2", "role", "n0"),
    ]
    assert graph.edges == (Edge(source="n2", target="n1", properties=("policy", "tags")),)


def test_json_holds_the_whole_graph_and_no_value() -> None:
    text = as_json(graph_of("links-build", STATE))
    document = json.loads(text)
    assert document["stack"] == "links-build"
    assert document["nodes"][1]["urn"] == KEY
    assert document["edges"] == [{"source": "n2", "target": "n1", "properties": ["policy", "tags"]}]
    assert not any("hunter2" in draw(graph_of("links-build", STATE)) for draw in FORMATS.values())


def test_dot_and_mermaid_tell_parents_from_dependencies() -> None:
    graph = graph_of("links-build", STATE)
    dot = as_dot(graph).splitlines()
    assert dot[0] == 'digraph "links-build" {'
    assert '  n1 [label="my-key\\naws:kms/key:Key"]' in dot
    assert "  n0 -> n1 [style=dotted, arrowhead=none]" in dot
    assert '  n2 -> n1 [label="policy, tags"]' in dot
    mermaid = as_mermaid(graph).splitlines()
    assert mermaid[0] == "flowchart LR"
    assert '  n1["my-key<br/>aws:kms/key:Key"]' in mermaid
    assert "  n0 -.- n1" in mermaid
    assert '  n2 -->|"policy, tags"| n1' in mermaid


def test_svg_has_a_row_for_each_resource_and_an_arc_for_each_dependency() -> None:
    svg = ET.fromstring(as_svg(graph_of("links-build", STATE)))  # noqa: S314 -- text of our own
    space = "{http://www.w3.org/2000/svg}"
    rows = ["".join(text.itertext()) for text in svg.iter(f"{space}text")]
    assert rows == [f"stack pulumi:pulumi:Stack{ROOT}", f"my-key aws:kms:Key{KEY}", f"role aws:iam:Role{ROLE}"]
    heights = [float(text.get("y", "")) for text in svg.iter(f"{space}text")]
    assert heights == sorted(set(heights))
    (arc,) = svg.iter(f"{space}path")
    assert "".join(arc.itertext()) == "role depends on my-key: policy, tags"


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a&b", 'a"b', "]]>", "a\x00b", "a\x1bb", "\ud800"])
def test_no_name_breaks_out_of_a_picture(name: str) -> None:
    state = {"deployment": {"resources": [{"urn": f"urn::a::{name}", "type": "t"}]}}
    svg = ET.fromstring(as_svg(graph_of("s", state)))  # noqa: S314 -- text of our own
    assert not list(svg.iter("{http://www.w3.org/2000/svg}script"))


@pytest.mark.parametrize("name", ['a"b', "a\\", 'a"]; x', "a<b>", "a|b", "a\nb"])
def test_no_name_ends_its_own_label(name: str) -> None:
    graph = graph_of("s", {"deployment": {"resources": [{"urn": f"urn::a::{name}", "type": "t"}]}})
    (line,) = [line for line in as_dot(graph).splitlines() if "n0" in line]
    inside = line.removeprefix('  n0 [label="').removesuffix('\\nt"]')
    assert inside.replace("\\\\", "").replace('\\"', "").count('"') == 0
    assert not inside.replace("\\\\", "").endswith("\\")
    (line,) = [line for line in as_mermaid(graph).splitlines() if "n0" in line]
    assert not set(line.removeprefix('  n0["').removesuffix('<br/>t"]')) & set('"<>[]|')


def test_a_stack_without_resources_has_no_graph() -> None:
    with pytest.raises(InputError, match="holds no resources"):
        graph_of("links-build", {"deployment": {}})


def test_a_suffix_says_how_it_is_drawn_and_others_are_refused_with_what_to_do() -> None:
    assert writer("mmd") is as_mermaid
    with pytest.raises(InputError, match=r"ends in \.png") as refused:
        writer("png")
    assert ".dot, .json, .mmd, .svg" in refused.value.hint
