"""Money in other currencies than the site's, in words: it is told beside the figures, and never added."""

from collections.abc import Sequence

from warehouse.definitions.currencies import CurrencySum
from web.drawing import formats
from web.language import gettext as _
from web.language import ngettext


def also(others: Sequence[CurrencySum]) -> str:
    """also: 3 orders, 120.00 USD; "" without any."""
    told = [
        "{}, {}".format(
            ngettext("%(count)s order", "%(count)s orders", each.orders, count=formats.number(each.orders)),
            formats.coded_money(each.revenue, each.currency),
        )
        for each in others
    ]
    return _("also: %(sums)s", sums="; ".join(told)) if told else ""
