"""An audience as a form: rows that all (or any) hold. What the form cannot say stays text."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from werkzeug.datastructures import MultiDict

from offers.audience.fields import FIELDS, FUNCTIONS
from offers.audience.grammar import AudienceInvalid, Branch, Clause, Value, parse
from tracker.sites import Site
from web.desk.campaigns.typed import plain
from web.language import lazy_gettext as _l
from web.reports.cache import StillCounting
from web.reports.catalogue import vocabulary_of
from web.reports.reports import HINT_SECONDS, Reports

ROWS_LIMIT = 20
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,9})?", re.ASCII)
OPERATORS = ("=", "!=", ">=", "<=", ">", "<", "in", "contains", "exists")
LABELS: Mapping[str, str] = {
    "stage": _l("Stage"),
    "segment": _l("In the segment"),
    "rfm": _l("RFM cell"),
    "channel": _l("Last channel"),
    "first_channel": _l("First channel"),
    "source": _l("Last source"),
    "first_source": _l("First source"),
    "campaign": _l("Last campaign"),
    "first_campaign": _l("First campaign"),
    "keyword": _l("Keyword"),
    "landing": _l("Entry page"),
    "device": _l("Device"),
    "browser": _l("Browser"),
    "os": _l("System"),
    "country": _l("Country"),
    "language": _l("Language"),
    "visits": _l("Visits"),
    "pageviews": _l("Page views"),
    "views": _l("Products viewed"),
    "adds": _l("Products added to the cart"),
    "orders": _l("Orders"),
    "revenue": _l("Revenue"),
    "cart_value": _l("Value of the cart"),
    "cart_items": _l("Items in the cart"),
    "in_cart": _l("Has the product in the cart"),
    "offer_clicks": _l("Offers clicked"),
    "days_since_last_visit": _l("Days since the last visit"),
    "days_since_first_visit": _l("Days since the first visit"),
    "days_since_order": _l("Days since the last order"),
    "known": _l("Is signed in or known"),
    "new": _l("Is new"),
    "hour": _l("Hour of the day (0 to 23)"),
    "weekday": _l("Day of the week (mon to sun)"),
    "count": _l("Times the event happened"),
    "days_since": _l("Days since the event"),
    "affinity": _l("Share of interest in the category"),
    "item_affinity": _l("Share of interest in the product"),
    "viewed": _l("Viewed the product"),
    "bought": _l("Bought the product"),
    "viewed_category": _l("Viewed the category"),
    "bought_category": _l("Bought from the category"),
    "trait": _l("Trait"),
    "score": _l("Score"),
    "shown": _l("Times the campaign was shown"),
    "clicked": _l("Clicks on the campaign"),
    "consent": _l("Consents to"),
}
"""What the form offers; the grammar knows more."""
EXAMPLES: Mapping[str, str] = {
    "count": "'Newsletter Signed Up'",
    "days_since": "'Form Sent'",
    "affinity": "'shoes'",
    "item_affinity": "'p7'",
    "in_cart": "'p7'",
    "viewed": "'p7', 30",
    "bought": "'p7', 30",
    "viewed_category": "'shoes', 30",
    "bought_category": "'shoes', 30",
    "trait": "'plan'",
    "score": "'risk90'",
    "shown": "'boots'",
    "clicked": "'boots'",
    "consent": "'marketing'",
}
"""What functions are asked with: a number stands for the last so many days."""


@dataclass(frozen=True, slots=True)
class Help:
    """What an editor tells of the language: (how it is written, what it means), and the events that occur here."""

    fields: tuple[tuple[str, str], ...]
    events: tuple[str, ...] = ()


def help_of(reports: Reports, site: Site) -> Help:
    """The events of the last month; none where the warehouse takes too long to tell."""
    fields = (
        (f"{name}({EXAMPLES[name]})" if name in EXAMPLES else name, str(label))
        for name, label in LABELS.items()
    )
    try:
        words = vocabulary_of(replace(reports, patience=HINT_SECONDS), reports.scope(site, {}))
    except StillCounting:
        return Help(tuple(fields))
    return Help(tuple(fields), tuple(word.name for word in words.events))


@dataclass(frozen=True, slots=True)
class ConditionRow:
    """``argument`` is a function's: the category, product, trait … it asks of."""

    field: str = "visits"
    argument: str = ""
    operator: str = ">="
    value: str = ""

    @property
    def text(self) -> str:
        """As the grammar writes it."""
        operand = f"{self.field}({_quoted(self.argument)})" if self.field in FUNCTIONS else self.field
        if self.operator == "exists":
            return f"{operand} exists"
        if self.operator == "in":
            return (
                f"{operand} in ({', '.join(self._literal(each.strip()) for each in self.value.split(','))})"
            )
        return f"{operand} {self.operator} {self._literal(self.value)}"

    def _literal(self, value: str) -> str:
        """A number or a flag stands bare where the field is one."""
        kind = FIELDS[self.field].kind if self.field in FIELDS else "any"
        if kind in ("number", "flag", "any") and (_NUMBER.fullmatch(value) or value in ("true", "false")):
            return value
        return _quoted(value)


@dataclass(frozen=True, slots=True)
class AudienceForm:
    """``any`` of the rows, or all. ``rows`` is None when the text says more than rows can."""

    rows: tuple[ConditionRow, ...] | None = (ConditionRow(),)
    any: bool = False

    @property
    def text(self) -> str:
        return (" or " if self.any else " and ").join(row.text for row in self.rows or ())


def form_of(args: "MultiDict[str, str]") -> AudienceForm:
    """As its fields were sent; the button ``do`` may add a row, or ``remove:N``."""
    columns = [args.getlist(name) for name in ("field", "argument", "operator", "value")]
    rows = [_row(*cells) for cells in zip(*columns, strict=False)][:ROWS_LIMIT]
    action, _, at = args.get("do", "").partition(":")
    if action == "add" and len(rows) < ROWS_LIMIT:
        rows.append(ConditionRow())
    if action == "remove" and at.isascii() and at.isdigit() and len(at) < 4:
        rows = rows[: int(at)] + rows[int(at) + 1 :]
    return AudienceForm(tuple(rows), args.get("match") == "any")


def read(source: str) -> AudienceForm:
    """The rows of an expression, when sending them back says the very same. Raises AudienceInvalid."""
    tree = parse(source)
    parts = (tree,) if isinstance(tree, Clause) else tree.children
    rows = tuple(row for row in map(_row_of, parts) if row)
    form = AudienceForm(rows, isinstance(tree, Branch) and tree.kind == "or")
    same = len(rows) == len(parts) <= ROWS_LIMIT and _meaning(parse(form.text)) == _meaning(tree)
    return form if same and rows == tuple(map(_as_sent, rows)) else AudienceForm(None)


def _as_sent(row: ConditionRow) -> ConditionRow:
    return _row(row.field, row.argument, row.operator, row.value)


def _meaning(node: Branch | Clause) -> tuple[object, ...]:
    """What it asks, wherever that stands in the source."""
    if isinstance(node, Branch):
        return node.kind, *map(_meaning, node.children)
    bare = node.operator == "true"
    values = ((bool, True),) if bare else tuple((type(value), value) for value in node.values)
    return node.operand.name, node.operand.arguments, "=" if bare else node.operator, values, node.negated


def segments_asked(source: str) -> frozenset[str]:
    """The segments that an audience names; none of one that cannot be read."""
    try:
        return frozenset(_segments(parse(source)))
    except AudienceInvalid:
        return frozenset()


def _segments(part: Branch | Clause) -> Iterator[str]:
    if isinstance(part, Branch):
        for child in part.children:
            yield from _segments(child)
    elif part.operand.name in ("segment", "segments"):
        yield from (value for value in part.values if isinstance(value, str))


def _row(field: str, argument: str, operator: str, value: str) -> ConditionRow:
    known = field if field in LABELS else "visits"
    return ConditionRow(
        known, argument.strip()[:200], operator if operator in OPERATORS else "=", value.strip()[:500]
    )


def _row_of(part: Branch | Clause) -> ConditionRow | None:
    if not isinstance(part, Clause) or part.negated or part.operand.name not in LABELS:
        return None
    operand, operator = part.operand, part.operator
    if len(operand.arguments) > 1 or any(not isinstance(each, str) for each in operand.arguments):
        return None
    argument = str(operand.arguments[0]) if operand.arguments else ""
    if operator == "true":
        return ConditionRow(operand.name, argument, "=", "true")
    if operator not in OPERATORS:
        return None
    return ConditionRow(operand.name, argument, operator, ", ".join(_plain(value) for value in part.values))


def _plain(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return plain(value) if isinstance(value, float) else value


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
