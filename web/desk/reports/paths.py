"""The paths page: what visits do next, or did before."""

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from flask import request
from flask.typing import ResponseReturnValue

from warehouse.funnel.reverse import ReverseFunnel
from warehouse.question.refused import QueryRefused
from warehouse.reports.paths import DEPTH_LIMIT, OTHER, Paths
from warehouse.reports.vocabulary import Vocabulary
from web import labels as told
from web.desk.pages import Pages
from web.desk.period import Period, period_of
from web.desk.reports.funnel_form import draft_of
from web.drawing import formats
from web.drawing.sankey import Drawing, Node, Ribbon, draw
from web.http.routes import Routes, get
from web.language import gettext as _
from web.reports.catalogue import paths_of, reverse_funnel_of, vocabulary_of
from web.reports.parameters import PathOptions, path_options

LABEL_LENGTH = 26


@dataclass(frozen=True, slots=True)
class NodeView:
    """``label`` is short enough for the drawing; ``href`` makes this node the anchor, "" for what is folded; ``only``
    narrows this page, and with it the menu's others, to visits that saw it, "" for what is no page."""

    node: Node
    label: str
    title: str
    href: str
    only: str


@dataclass(frozen=True, slots=True)
class PathsView:
    problem: str
    options: PathOptions
    anchor: str
    visits: int
    drawing: Drawing
    nodes: tuple[NodeView, ...]
    names: tuple[str, ...]
    demo: bool
    before: ReverseFunnel | None = None

    @property
    def query(self) -> list[tuple[str, str]]:
        """What the API is asked for the same paths."""
        return [
            ("anchor", self.anchor),
            ("direction", self.options.direction),
            ("depth", str(self.options.depth)),
        ]

    def step(self, name: str) -> str:
        """A page or event as the table names it."""
        return plain(name)

    @property
    def depths(self) -> range:
        return range(1, DEPTH_LIMIT + 1)

    def told(self, ribbon: Ribbon) -> str:
        source, target = plain(ribbon.source), plain(ribbon.target)
        first, second = (target, source) if self.options.direction == "to" else (source, target)
        return f"{first} → {second}: {formats.number(ribbon.visits)}"


@dataclass(frozen=True, slots=True)
class PathsPage:
    pages: Pages

    def routes(self) -> Routes:
        return (get("/desk/paths", self.show),)

    def show(self) -> ResponseReturnValue:
        site, problem = self.pages.site(), ""
        args = request.args.to_dict()
        if args.get("anchor"):
            args["anchor"] = draft_of(
                args["anchor"] if ":" in args["anchor"] else f"event:{args['anchor']}"
            ).text
        try:
            options = path_options(args)
        except QueryRefused as refused:
            options, problem = PathOptions(), told.refusal(refused)
        page_query = tuple((name, args[name]) for name in ("anchor", "direction", "depth") if args.get(name))
        period = period_of(request.args, site, self.pages.clock(), "/desk/paths", page_query)
        words = vocabulary_of(self.pages.reports, period.scope(site))
        found = paths_of(self.pages.reports, period.scope(site), options)
        view = view_of(options, problem, found, words, period)
        if options.anchor and options.direction == "to":
            view = replace(
                view, before=reverse_funnel_of(self.pages.reports, period.scope(site), options.anchor)
            )
        return self.pages.show(
            "desk/reports/paths.html", "paths", site, period=period, view=view, page_query=page_query
        )


def view_of(options: PathOptions, problem: str, found: Paths, words: Vocabulary, period: Period) -> PathsView:
    drawing = draw(found.flows, options.direction == "to")
    names = [f"event:{word.name}" for word in words.events] + [f"page:{word.name}" for word in words.pages]
    return PathsView(
        problem=problem,
        options=options,
        anchor=options.anchor.name if options.anchor else "",
        visits=found.visits,
        drawing=drawing,
        nodes=tuple(_node(node, options, period) for node in drawing.nodes),
        names=tuple(names),
        demo=words.demo,
    )


def _node(node: Node, options: PathOptions, period: Period) -> NodeView:
    name = plain(node.name)
    label = name if len(name) <= LABEL_LENGTH else f"{name[: LABEL_LENGTH - 1]}…"
    title = _("%(name)s: %(count)s visits", name=name, count=formats.number(node.visits))
    if node.left:
        left = formats.number(node.left)
        backwards = options.direction == "to"
        title += ", " + (
            _("%(count)s entries", count=left) if backwards else _("%(count)s exits", count=left)
        )
    query = [
        ("anchor", node.name),
        ("direction", options.direction),
        ("depth", str(options.depth)),
        *period.query,
    ]
    page = node.name.removeprefix("page:") if node.name.startswith("page:") else ""
    return NodeView(
        node,
        label,
        title,
        "" if node.name == OTHER else f"/desk/paths?{urlencode(query)}",
        period.link(page=page) if page and page != period.filters.page else "",
    )


def plain(name: str) -> str:
    """page:/cart → /cart, event:Product Added → Product Added."""
    return _("all others") if name == OTHER else name.partition(":")[2] or name
