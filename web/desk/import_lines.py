"""What a command of import says, line by line, as figures in the desk's language."""

import re
from dataclasses import dataclass

from web.imports.job import ImportJob
from web.language import gettext as _
from web.language import lazy_gettext as _l

KINDS = {
    "orders": _l("Orders"),
    "items": _l("Items"),
    "contacts": _l("Customers"),
    "calls": _l("Calls and contacts"),
    "events": _l("Events"),
    "costs": _l("Advertising costs"),
}
_FIGURE = re.compile(r"\s{2,}(-?[\d,]+(?:\.\d+)?)  (.+)")
_TEXTS = {
    "rows": _l("rows"),
    "customers": _l("customers"),
    "new": _l("new"),
    "changed": _l("changed"),
    "unchanged": _l("unchanged"),
    "agree to marketing": _l("agree to marketing"),
    "refuse marketing": _l("refuse marketing"),
    "agree in the file, and refused here before: they stay refused": _l(
        "agree in the file, but refused here before: they stay refused"
    ),
    "rows of people who were erased: left out": _l("rows of erased people: left out"),
    "orders of people who were erased: left out": _l("orders of erased people: left out"),
    "events of people who were erased: left out": _l("events of erased people: left out"),
    "known already, and unchanged": _l("known already and unchanged"),
    "orders known already, and unchanged": _l("orders known already and unchanged"),
    "rows of other events than orders: left out": _l("rows of other events than orders: left out"),
    "orders not paid (pending, failed, voided): no orders": _l("unpaid orders: left out"),
    "rows of totals: left out": _l("rows of totals: left out"),
    "not in the feed any more: unavailable": _l("no longer in the feed: unavailable"),
}


@dataclass(frozen=True, slots=True)
class ImportFigure:
    """``bad``: rows that were refused."""

    number: str
    text: str
    bad: bool = False


def figures_of(job: ImportJob) -> tuple[ImportFigure, ...]:
    """The lines with a number."""
    found = []
    for line in job.lines:
        if not (match := _FIGURE.fullmatch(line)):
            continue
        number, text = match[1], match[2]
        if rows := re.fullmatch(r"rows in [\d.]+ s", text):
            text = rows[0].partition(" ")[0]
        found.append(ImportFigure(number, _text(text), text.startswith("refused: ")))
    return tuple(found)


def problem_of(job: ImportJob) -> str:
    """Why it failed; "" where it did not. What is wrong with a file is said as the command says it."""
    if job.state != "failed":
        return ""
    if job.problem == "stopped":
        return _("The import was interrupted. Start it again: nothing counts twice.")
    return job.problem or _("The import failed.")


def _text(text: str) -> str:
    if text in _TEXTS:
        return str(_TEXTS[text])
    if text.startswith("refused: "):
        return _("refused: %(reason)s", reason=text.removeprefix("refused: "))
    if found := re.fullmatch(r"orders \((\S+) cancelled, (\S+) with refunds\), (\S+) credit notes .*", text):
        cancelled, refunds, notes = found.groups()
        return _(
            "orders (%(cancelled)s cancelled, %(refunds)s with refunds), %(credits)s credit notes without an order",
            cancelled=cancelled,
            refunds=refunds,
            credits=notes,
        )
    if found := re.fullmatch(r"customers, (\S+) guests without a name", text):
        return _("customers, %(guests)s guests without a name", guests=found[1])
    if found := re.fullmatch(r"([A-Z]{3}) net: (\S+) ordered, (\S+) given back", text):
        return _(
            "%(currency)s net: %(ordered)s ordered, %(back)s given back",
            currency=found[1],
            ordered=found[2],
            back=found[3],
        )
    if found := re.fullmatch(r"([A-Z]{3}) spent", text):
        return _("%(currency)s spent", currency=found[1])
    if found := re.fullmatch(r"days, from (\S+) to (\S+)", text):
        return _("days, from %(first)s to %(last)s", first=found[1], last=found[2])
    if text.endswith(": new"):
        return _("%(name)s: new", name=text.removesuffix(": new"))
    return text
