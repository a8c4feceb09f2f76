"""The audience language: text → syntax tree. Hand-written, bounded, and it executes nothing.

    expression := term {"or" term}
    term       := factor {"and" factor}
    factor     := "not" factor | "(" expression ")" | clause
    clause     := operand [comparison literal | ["not"] "in" "(" literal {"," literal} ")" | literal "in" operand
                | ["not"] "between" literal "and" literal | ["not"] "contains" literal | ["not"] "exists"]
    operand    := NAME | NAME "(" literal {"," literal} ")"
    comparison := "=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">="

Keywords and names are read in any case; texts stand in single or double quotes, a doubled quote is the quote.
"""

import re
from typing import Literal, NamedTuple

LENGTH_LIMIT = 8_000
"""Characters of one expression."""
DEPTH_LIMIT = 32
"""Parentheses and nots inside one another."""
CLAUSE_LIMIT = 200
KEYWORDS = frozenset({"and", "or", "not", "in", "between", "exists", "contains", "true", "false"})

Value = str | float | bool
Operator = Literal["=", "!=", "<", "<=", ">", ">=", "in", "between", "contains", "exists", "true"]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>-?\d+(?:\.\d+)?(?![\w.]))
      | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
      | (?P<name>[^\W\d]\w*)
      | (?P<sign><=|>=|<>|!=|==|[=<>(),])
    )""",
    re.VERBOSE,
)


class AudienceInvalid(ValueError):
    """An expression that cannot be read. ``position`` counts characters from 0."""

    def __init__(self, message: str, position: int = 0) -> None:
        super().__init__(f"{message} (at character {position + 1})")
        self.reason, self.position = message, position


class Lexeme(NamedTuple):
    kind: Literal["number", "text", "name", "sign", "end"]
    text: str
    start: int
    end: int


class Operand(NamedTuple):
    """A field or function of the profile, by lower-case name."""

    name: str
    arguments: tuple[Value, ...]
    position: int


class Clause(NamedTuple):
    """One test. ``values`` are its literals; ``text`` is the source, for people."""

    operand: Operand
    operator: Operator
    values: tuple[Value, ...]
    negated: bool
    text: str
    position: int  # of the values


class Branch(NamedTuple):
    kind: Literal["and", "or", "not"]
    children: "tuple[Branch | Clause, ...]"


Node = Branch | Clause

ALL = Branch("and", ())
"""The audience of an empty expression: everyone."""


def parse(source: str) -> Node:
    """The tree of ``source``; everyone for an empty one. Raises AudienceInvalid with the position."""
    if len(source) > LENGTH_LIMIT:
        raise AudienceInvalid(f"longer than {LENGTH_LIMIT:,} characters", LENGTH_LIMIT)
    if not source.strip():
        return ALL
    return _Parser(source).whole()


def _tokens(source: str) -> list[Lexeme]:
    found: list[Lexeme] = []
    position = 0
    while match := _TOKEN.match(source, position):
        kind = match.lastgroup or ""
        found.append(Lexeme(kind, match[kind], match.start(kind), match.end()))  # type: ignore[arg-type]
        position = match.end()
    rest = source[position:].lstrip()
    if rest:
        position = len(source) - len(rest)
        what = "a text without its closing quote" if rest[0] in "'\"" else f"{rest[0]!r} is not understood"
        raise AudienceInvalid(what, position)
    found.append(Lexeme("end", "", len(source), len(source)))
    return found


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = _tokens(source)
        self.at = 0
        self.depth = 0
        self.clauses = 0

    @property
    def token(self) -> Lexeme:
        return self.tokens[self.at]

    def fail(self, message: str, token: Lexeme | None = None) -> AudienceInvalid:
        return AudienceInvalid(message, (token or self.token).start)

    def take(self, *words: str) -> Lexeme | None:
        """The next token, when it is one of these keywords or signs."""
        token = self.token
        if token.kind in ("name", "sign") and token.text.lower() in words:
            self.at += 1
            return token
        return None

    def expect(self, word: str) -> Lexeme:
        token = self.take(word)
        if token is None:
            raise self.fail(
                f"expected {word!r}" + (f", found {self.token.text!r}" if self.token.text else "")
            )
        return token

    def whole(self) -> Node:
        node = self.expression()
        if self.token.kind != "end":
            raise self.fail(f"expected 'and', 'or' or the end, found {self.token.text!r}")
        return node

    def expression(self) -> Node:
        children = [self.term()]
        while self.take("or"):
            children.append(self.term())
        return children[0] if len(children) == 1 else Branch("or", tuple(children))

    def term(self) -> Node:
        children = [self.factor()]
        while self.take("and"):
            children.append(self.factor())
        return children[0] if len(children) == 1 else Branch("and", tuple(children))

    def factor(self) -> Node:
        opened = self.take("not", "(")
        if opened is None:
            return self.clause()
        self.depth += 1
        if self.depth > DEPTH_LIMIT:
            raise self.fail(f"nested deeper than {DEPTH_LIMIT}", opened)
        if opened.text == "(":
            node = self.expression()
            self.expect(")")
        else:
            node = Branch("not", (self.factor(),))
        self.depth -= 1
        return node

    def clause(self) -> Clause:
        self.clauses += 1
        first = self.token
        if self.clauses > CLAUSE_LIMIT:
            raise self.fail(f"more than {CLAUSE_LIMIT} clauses")
        if first.kind in ("text", "number"):  # 'vip' in segments
            value = self.literal()
            self.expect("in")
            operand = self.operand()
            operator: Operator = "="
            values: tuple[Value, ...] = (value,)
            negated = False
        else:
            operand = self.operand()
            negated = self.take("not") is not None
            operator, values, negated = self.comparison(negated)
        text = self.source[first.start : self.tokens[self.at - 1].end]
        return Clause(operand, operator, values, negated, text, first.start)

    def comparison(self, negated: bool) -> tuple[Operator, tuple[Value, ...], bool]:
        sign = None if negated else self.take("=", "==", "!=", "<>", "<", "<=", ">", ">=")
        if sign:
            operator = {"==": "=", "<>": "!="}.get(sign.text, sign.text)
            return operator, (self.literal(),), False  # type: ignore[return-value]
        if self.take("in"):
            return "in", self.literals(), negated
        if self.take("between"):
            low = self.literal()
            self.expect("and")
            return "between", (low, self.literal()), negated
        if self.take("contains"):
            return "contains", (self.literal(),), negated
        if self.take("exists"):
            return "exists", (), negated
        if negated:
            raise self.fail("expected in, between, contains or exists after 'not'")
        return "true", (), False

    def operand(self) -> Operand:
        token = self.token
        if token.kind != "name" or token.text.lower() in KEYWORDS:
            raise self.fail("expected a field" + (f", found {token.text!r}" if token.text else ""))
        self.at += 1
        arguments = self.literals() if self.token.text == "(" else ()
        return Operand(token.text.lower(), arguments, token.start)

    def literals(self) -> tuple[Value, ...]:
        self.expect("(")
        values = [self.literal()]
        while self.take(","):
            values.append(self.literal())
        self.expect(")")
        return tuple(values)

    def literal(self) -> Value:
        token = self.token
        self.at += 1
        if token.kind == "number":
            return float(token.text)
        if token.kind == "text":
            quote = token.text[0]
            return token.text[1:-1].replace(quote * 2, quote)
        if token.kind == "name" and token.text.lower() in ("true", "false"):
            return token.text.lower() == "true"
        self.at -= 1
        raise self.fail(
            "expected a number or a 'text' in quotes" + (f", found {token.text!r}" if token.text else "")
        )
