"""Flows between columns as SVG geometry: how wide each ribbon, how tall each node."""

from collections.abc import Sequence
from dataclasses import dataclass

from warehouse.reports.paths import END, OTHER, Flow

COLUMN, NODE, HEIGHT, GAP = 210.0, 12.0, 440.0, 14.0
LABEL = 190.0
"""Room for the labels of the last column."""


@dataclass(frozen=True, slots=True)
class Node:
    """``left`` counts the visits that ended (or, backwards, began) here."""

    depth: int
    name: str
    visits: int
    left: int
    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Ribbon:
    source: str
    target: str
    visits: int
    path: str


@dataclass(frozen=True, slots=True)
class Drawing:
    width: float
    height: float
    nodes: tuple[Node, ...]
    ribbons: tuple[Ribbon, ...]


def draw(flows: Sequence[Flow], backwards: bool = False) -> Drawing:
    """Columns from left to right by depth, or from right to left when the flows lead ``backwards`` from the anchor."""
    columns = _columns(flows)
    if not columns:
        return Drawing(0, 0, (), ())
    last = len(columns) - 1
    tallest = max(sum(column.values()) for column in columns)
    most = max(len(column) for column in columns)
    scale = (HEIGHT - GAP * (most - 1)) / tallest
    left = {(flow.depth, flow.source): flow.visits for flow in flows if flow.target == END}
    nodes: dict[tuple[int, str], Node] = {}
    for depth, column in enumerate(columns):
        x, y = COLUMN * ((last - depth) if backwards else depth), 0.0
        for name, visits in sorted(column.items(), key=lambda pair: (pair[0] == OTHER, -pair[1], pair[0])):
            node = Node(
                depth, name, visits, left.get((depth, name), 0), x, round(y, 1), round(visits * scale, 1)
            )
            nodes[depth, name] = node
            y += visits * scale + GAP
    ribbons = tuple(_ribbons(flows, nodes, scale, backwards))
    return Drawing(COLUMN * last + NODE + LABEL, HEIGHT, tuple(nodes.values()), ribbons)


def _columns(flows: Sequence[Flow]) -> list[dict[str, int]]:
    """For each depth the names there with their visits."""
    columns: list[dict[str, int]] = []
    for flow in flows:
        while len(columns) <= flow.depth:
            columns.append({})
        columns[flow.depth][flow.source] = columns[flow.depth].get(flow.source, 0) + flow.visits
    deepest = len(columns) - 1
    final: dict[str, int] = {}
    for flow in flows:
        if flow.depth == deepest and flow.target != END:
            final[flow.target] = final.get(flow.target, 0) + flow.visits
    return [*columns, final] if final else columns


def _ribbons(
    flows: Sequence[Flow], nodes: dict[tuple[int, str], Node], scale: float, backwards: bool
) -> list[Ribbon]:
    out = {key: node.y for key, node in nodes.items()}
    into = dict(out)
    ordered = sorted(
        flows, key=lambda flow: (flow.depth, _y(nodes, flow.depth + 1, flow.target), flow.source)
    )
    ribbons = []
    for flow in ordered:
        source, target = nodes[flow.depth, flow.source], nodes.get((flow.depth + 1, flow.target))
        if target is None:
            continue
        thick = flow.visits * scale
        start, end = out[flow.depth, flow.source], into[flow.depth + 1, flow.target]
        out[flow.depth, flow.source] += thick
        into[flow.depth + 1, flow.target] += thick
        x0, x1 = (source.x, target.x + NODE) if backwards else (source.x + NODE, target.x)
        ribbons.append(Ribbon(flow.source, flow.target, flow.visits, _band(x0, start, x1, end, thick)))
    return ribbons


def _y(nodes: dict[tuple[int, str], Node], depth: int, name: str) -> float:
    node = nodes.get((depth, name))
    return node.y if node else HEIGHT


def _band(x0: float, y0: float, x1: float, y1: float, thick: float) -> str:
    middle = (x0 + x1) / 2
    there = f"M{x0:g} {y0:.1f}C{middle:g} {y0:.1f} {middle:g} {y1:.1f} {x1:g} {y1:.1f}"
    back = (
        f"V{y1 + thick:.1f}C{middle:g} {y1 + thick:.1f} {middle:g} {y0 + thick:.1f} {x0:g} {y0 + thick:.1f}Z"
    )
    return there + back
