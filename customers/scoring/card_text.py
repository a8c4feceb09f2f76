"""The card as lines of text, for the command line."""

from collections.abc import Iterator
from datetime import date, timedelta

from customers.scoring.card import RiskCard, ScoreCard, ValueCard
from customers.scoring.drift import Drift

EPOCH = date(1970, 1, 1)


def lines(card: ScoreCard, currency: str) -> Iterator[str]:
    """What was said of the last closed window and what happened, or why a score is not shown."""
    yield f"{card.customers} customers"
    yield f"risk: {_risk(card)}"
    yield f"value: {_value(card, currency)}"
    if card.risk and card.risk.drift:
        yield f"drift: {_drift(card.risk.drift)}"


def _risk(card: ScoreCard) -> str:
    found = card.risk
    if found is None:
        return f"not shown, {card.risk_absent}: {card.risk_needs}"
    told = (
        f"of {found.said} customers we said that they would order nothing in {found.days} days; {found.held} did not"
        f" ({_source(found)}; ranking {found.auc:.3f}, by recency alone {found.auc_recency:.3f}; squared error"
        f" {found.brier:.3f}, with one chance for all {found.brier_constant:.3f}; {_behaviour(found)})"
    )
    return told if found.better else f"not shown, {card.risk_absent}: {told}"


def _value(card: ScoreCard, currency: str) -> str:
    found = card.value
    if found is None:
        return f"not shown, {card.value_absent}: {card.value_needs}"
    told = (
        f"for {found.days} days we expected {found.said:,.0f} {currency} ({found.low:,.0f} to {found.high:,.0f}),"
        f" {found.happened:,.0f} came ({_source(found)})"
    )
    if not found.better or card.value_total is None:
        return f"not shown, {card.value_absent}: {told}"
    total, low, high = card.value_total
    return f"{told}; the next 365 days: {total:,.0f} {currency} ({low:,.0f} to {high:,.0f})"


def _source(card: RiskCard | ValueCard) -> str:
    day = f" of {EPOCH + timedelta(days=card.told_on)}" if card.told_on is not None else ""
    if card.source == "snapshot":
        return f"the stored scores{day}"
    return f"{card.model}, a back-test with what was known at the end{day}"


def _behaviour(found: RiskCard) -> str:
    if found.auc_purchase is None or found.behaviour == "no web history":
        return "purchases only: no web history"
    return f"behaviour on the site {found.behaviour}; ranking by purchases alone {found.auc_purchase:.3f}"


def _drift(found: Drift) -> str:
    return (
        f"risks were {found.calibration}: {found.said:.1%} said, {found.happened:.1%} happened; customers"
        f" {found.customers} (stability index {found.psi:.2f})"
    )
