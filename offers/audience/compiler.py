"""An audience as Python's own bytecode: each clause is an expression of the View, and they are joined in one function.

The expressions are put together as a syntax tree, never as text. Names and attributes come from here and from
``offers.audience.fields`` alone; what a marketer wrote enters as constants, which nothing parses or runs.
"""

import ast
from collections.abc import Callable, Sequence
from types import CodeType, FunctionType
from typing import Any

from offers.audience.fields import Field
from offers.audience.grammar import Operator, Value
from offers.audience.visitor import View

_LOAD = ast.Load()
_NONE = ast.Constant(None)
_EQUAL, _UNEQUAL, _IN, _NOT_IN = ast.Eq(), ast.NotEq(), ast.In(), ast.NotIn()
_ORDER: dict[str, ast.cmpop] = {"<": ast.Lt(), "<=": ast.LtE(), ">": ast.Gt(), ">=": ast.GtE()}
_TYPES = {float: "number", str: "text", bool: "flag"}
_VALUE = ast.Name("value", _LOAD)


def function(body: ast.expr) -> Callable[[View], Any]:
    """The function of a View that returns ``body``."""
    whole = ast.Lambda(ast.arguments([], [ast.arg("view")], None, [], [], None, []), body)
    module = compile(ast.fix_missing_locations(ast.Expression(whole)), "<audience>", "eval")
    code = next(each for each in module.co_consts if isinstance(each, CodeType))
    return FunctionType(code, {"__builtins__": {}})


def read(field: Field) -> ast.expr:
    """What the View holds."""
    return _read(field.path, field.arguments)


def check(field: Field, operator: Operator, values: Sequence[Value], negated: bool) -> ast.expr:
    """One clause that ``field`` can answer. ``values`` are of its kind, in lower case where it is folded."""
    node = _checks(field, operator, values)
    return ast.UnaryOp(ast.Not(), node) if negated else node


def join(kind: str, nodes: Sequence[ast.expr]) -> ast.expr:
    """``nodes`` joined by "and" or "or", or the one of a "not". Nothing to hold, holds."""
    if kind == "not":
        return ast.UnaryOp(ast.Not(), nodes[0])
    if not nodes:
        return ast.Constant(True)
    return ast.BoolOp(ast.Or() if kind == "or" else ast.And(), list(nodes))


def _read(path: str, arguments: Sequence[object]) -> ast.expr:
    node: ast.expr = ast.Name("view", _LOAD)
    for name in path.split("."):
        node = ast.Attribute(node, name, _LOAD)
    return ast.Call(node, [ast.Constant(each) for each in arguments], []) if arguments else node  # type: ignore[arg-type]


def _checks(field: Field, operator: Operator, values: Sequence[Value]) -> ast.expr:
    node = read(field)
    if operator == "true":
        return _compare(node, ast.Is(), ast.Constant(True))
    if field.kind == "texts":
        return _of_texts(node, operator, values)
    if field.kind == "text":
        return _of_text(_lower(node) if field.folded else node, operator, values)
    if operator == "exists":
        return _compare(node, ast.IsNot(), _NONE)
    if field.kind == "any":
        node = _read("trait", (*field.arguments, _TYPES[type(values[0])]))
    return _of_value(node, operator, values)


def _of_texts(node: ast.expr, operator: Operator, values: Sequence[Value]) -> ast.expr:
    if operator == "exists":
        return _compare(node, _UNEQUAL, ast.List([], _LOAD))
    shares_none = ast.Call(ast.Attribute(_constant(frozenset(values)), "isdisjoint", _LOAD), [node], [])
    return shares_none if operator == "!=" else ast.UnaryOp(ast.Not(), shares_none)


def _of_text(node: ast.expr, operator: Operator, values: Sequence[Value]) -> ast.expr:
    """A text the profile leaves empty is not known: it is no other text, and not "" either."""
    if operator == "exists" or (operator == "contains" and values[0] == ""):
        return _compare(node, _UNEQUAL, ast.Constant(""))
    if operator == "contains":
        return _compare(_constant(values[0]), _IN, node)
    wanted = _constant(frozenset(values) - {""})
    return _compare(node, _NOT_IN if operator == "!=" else _IN, wanted)


def _of_value(node: ast.expr, operator: Operator, values: Sequence[Value]) -> ast.expr:
    """None, which is not known, is equal to nothing and in no set; what else it is compared with has to be known."""
    if operator in ("=", "!="):
        return _compare(node, _EQUAL if operator == "=" else _UNEQUAL, _constant(values[0]))
    if operator == "in":
        return _compare(node, _IN, _constant(frozenset(values)))
    known = _compare(ast.NamedExpr(ast.Name("value", ast.Store()), node), ast.IsNot(), _NONE)
    if operator == "between":
        low, high = map(_constant, values)
        holds = ast.Compare(low, [ast.LtE(), ast.LtE()], [_VALUE, high])
    elif operator == "contains":
        holds = _compare(_constant(values[0]), _IN, _VALUE)
    else:
        holds = _compare(_VALUE, _ORDER[operator], _constant(values[0]))
    return ast.BoolOp(ast.And(), [known, holds])


def _lower(node: ast.expr) -> ast.expr:
    return ast.Call(ast.Attribute(node, "lower", _LOAD), [], [])


def _compare(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> ast.Compare:
    return ast.Compare(left, [operator], [right])


def _constant(value: Value | frozenset[Value]) -> ast.Constant:
    return ast.Constant(value)  # type: ignore[arg-type]  # a frozenset is one, where the parser makes none
