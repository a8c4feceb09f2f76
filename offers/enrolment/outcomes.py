"""The people of a campaign as columns: who was enrolled, what they did before, and what came of it in the window."""

import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from offers.campaign.campaign import Campaign
from offers.enrolment.enrolled import Enrolled
from offers.experiments.people import BEFORE, Codes, Flags, Numbers, People
from offers.feedback.responses import Response
from profiles.consent.rules import DEFAULTS
from profiles.consent.statement import statement_of
from profiles.model import Purpose
from tracker.event import Event
from warehouse.events import Events
from warehouse.feeds import people_history


class _Answers(NamedTuple):
    impressions: Numbers
    clicks: Numbers
    dismissed: Flags
    several: Flags


def people_of(
    events: Events,
    site: str,
    campaign: Campaign,
    persons: Sequence[Enrolled],
    responses: Iterable[Response],
    now: int,
    currency: str,
) -> People:
    """``persons`` as columns, in their order. ``responses``: the verified ones from the first ``since`` to the end of
    the last window; of other campaigns, too. ``now`` in ms; ``currency`` is the site's. Raises WarehouseUnavailable."""
    window = campaign.goal.window_ms
    since = np.array([each.since for each in persons], np.int64)
    profiles = {each.profile: code for code, each in enumerate(persons)}
    people = pa.table(
        {"code": np.arange(len(persons)), "profile": pa.array(profiles, pa.string()), "since": since}
    )
    before = np.zeros((len(persons), len(BEFORE)))
    after = {name: np.zeros(len(persons)) for name in ("goals", "orders", "revenue")}
    flags = {name: np.zeros(len(persons), np.bool_) for name in ("returned", "unsubscribed", "refused")}
    if persons:
        told = people_history.before(events, site, people, currency)
        for column, name in enumerate(("visits", "pages", "orders", "revenue")):
            before[told["code"].to_numpy(), column] = told[name].to_numpy()
        told = people_history.after(events, site, people, window, campaign.goal.event, currency)
        for columns in (after, flags):
            for name, values in columns.items():
                values[told["code"].to_numpy()] = told[name].to_numpy()
        flags["unsubscribed"] |= _withdrew(events, site, people, flags["refused"], window)
    answers = _answers(responses, campaign.id, profiles, since, window)
    ordered = campaign.goal.event == "Order Completed"
    variants, variant = _coded(
        [each.token.variant for each in persons], [each.id for each in campaign.creatives]
    )
    contexts, context = _coded([each.token.context for each in persons], [])
    held = np.array([each.token.held for each in persons], np.bool_)
    return People(
        since=since,
        held=held,
        held_share=np.array([each.token.held_share for each in persons], np.float64),
        variant=np.where(held, -1, variant),
        variant_share=np.array([each.token.propensity for each in persons], np.float64),
        context=context,
        open=since + window >= now,
        converted=(after["orders"] if ordered else after["goals"]) > 0,
        orders=after["orders"],
        revenue=after["revenue"],
        impressions=answers.impressions,
        clicks=answers.clicks,
        dismissed=answers.dismissed,
        unsubscribed=flags["unsubscribed"],
        returned=flags["returned"],
        before=before,
        variants=variants,
        contexts=contexts or ("",),
        crossed=np.array([each.crossed for each in persons], np.bool_),
        several=answers.several,
    )


def _coded(names: Sequence[str], first: Sequence[str]) -> tuple[tuple[str, ...], Codes]:
    """The different names, ``first`` before others, and which of them each one is. "" of those held has no name."""
    codes = {name: code for code, name in enumerate(first)}
    held = len(first) > 0
    for name in names:
        if name or not held:
            codes.setdefault(name, len(codes))
    return tuple(codes), np.array([codes.get(name, -1) for name in names], np.int64)


def _answers(
    responses: Iterable[Response], campaign: str, profiles: dict[str, int], since: Codes, window: int
) -> _Answers:
    """A response counts at its own time, but not before its decision: browsers' clocks differ."""
    seen: dict[str, tuple[int, int]] = {}
    clicks = np.zeros(len(since))
    dismissed = np.zeros(len(since), np.bool_)
    met: dict[int, set[str]] = {}
    for token, row in responses:
        code = profiles.get(row.profile)
        if code is None or token.campaign != campaign or row.kind in ("decided", "withheld"):
            continue
        moment = max(row.ts, token.ts)
        met.setdefault(code, set()).add(token.variant)
        seen[token.nonce] = min(seen.get(token.nonce, (moment, code)), (moment, code))
        if 0 <= moment - since[code] <= window:
            clicks[code] += row.kind == "click"
            dismissed[code] |= row.kind == "dismissed"
    impressions = np.zeros(len(since))
    for moment, code in seen.values():
        impressions[code] += 0 <= moment - since[code] <= window
    several = np.array([len(met.get(code, ())) > 1 for code in range(len(since))], np.bool_)
    return _Answers(impressions, clicks, dismissed, several)


def _withdrew(events: Events, site: str, people: pa.Table, refused: Flags, window: int) -> Flags:
    """Who took a consent back within ``window`` ms: refused what they had allowed, or what is allowed until refused."""
    found = np.zeros(len(refused), np.bool_)
    if not refused.any():
        return found
    asked = people.filter(pa.array(refused))
    since = people["since"].to_numpy()
    rows = people_history.consents(events, site, asked, window).to_pylist()
    for code, theirs in groupby(rows, key=lambda row: int(row["code"])):
        start = int(since[code])
        found[code] = any(start <= at <= start + window for at in _withdrawals(site, list(theirs)))
    return found


def _withdrawals(site: str, rows: Iterable[dict[str, Any]]) -> list[int]:
    """When (ms) a consent that stood was taken back."""
    said = [answer for row in rows for answer in statement_of(_event(site, row)).answers]
    standing: dict[tuple[Purpose, str, str], bool] = {}
    at = []
    for answer in sorted(said, key=lambda answer: (answer.given_at, not answer.given)):
        subject = answer.purpose, answer.channel, answer.topic
        whole = standing.get((answer.purpose, "", ""), DEFAULTS[answer.purpose])
        if standing.get(subject, whole) and not answer.given:
            at.append(answer.given_at)
        standing[subject] = answer.given
    return at


def _event(site: str, row: dict[str, Any]) -> Event:
    return Event(
        site=site,
        id=row["id"],
        type="consent",
        source="api",
        visitor="-",
        ts=row["ts"],
        received=row["received"],
        sender=row["sender"] or "",
        props=json.loads(row["props"]),
    )
