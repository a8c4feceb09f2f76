"""A table of routes and the blueprint made of it.

A page or an API resource is a class that gets the stores it uses, has a method for each view, and lists them::

    class Items:
        def routes(self) -> Routes:
            return (get("/v1/items", self.listed), put("/v1/items", self.put_many))

The name of the method is the name of the endpoint.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Blueprint
from flask.typing import ResponseReturnValue
from werkzeug.routing import BaseConverter

View = Callable[..., ResponseReturnValue]


class ItemIds(BaseConverter):
    """``<id:item_id>`` in a rule: the id of an item, which may hold slashes, at its ends and beside each other too."""

    regex = ".+?"
    part_isolating = False


@dataclass(frozen=True, slots=True)
class Route:
    """``view`` answers ``methods`` of the address ``rule``, with and without a slash at its end unless ``strict``."""

    methods: tuple[str, ...]
    rule: str
    view: View
    strict: bool = True


Routes = Sequence[Route]


def get(rule: str, view: View, *, strict: bool = True) -> Route:
    return Route(("GET",), rule, view, strict)


def post(rule: str, view: View) -> Route:
    return Route(("POST",), rule, view)


def put(rule: str, view: View) -> Route:
    return Route(("PUT",), rule, view)


def patch(rule: str, view: View) -> Route:
    return Route(("PATCH",), rule, view)


def delete(rule: str, view: View) -> Route:
    return Route(("DELETE",), rule, view)


def blueprint_of(name: str, routes: Routes, prefix: str | None = None) -> Blueprint:
    """A blueprint with these routes, below ``prefix`` if one is given."""
    blueprint = Blueprint(name, __name__, url_prefix=prefix)
    for route in routes:
        blueprint.add_url_rule(
            route.rule,
            route.view.__name__,
            route.view,
            methods=list(route.methods),
            strict_slashes=route.strict,
            merge_slashes="<id:" not in route.rule,
        )
    return blueprint
