"""The audience of a campaign: an expression over the profile, parsed once and compiled to closures.

Logic has two values. What is not known (an empty country, a trait that was never set, the days since an order
that never was) makes every comparison false, except ``!=``, ``not in`` and ``not contains``, which it makes
true: ``country != 'ZZ'`` holds for a visitor of unknown country. ``x exists`` asks. Counts are never unknown: they
begin at 0.
"""

from collections.abc import Callable
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from offers.fields import Field, Getter, resolve
from offers.grammar import ALL, AudienceInvalid, Clause, Node, Value, parse
from offers.view import View
from profiles.model import Profile

Test = Callable[[View], bool]

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

    __slots__ = ("_clauses", "_tree", "everyone", "source", "test")

    def __init__(self, source: str, tree: Node) -> None:
        self.source, self._tree = source, tree
        self.everyone = tree == ALL
        self._clauses: dict[Clause, tuple[Test, Getter]] = {}
        self.test: Test = self._compile(tree)

    @classmethod
    def parse(cls, source: str) -> "Audience":
        """Raises AudienceInvalid, which names the position."""
        return cls(source, parse(source))

    def asks(self, names: set[str]) -> bool:
        """Whether it asks any of these fields or functions."""
        return any(clause.operand.name in names for clause in self._clauses)

    def matches(self, profile: Profile, now: int, zone: ZoneInfo) -> bool:
        """Whether this visitor belongs at ``now`` (ms). For many audiences, share one View and call ``test``."""
        return self.test(View(profile, now, zone))

    def explain(self, view: View) -> list[Verdict]:
        """Every clause with its answer, in the order of the source."""
        return [
            Verdict(clause.text, self._clauses[clause][0](view), _plain(self._clauses[clause][1](view)))
            for clause in _leaves(self._tree)
        ]

    def failed(self, view: View) -> list[Verdict]:
        """The clauses that keep this visitor out: empty exactly when the audience matches."""
        return self._blame(self._tree, view, wanted=True)

    def _blame(self, node: Node, view: View, wanted: bool) -> list[Verdict]:
        if isinstance(node, Clause):
            test, get = self._clauses[node]
            matched = test(view)
            return [] if matched == wanted else [Verdict(node.text, matched, _plain(get(view)))]
        if node.kind == "not":
            return self._blame(node.children[0], view, not wanted)
        blamed = [self._blame(child, view, wanted) for child in node.children]
        one_is_enough = (node.kind == "or") == wanted
        if one_is_enough and not all(blamed):
            return []
        return [verdict for each in blamed for verdict in each]

    def _compile(self, node: Node) -> Test:
        if isinstance(node, Clause):
            field = resolve(node.operand)
            test = _clause(field, node)
            self._clauses[node] = (test, field.get)
            return test
        tests = tuple(self._compile(child) for child in node.children)
        if node.kind == "not":
            return _negated(tests[0])
        return _any(tests) if node.kind == "or" else _all(tests)


def _leaves(node: Node) -> list[Clause]:
    if isinstance(node, Clause):
        return [node]
    return [leaf for child in node.children for leaf in _leaves(child)]


def _plain(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) else None if value == "" else value


def _all(tests: tuple[Test, ...]) -> Test:
    def test(view: View) -> bool:
        for each in tests:  # noqa: SIM110 - a generator costs twice as much
            if not each(view):
                return False
        return True

    return test


def _any(tests: tuple[Test, ...]) -> Test:
    def test(view: View) -> bool:
        for each in tests:  # noqa: SIM110
            if each(view):
                return True
        return False

    return test


def _negated(test: Test) -> Test:
    return lambda view: not test(view)


def _clause(field: Field, clause: Clause) -> Test:
    operator, operand = clause.operator, clause.operand
    if operator not in _OPERATORS[field.kind]:
        what = f"{operand.name} is {_NAMES[field.kind]}"
        hint = "compare it with something" if operator == "true" else f"{operator!r} does not apply"
        raise AudienceInvalid(f"{what}: {hint}", operand.position)
    values = tuple(_literal(field, clause, value) for value in clause.values)
    get = field.get
    if field.kind == "text" and (operator == "exists" or "" in values):
        get = _known(get)
    elif field.folded and operator in ("=", "!=", "in"):  # the common clauses, in one call less
        make = _unequal_folded if (operator == "!=") != clause.negated else _equal_folded
        return make(get, frozenset(values))
    if field.folded:
        get = _folded(get)
    if field.kind == "any":
        get = _of_type(get, type(values[0])) if values else get
    if operator == "true":
        return lambda view: get(view) is True
    if operator == "exists":
        return _negated(_exists(get)) if clause.negated else _exists(get)
    if field.kind == "texts":
        wanted = frozenset(values)
        return _disjoint(get, wanted) if operator == "!=" or clause.negated else _shares(get, wanted)
    test = _COMPARISONS[operator](get, values)
    return _negated(test) if clause.negated else test


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


def _known(get: Getter) -> Getter:
    """A text the profile leaves empty is not known. Against any other text than "" it makes no difference."""
    return lambda view: get(view) or None


def _folded(get: Getter) -> Getter:
    def folded(view: View) -> Any:
        value = get(view)
        return value if value is None else value.lower()

    return folded


def _equal_folded(get: Getter, wanted: frozenset[Value]) -> Test:
    return lambda view: get(view).lower() in wanted


def _unequal_folded(get: Getter, wanted: frozenset[Value]) -> Test:
    return lambda view: get(view).lower() not in wanted


def _of_type(get: Getter, wanted: type) -> Getter:
    """A trait as the literal's type; of another type, it is not known."""
    kinds = (int, float) if wanted is float else (wanted,)

    def typed(view: View) -> Any:
        value = get(view)
        return value if type(value) in kinds else None

    return typed


def _exists(get: Getter) -> Test:
    def test(view: View) -> bool:
        value = get(view)
        return value is not None and value != []

    return test


def _shares(get: Getter, wanted: frozenset[Value]) -> Test:
    return lambda view: not wanted.isdisjoint(get(view))


def _disjoint(get: Getter, wanted: frozenset[Value]) -> Test:
    return lambda view: wanted.isdisjoint(get(view))


def _equal(get: Getter, values: tuple[Value, ...]) -> Test:
    (wanted,) = values
    return lambda view: get(view) == wanted


def _unequal(get: Getter, values: tuple[Value, ...]) -> Test:
    (wanted,) = values
    return lambda view: get(view) != wanted


def _less(get: Getter, values: tuple[Value, ...]) -> Test:
    (bound,) = values
    return lambda view: (value := get(view)) is not None and value < bound


def _at_most(get: Getter, values: tuple[Value, ...]) -> Test:
    (bound,) = values
    return lambda view: (value := get(view)) is not None and value <= bound


def _greater(get: Getter, values: tuple[Value, ...]) -> Test:
    (bound,) = values
    return lambda view: (value := get(view)) is not None and value > bound


def _at_least(get: Getter, values: tuple[Value, ...]) -> Test:
    (bound,) = values
    return lambda view: (value := get(view)) is not None and value >= bound


def _in(get: Getter, values: tuple[Value, ...]) -> Test:
    wanted = frozenset(values)
    return lambda view: get(view) in wanted


def _between(get: Getter, values: tuple[Value, ...]) -> Test:
    low, high = values
    return lambda view: (value := get(view)) is not None and low <= value <= high


def _contains(get: Getter, values: tuple[Value, ...]) -> Test:
    part = str(values[0])
    return lambda view: (value := get(view)) is not None and part in value


_COMPARISONS: dict[str, Callable[[Getter, tuple[Value, ...]], Test]] = {
    "=": _equal,
    "!=": _unequal,
    "<": _less,
    "<=": _at_most,
    ">": _greater,
    ">=": _at_least,
    "in": _in,
    "between": _between,
    "contains": _contains,
}
