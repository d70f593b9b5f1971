"""A stack's graph as SVG: an arc diagram. Resources stand in rows below their parents, dependencies are arcs.

Rows, and no layout of boxes: a factory has some seventy resources and three times as many dependencies, and in rows
each name can be read. Resting the pointer on an arc or a name says what it is.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    # It knows all the formats.
    from stacks.driver.graphs import Graph, Node

# All lengths are in pixels.
ROW: Final = 20
INDENT: Final = 18
MARGIN: Final = 16
# A character of the font at 12 px is at most so wide.
CHARACTER: Final = 7.4
# So far an arc bulges for each row that it spans, up to the most.
BULGE: Final = 5.0
MOST_BULGE: Final = 260.0
STYLE: Final = """
svg { background: #fff; font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace }
text { fill: #1f2328 } tspan { fill: #6e7781 }
line { stroke: #d0d7de } path { fill: none; stroke: #0969da; stroke-opacity: .25 }
path:hover { stroke: #cf222e; stroke-opacity: 1; stroke-width: 2 }
"""


def as_svg(graph: "Graph") -> str:
    """The graph as one SVG document that needs nothing else."""
    rows = list(_rows(graph))
    place = {node.id: number for number, (node, _) in enumerate(rows)}
    label = max(MARGIN + depth * INDENT + _width(node) for node, depth in rows) + MARGIN
    spans = [abs(place[edge.source] - place[edge.target]) for edge in graph.edges]
    width, height = label + _bulge(max(spans, default=0)) + MARGIN, len(rows) * ROW + 2 * MARGIN
    svg = ET.Element("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {width:.0f} {height}", role="img")
    svg.set("width", f"{width:.0f}")
    svg.set("height", str(height))
    ET.SubElement(svg, "title").text = f"{graph.stack}: {len(rows)} resources"
    ET.SubElement(svg, "style").text = STYLE
    _draw_parents(svg, rows, place)
    for node, depth in rows:
        _draw_label(svg, node, MARGIN + depth * INDENT, _height(place[node.id]))
    _draw_arcs(svg, graph, place, label)
    return ET.tostring(svg, encoding="unicode") + "\n"


def _rows(graph: "Graph") -> Iterator[tuple["Node", int]]:
    """Each resource below its parent, in the order of the state, and how deep it lies."""
    below: dict[str | None, list[Node]] = {}
    for node in graph.nodes:
        below.setdefault(node.parent, []).append(node)
    left = [(node, 0) for node in reversed(below.get(None, []))]
    while left:
        node, depth = left.pop()
        yield node, depth
        left += [(each, depth + 1) for each in reversed(below.get(node.id, []))]


def _draw_arcs(svg: ET.Element, graph: "Graph", place: dict[str, int], x: float) -> None:
    names = {node.id: node.name for node in graph.nodes}
    for edge in graph.edges:
        begin, end = _height(place[edge.source]), _height(place[edge.target])
        out = x + _bulge(abs(place[edge.source] - place[edge.target]))
        arc = ET.SubElement(svg, "path", d=f"M{x:.0f} {begin} C{out:.0f} {begin} {out:.0f} {end} {x:.0f} {end}")
        of = f": {', '.join(edge.properties)}" if edge.properties else ""
        ET.SubElement(arc, "title").text = _told(f"{names[edge.source]} depends on {names[edge.target]}{of}")


def _draw_parents(svg: ET.Element, rows: list[tuple["Node", int]], place: dict[str, int]) -> None:
    for node, depth in rows:
        if node.parent is None:
            continue
        x, y, above = MARGIN + (depth - 1) * INDENT + INDENT / 3, _height(place[node.id]), _height(place[node.parent])
        _line(svg, x, above + ROW / 3, x, y)
        _line(svg, x, y, x + INDENT / 2, y)


def _line(svg: ET.Element, x1: float, y1: float, x2: float, y2: float) -> None:
    ET.SubElement(svg, "line", x1=f"{x1:.1f}", y1=f"{y1:.1f}", x2=f"{x2:.1f}", y2=f"{y2:.1f}")


def _draw_label(svg: ET.Element, node: "Node", x: float, y: float) -> None:
    text = ET.SubElement(svg, "text", x=f"{x:.0f}", y=f"{y + 4:.0f}")
    text.text = _told(f"{node.name} ")
    ET.SubElement(text, "tspan").text = _told(_short(node))
    ET.SubElement(text, "title").text = _told(node.urn)


def _short(node: "Node") -> str:
    """`aws:ec2/vpc:Vpc` as `aws:ec2:Vpc`."""
    package, _, rest = node.type.partition(":")
    module, _, name = rest.partition(":")
    return ":".join(part for part in (package, module.partition("/")[0], name) if part)


def _told(text: str) -> str:
    # XML has no place at all for a control character.
    return "".join(each if each.isprintable() else " " for each in text)


def _width(node: "Node") -> float:
    return CHARACTER * (len(node.name) + 1 + len(_short(node)))


def _height(row: int) -> float:
    return MARGIN + row * ROW + ROW / 2


def _bulge(rows: int) -> float:
    return min(MOST_BULGE, ROW + BULGE * rows)
