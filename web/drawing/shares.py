"""Shares and estimates as a marketer reads them: the figure, and beside it how sure it is; also template filters."""

from typing import Literal, Protocol

from warehouse.definitions.shares import LEAST, Share
from web.drawing import formats
from web.language import gettext as _
from web.language import ngettext

Unit = Literal["visits", "visitors", "people", "impressions", "searches", "events"]


class Estimate(Protocol):
    """With its 95 % interval."""

    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


def share_text(share: Share, unit: Unit, places: int = 1) -> str:
    """42.4%; of too few a sentence: not enough yet: 3 of 7 visits; of nothing a dash."""
    if share.enough or not share.whole:
        return formats.percent(share.value, places)
    return _("not enough yet: %(counts)s", counts=counts_text(share, unit))


def brief_share(share: Share, places: int = 0) -> str:
    """The same for the cell of a dense table, which says the sentence as its hint: 42%, or 3/7."""
    if share.enough or not share.whole:
        return formats.percent(share.value, places)
    return f"{formats.number(share.part)}/{formats.number(share.whole)}"


def share_hint(share: Share, unit: Unit) -> str:
    """How sure a share is, and of how many; "" of nothing."""
    if not share.whole:
        return ""
    counts, interval = counts_text(share, unit), interval_text(share)
    if share.enough:
        return f"{interval} · {counts}"
    least = _("A percentage is shown from %(least)s on.", least=LEAST)
    return f"{_('not enough yet: %(counts)s', counts=counts)} · {least} {interval}"


def interval_text(estimate: Estimate, places: int = 1) -> str:
    """95% interval: 38.1% to 46.8%."""
    low, high = formats.percent(estimate.low, places), formats.percent(estimate.high, places)
    return _("95%% interval: %(low)s to %(high)s", low=low, high=high)


def counts_text(share: Share, unit: Unit) -> str:
    """42 of 99 visits."""
    return _("%(part)s of %(whole)s", part=formats.number(share.part), whole=counted(share.whole, unit))


def counted(count: int, unit: Unit) -> str:
    """99 visits."""
    told = formats.number(count)
    match unit:
        case "visits":
            return ngettext("%(count)s visit", "%(count)s visits", count, count=told)
        case "visitors":
            return ngettext("%(count)s visitor", "%(count)s visitors", count, count=told)
        case "people":
            return ngettext("%(count)s person", "%(count)s people", count, count=told)
        case "impressions":
            return ngettext("%(count)s impression", "%(count)s impressions", count, count=told)
        case "searches":
            return ngettext("%(count)s search", "%(count)s searches", count, count=told)
        case "events":
            return ngettext("%(count)s event", "%(count)s events", count, count=told)
