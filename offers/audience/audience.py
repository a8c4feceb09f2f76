"""The audience of a campaign: an expression over the profile, parsed once and compiled (``offers.audience.compiler``).

Logic has two values. What is not known (an empty country, a trait that was never set, the days since an order
that never was) makes every comparison false, except ``!=``, ``not in`` and ``not contains``, which it makes
true: ``country != 'ZZ'`` holds for a visitor of unknown country. ``x exists`` asks. Counts begin at 0: only that of
an event whose name a profile may have had no room for is not known.
"""

import ast
from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from offers.audience import compiler
from offers.audience.fields import Field, resolve
from offers.audience.grammar import ALL, AudienceInvalid, Clause, Node, Value, parse
from offers.audience.visitor import View
from profiles.model import Profile
from tracker.sites import Site

Test = Callable[[View], bool]

KEPT = 1_024
"""Expressions kept compiled, half a millisecond each: when one campaign changes, all of a site's are read anew."""

_KINDS = {"number": (float,), "text": (str,), "texts": (str,), "flag": (bool,), "any": (str, float, bool)}
_NAMES = {
    "number": "a number",
    "text": "a text",
    "texts": "a list of texts",
    "flag": "true or false",
    "any": "a trait",
}
_OPERATORS = {
    "number": {"=", "!=", "<", "<=", ">", ">=", "in", "between", "exists"},
    "text": {"=", "!=", "in", "contains", "exists"},
    "texts": {"=", "!=", "in", "contains", "exists"},
    "flag": {"=", "!=", "true", "exists"},
    "any": {"=", "!=", "<", "<=", ">", ">=", "in", "between", "contains", "exists"},
}


class Verdict(NamedTuple):
    """What one clause said of a visitor. ``value`` is what the profile held, None when it is not known."""

    clause: str
    matched: bool
    value: Any


class Audience:
    """A compiled expression. Immutable; any number of threads may ask it."""

    def __init__(self, source: str, tree: Node) -> None:
        self.source, self._tree = source, tree
        self.everyone = tree == ALL
        self._fields = {clause: resolve(clause.operand) for clause in _leaves(tree)}
        self.test: Test = compiler.function(self._expression(tree))

    @classmethod
    @lru_cache(KEPT)
    def parse(cls, source: str) -> "Audience":
        """Raises AudienceInvalid, which names the position."""
        return cls(source, parse(source))

    def asks(self, names: set[str]) -> bool:
        """Whether it asks any of these fields or functions."""
        return any(clause.operand.name in names for clause in self._fields)

    def matches(self, profile: Profile, now: int, site: Site) -> bool:
        """Whether this visitor belongs at ``now`` (ms). For many audiences, share one View and call ``test``."""
        return self.test(View(profile, now, site))

    def explain(self, view: View) -> list[Verdict]:
        """Every clause with its answer, in the order of the source."""
        return [self._verdict(clause, view) for clause in _leaves(self._tree)]

    def failed(self, view: View) -> list[Verdict]:
        """The clauses that keep this visitor out: empty exactly when the audience matches."""
        return self._blame(self._tree, view, wanted=True)

    def _blame(self, node: Node, view: View, wanted: bool) -> list[Verdict]:
        if isinstance(node, Clause):
            verdict = self._verdict(node, view)
            return [] if verdict.matched == wanted else [verdict]
        if node.kind == "not":
            return self._blame(node.children[0], view, not wanted)
        blamed = [self._blame(child, view, wanted) for child in node.children]
        one_is_enough = (node.kind == "or") == wanted
        if one_is_enough and not all(blamed):
            return []
        return [verdict for each in blamed for verdict in each]

    def _verdict(self, clause: Clause, view: View) -> Verdict:
        test, read = self._parts[clause]
        return Verdict(clause.text, test(view), _plain(read(view)))

    @cached_property
    def _parts(self) -> dict[Clause, tuple[Test, Callable[[View], Any]]]:
        """Each clause by itself, and what it asks of a visitor: only needed to explain."""
        return {
            clause: (compiler.function(self._expression(clause)), compiler.function(compiler.read(field)))
            for clause, field in self._fields.items()
        }

    def _expression(self, node: Node) -> ast.expr:
        if not isinstance(node, Clause):
            return compiler.join(node.kind, [self._expression(child) for child in node.children])
        field = self._fields[node]
        if node.operator not in _OPERATORS[field.kind]:
            what = f"{node.operand.name} is {_NAMES[field.kind]}"
            hint = (
                "compare it with something"
                if node.operator == "true"
                else f"{node.operator!r} does not apply"
            )
            raise AudienceInvalid(f"{what}: {hint}", node.operand.position)
        values = [_literal(field, node, value) for value in node.values]
        return compiler.check(field, node.operator, values, node.negated)


def _leaves(node: Node) -> list[Clause]:
    if isinstance(node, Clause):
        return [node]
    return [leaf for child in node.children for leaf in _leaves(child)]


def _plain(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else None if value == "" else value


def _literal(field: Field, clause: Clause, value: Value) -> Value:
    name = clause.operand.name
    if not isinstance(value, _KINDS[field.kind]):
        wanted = "a text" if field.kind == "texts" else _NAMES[field.kind]
        raise AudienceInvalid(f"{name} is compared with {wanted}, not with {value!r}", clause.position)
    if field.kind == "any" and type(value) is not type(clause.values[0]):
        raise AudienceInvalid(f"{name} is compared with values of one kind", clause.position)
    if field.choices and isinstance(value, str):
        value = value.lower()
        if value not in field.choices:
            raise AudienceInvalid(
                f"{name} is one of {', '.join(field.choices)}, not {value!r}", clause.position
            )
    return value.lower() if field.folded and isinstance(value, str) else value
