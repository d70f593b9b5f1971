"""A stack's resources as a graph: who is whose parent, and what depends on what; as DOT, Mermaid, JSON or SVG."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from factory.errors import InputError
from stacks.driver.graph_svg import as_svg


@dataclass(frozen=True, kw_only=True)
class Node:
    """One resource. `id` is its place in the state (`n0`, `n1`, ...); `parent` the id of another, None for the root."""

    id: str
    urn: str
    type: str
    name: str
    parent: str | None


@dataclass(frozen=True, kw_only=True)
class Edge:
    """`source` depends on `target`: these `properties` of it are made of target's outputs (none: it comes later)."""

    source: str
    target: str
    properties: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Graph:
    """The resources of a stack, in the order of its state, and their dependencies."""

    stack: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def graph_of(stack: str, state: Mapping[str, Any]) -> Graph:
    """The graph of an exported state. What waits to be deleted is not in it, nor a value of any resource.

    Raises InputError when the state holds no resources.
    """
    found = [each for each in state["deployment"].get("resources") or () if not each.get("delete")]
    if not found:
        raise InputError(f"{stack} holds no resources", hint="millwright up makes them")
    ids = {each["urn"]: f"n{number}" for number, each in enumerate(found)}
    nodes = tuple(
        Node(
            id=ids[each["urn"]],
            urn=each["urn"],
            type=each["type"],
            name=each["urn"].rsplit("::", 1)[-1],
            parent=ids.get(each.get("parent", "")),
        )
        for each in found
    )
    return Graph(stack=stack, nodes=nodes, edges=tuple(edge for each in found for edge in _edges(each, ids)))


def _edges(resource: Mapping[str, Any], ids: Mapping[str, str]) -> Iterator[Edge]:
    by_property = resource.get("propertyDependencies") or {}
    named = [urn for urns in by_property.values() for urn in urns or ()]
    for urn in dict.fromkeys([*(resource.get("dependencies") or ()), *named]):
        if urn in ids:
            properties = sorted(key for key, urns in by_property.items() if urn in (urns or ()))
            yield Edge(source=ids[resource["urn"]], target=ids[urn], properties=tuple(properties))


def as_json(graph: Graph) -> str:
    """The graph as one JSON document."""
    return json.dumps(asdict(graph), indent=2) + "\n"


def as_dot(graph: Graph) -> str:
    """The graph in Graphviz's language: parents by dotted lines, dependencies by arrows to what is depended on."""
    return "".join(f"{line}\n" for line in _dot(graph))


def _dot(graph: Graph) -> Iterator[str]:
    yield f"digraph {_quoted(graph.stack)} {{"
    yield "  rankdir=LR"
    yield "  node [shape=box]"
    for node in graph.nodes:
        yield f"  {node.id} [label={_quoted(node.name)[:-1]}\\n{_quoted(node.type)[1:]}]"
    for node in graph.nodes:
        if node.parent:
            yield f"  {node.parent} -> {node.id} [style=dotted, arrowhead=none]"
    for edge in graph.edges:
        yield f"  {edge.source} -> {edge.target} [label={_quoted(', '.join(edge.properties))}]"
    yield "}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'


def as_mermaid(graph: Graph) -> str:
    """The graph in Mermaid's language, which GitHub draws: parents by dotted lines, dependencies by arrows."""
    return "".join(f"{line}\n" for line in _mermaid(graph))


def _mermaid(graph: Graph) -> Iterator[str]:
    yield "flowchart LR"
    for node in graph.nodes:
        yield f'  {node.id}["{_entities(node.name)}<br/>{_entities(node.type)}"]'
    for node in graph.nodes:
        if node.parent:
            yield f"  {node.parent} -.- {node.id}"
    for edge in graph.edges:
        label = f'|"{_entities(", ".join(edge.properties))}"|' if edge.properties else ""
        yield f"  {edge.source} -->{label} {edge.target}"


def _entities(text: str) -> str:
    # Mermaid takes what is not a letter for its own, and names characters by their decimal code.
    return "".join(each if each.isalnum() or each in " .,:/-_" else f"#{ord(each)};" for each in text)


FORMATS: Mapping[str, Callable[[Graph], str]] = {"dot": as_dot, "json": as_json, "mmd": as_mermaid, "svg": as_svg}


def writer(suffix: str) -> Callable[[Graph], str]:
    """What draws a file with this suffix ("dot", "json", "mmd", "svg"). Raises InputError for any other."""
    if suffix in FORMATS:
        return FORMATS[suffix]
    known = ", ".join(f".{name}" for name in FORMATS)
    raise InputError(f"nothing draws a file that ends in .{suffix}", hint=f"one of {known}")
