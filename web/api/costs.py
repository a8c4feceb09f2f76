"""What advertising cost, told by a shop's server. Secret keys only."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Annotated

import msgspec
from flask import Response, request

from ingest.cost_files.presets import channel_name, channel_of
from tracker.currencies import iso_code
from tracker.money import money
from tracker.sites import Site
from warehouse.attribution.cost import Cost
from warehouse.attribution.cost_store import CostStore
from warehouse.question.span import Span
from web.http.json_body import answer, body
from web.http.problem import Problem
from web.http.routes import Routes, delete, get, put
from web.http.site_keys import Keys

BODY_BYTES = 4 << 20
MOST = 10_000
"""Costs of one request."""

Short = Annotated[str, msgspec.Meta(max_length=200)]
Count = Annotated[int, msgspec.Meta(ge=0, le=10**12)]


class CostGiven(msgspec.Struct):
    """What ``campaign`` of ``source`` (utm_source) cost on ``day``, in ``currency`` (the site's by default).
    ``channel`` is by default that of a paid visit from the source."""

    day: date
    amount: Annotated[str, msgspec.Meta(max_length=64)] | float
    source: Short = ""
    campaign: Short = ""
    channel: Short = ""
    currency: Annotated[str, msgspec.Meta(max_length=3)] = ""
    clicks: Count = 0
    impressions: Count = 0


class CostsGiven(msgspec.Struct):
    """Those of one day, source and campaign together replace what was known of these three."""

    costs: Annotated[list[CostGiven], msgspec.Meta(max_length=MOST)]


class CostsTold(msgspec.Struct):
    """How many entries (a day, source and campaign) were new, had another content before, or the same."""

    new: int
    changed: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class Costs:
    store: CostStore
    keys: Keys
    clock: Callable[[], float]

    def routes(self) -> Routes:
        return (
            get("/v1/costs", self.listed),
            put("/v1/costs", self.replace),
            delete("/v1/costs", self.remove),
        )

    def replace(self) -> Response:
        """All or none: a bad one refuses the whole request."""
        site = self.keys.secret_key()
        given = body(CostsGiven, BODY_BYTES).costs
        costs = [_cost(site, index, each) for index, each in enumerate(given)]
        return answer(CostsTold(*self.store.put(site.id, costs)))

    def listed(self) -> Response:
        site = self.keys.secret_key()
        return answer({"costs": self.store.between(site.id, *self._days(site))})

    def remove(self) -> Response:
        site = self.keys.secret_key()
        if not (request.args.get("from") and request.args.get("to")):
            raise Problem(400, "Name the days: from and to", "from")
        gone = self.store.clear(site.id, *self._days(site), request.args.get("source", ""))
        return answer({"removed": gone})

    def _days(self, site: Site) -> tuple[date, date]:
        span = Span.parse(site, request.args.get("from"), request.args.get("to"), self.clock)
        return span.first, span.last


def _cost(site: Site, index: int, given: CostGiven) -> Cost:
    """Raises Problem 400 naming the field."""
    field = f"costs[{index}]"
    own = iso_code(given.currency) if given.currency else site.currency
    if not own:
        raise Problem(400, f"{given.currency!r} is no currency of ISO 4217, such as USD", f"{field}.currency")
    read = money(given.amount, own, site.decimal_mark)
    if read.amount is None or read.currency not in ("", own):
        raise Problem(400, f"{str(given.amount)[:40]!r} is no amount of {own}", f"{field}.amount")
    source, told = given.source.strip(), given.channel.strip()
    if not source and not told:
        raise Problem(400, "Who was paid? Name the source or the channel", f"{field}.source")
    return Cost(
        day=given.day,
        source=source,
        campaign=given.campaign.strip(),
        channel=channel_name(told) if told else channel_of(site, source, "", given.campaign.strip()),
        currency=own,
        amount=read.amount,
        clicks=given.clicks,
        impressions=given.impressions,
    )
