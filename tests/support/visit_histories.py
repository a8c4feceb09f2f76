"""Random histories of people who come, look, sign in and buy: for tests of what a visit is."""

from collections.abc import Sequence

from hypothesis import strategies as st

from profiles.facts import Facts
from profiles.model import Touch
from tests.support.ingest_streams import START
from tests.support.visits_oracle import Sent
from tracker.durations import MINUTE_MS
from tracker.event import SITE, Event

WAYS: tuple[tuple[str, str], ...] = (
    ("https://www.google.com/", ""),
    ("https://blog.example/", ""),
    ("", "?utm_source=letter&utm_medium=email&utm_campaign=spring"),
    ("", "?utm_source=letter&utm_medium=email&utm_campaign=summer"),
    ("", "?gclid=1"),
)
"""Referrer and query."""
_TOUCHES = (
    ("organic search", "google", "organic", ""),
    ("referral", "blog.example", "referral", ""),
    ("e-mail", "letter", "email", "spring"),
    ("e-mail", "letter", "email", "summer"),
    ("paid search", "google", "cpc", ""),
)
_KEYS = ("", "", "letter|email|spring|", "letter|email|summer|", "gclid=1")
_TRACKS = (
    *("Product Viewed", "Product Viewed", "Order Completed", "Offer Viewed", "Offer Viewed"),
    *("Offer Clicked", "Offer Dismissed", "Offer Decided", "Offer Withheld"),
)
_SERVER = ("Order Completed", "Order Refunded", "Order Shipped", "Call", "Offer Decided")
_MINUTES = (
    st.integers(0, 12).map(lambda n: n * 10) | st.integers(0, 23 * 60) | st.sampled_from([0, 1439, 1440])
)


@st.composite
def sent(draw: st.DrawFn, number: int, visitors: Sequence[str], span: float = 1.0) -> Sent:
    """One event of one customer's browsers or of the shop's server, with its facts as enrichment makes them."""
    ts = START + int(draw(_MINUTES) * span) * MINUTE_MS
    kind = draw(
        st.sampled_from(["page"] * 6 + ["screen", "track", "track", "track", "server", "told"] + ["who"] * 3)
    )
    visitor: str | None = draw(st.sampled_from(visitors))
    user = draw(st.sampled_from([None, None, "u1"]))
    proven = user is not None and draw(st.booleans())
    fields: dict[str, object] = {"source": "snippet", "type": kind, "user": user, "proven": proven}
    way = None
    if kind == "who":
        fields["type"] = draw(st.sampled_from(["identify", "alias", "group", "consent"]))
    elif kind == "server":
        visitor = None
        source = draw(st.sampled_from(["segment", "api"]))
        fields |= {"type": "track", "name": draw(st.sampled_from(_SERVER)), "user": "u1", "source": source}
        fields |= {"proven": True, "sender": SITE}
    elif kind == "told":  # the shop's server names the browser
        name = draw(st.sampled_from(_SERVER[:3]))
        backfill = {"backfill": True} if draw(st.booleans()) else {}
        fields |= {"type": "track", "name": name, "source": "api", "sender": SITE, "context": backfill}
    elif kind == "track":
        fields["name"] = draw(st.sampled_from(_TRACKS))
    if kind in ("page", "screen", "track"):
        way = draw(st.none() | st.sampled_from(range(len(WAYS))))
    hint = draw(st.sampled_from([""] * 9 + ["s1", "s2"])) if kind not in ("server",) else ""
    path = f"/{number % 3}"
    if way is not None:
        fields |= {"referrer": WAYS[way][0], "url": f"https://shop.example{path}{WAYS[way][1]}"}
    if hint:
        fields["context"] = {**fields.get("context", {}), "session": hint}  # type: ignore[dict-item]
    event = Event(
        site="default", id=f"e{number}", visitor=visitor, ts=ts, received=START + 10**9 + number, **fields
    )  # type: ignore[arg-type]
    if way is None:
        return Sent(event, Facts(path=path, session_hint=hint))
    channel, origin, medium, campaign = _TOUCHES[way]
    touch = Touch(ts, channel, origin, medium, campaign, "", path)
    return Sent(event, Facts(path=path, touch=touch, campaign_key=_KEYS[way], session_hint=hint))


@st.composite
def histories(draw: st.DrawFn, most: int = 12, span: float = 1.0) -> list[Sent]:
    """One customer's events, in the order of their times, and of one time in the order of sending."""
    visitors = draw(st.sampled_from([["a1"], ["a1"], ["a1", "b2"]]))
    count = draw(st.integers(1, most))
    return sorted([draw(sent(n, visitors, span)) for n in range(count)], key=lambda one: one.event.ts)


def arrivals(history: Sequence[Sent]) -> st.SearchStrategy[list[Sent]]:
    """The same in any order of arrival; what has one time keeps its order."""

    def in_turn(order: list[Sent]) -> list[Sent]:
        waiting = {
            ts: iter([one for one in history if one.event.ts == ts]) for ts in {s.event.ts for s in order}
        }
        return [next(waiting[one.event.ts]) for one in order]

    return st.permutations(list(history)).map(in_turn)
