"""What every event passes between its adapter and the log: origin, limits, privacy."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from tracker import limits, privacy
from tracker.event import Event
from tracker.limits import Limiter
from tracker.metrics import Metrics
from tracker.request import Refusal
from tracker.sites import Site

_KNOWING = frozenset({"identify", "alias", "group"})
"""What only says who somebody is: nothing of it is left of a visitor who opted out."""
_ADDRESSES = ("url", "path", "search", "href", "referrer", "link")


class Gate:
    """Decides whether events may pass, and what of them. ``keys`` and ``addresses`` limit their rates."""

    def __init__(self, salt: privacy.DailySalt, keys: Limiter, addresses: Limiter, metrics: Metrics) -> None:
        self._salt, self._keys, self._addresses, self._metrics = salt, keys, addresses, metrics

    def admit(
        self,
        events: Sequence[Event],
        environ: Mapping[str, Any],
        site_of: Callable[[str], Site | None],
        caller: str,
    ) -> list[Event] | Refusal:
        """The events as they may be kept, or why none of them may. ``caller`` is an address."""
        origin = environ.get("HTTP_ORIGIN")
        for site_id in {event.site for event in events}:
            site = site_of(site_id)
            if site and site.origins and origin and origin not in site.origins:
                return Refusal(
                    "origin_not_allowed", "this write key is bound to other origins", "Origin", status=403
                )
            count = sum(event.site == site_id for event in events)
            if refusal := self._keys.admit(f"key:{site_id}", count):
                return refusal
        # Counted under a hash: the shared buckets are in Redis, and an address belongs nowhere.
        if (
            events
            and self._addresses.limited
            and (refusal := self._addresses.admit(self._salt.visitor("", caller, ""), len(events)))
        ):
            return refusal
        for event in events:
            if (
                limits.too_deep(event.props)
                or limits.too_deep(event.traits)
                or limits.too_deep(event.context)
            ):
                return Refusal(
                    "too_deep", f"an event may be nested {limits.NESTING} levels deep", "properties"
                )
        signal = privacy.opted_out(environ)
        return list(self._kept(events, signal))

    def _kept(self, events: Iterable[Event], signal: bool) -> Iterable[Event]:
        for event in events:
            analytics = _analytics(event)
            if event.type != "consent" and (analytics is False or (signal and analytics is not True)):
                self._metrics.cookieless.inc()
                if event.type not in _KNOWING:
                    yield scrubbed(self._cookieless(event))
            else:
                yield scrubbed(event)

    def _cookieless(self, event: Event) -> Event:
        """The event of nobody in particular: it counts in totals, and makes no profile."""
        visitor = self._salt.visitor(event.site, event.ip, event.ua)
        context = {**event.context, "cookieless": True}
        return msgspec.structs.replace(event, visitor=visitor, user=None, traits={}, context=context)


def _analytics(event: Event) -> bool | None:
    """What the visitor said of analytics on this very site: None is nothing. It counts more than a general signal."""
    consent = event.context.get("consent")
    said = consent.get("analytics") if isinstance(consent, dict) else None
    return said if isinstance(said, bool) else None


def scrubbed(event: Event) -> Event:
    """Without credentials and e-mail addresses in whatever is the address of a page."""
    changed: dict[str, Any] = {}
    for name in ("url", "referrer"):
        before = getattr(event, name)
        if before and (after := privacy.scrub(before)) != before:
            changed[name] = after
    props = {name: event.props[name] for name in _ADDRESSES if isinstance(event.props.get(name), str)}
    cleaned = {name: privacy.scrub(value) for name, value in props.items()}
    if cleaned != props:
        changed["props"] = {**event.props, **cleaned}
    return msgspec.structs.replace(event, **changed) if changed else event
