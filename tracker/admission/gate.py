"""The gate between the protocols and the log: it checks the origin, counts against the limits, applies privacy."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from tracker import origins, values
from tracker.admission import privacy
from tracker.admission.limits import Limiter
from tracker.admission.placeholder_ids import without_placeholders
from tracker.event import SITE, Event
from tracker.fields.consent_categories import analytics_choice
from tracker.fields.losses import loss
from tracker.http import address, request
from tracker.http.client_hints import client_hints
from tracker.metrics import Metrics
from tracker.refusal import Refusal
from tracker.sites import Site
from tracker.standard_events.shape import standard

_IDENTIFYING = frozenset({"identify", "alias", "group"})
"""Types of event that only identify a visitor: they are dropped when the visitor opted out."""
_ADDRESSES = frozenset({"url", "path", "search", "href", "referrer", "link"})

ADDRESS_CHARACTERS = 2_048
TITLE_CHARACTERS = 512
_LIMITS = (("url", ADDRESS_CHARACTERS), ("referrer", ADDRESS_CHARACTERS), ("title", TITLE_CHARACTERS))
_TEXTS = ("name", "url", "title", "referrer", "ua", "lang", "screen")


class Sent(Protocol):
    """An event, or what is left of one: the site that it is for, and who sent it."""

    @property
    def site(self) -> str: ...

    @property
    def sender(self) -> str: ...


class Arrivals(Protocol):
    """The events of one request, and those that its protocol has left out."""

    @property
    def events(self) -> list[Event]: ...

    @property
    def rejected(self) -> Sequence[Sent]: ...


class Charge(NamedTuple):
    limiter: Limiter
    caller: str
    events: int


class Gate:
    """Decides which events are admitted, and removes what may not be kept. ``keys``, ``addresses``: the rate limits."""

    def __init__(
        self, salt: privacy.DailySalt, keys: Limiter, addresses: Limiter, metrics: Metrics, proxies: int = 0
    ) -> None:
        self._salt, self._metrics, self._proxies = salt, metrics, proxies
        self._keys, self._addresses = keys, addresses

    def admit(
        self,
        arrivals: Arrivals,
        environ: Mapping[str, Any],
        site_of: Callable[[str], Site | None],
    ) -> list[Event] | Refusal:
        """The events as they may be kept, or the refusal of all of them. What their JSON lost is told by the first."""
        repaired = values.reasons_since()
        if origin := environ.get("HTTP_ORIGIN"):
            sites = {event.site for event in arrivals.events}
            if arrivals.rejected:
                sites |= {each.site for each in arrivals.rejected}
            for site_id in sites:
                site = site_of(site_id)
                if site and not origins.admitted(site.origins, origin):
                    message = "this write key is bound to other origins"
                    return Refusal("origin_not_allowed", message, "Origin", status=403)
        events = [standard(settled(event)) for event in arrivals.events]
        if repaired and events:
            lost = (loss("props" if why == "number" else "text", why) for why in sorted(repaired))
            events[0] = msgspec.structs.replace(events[0], losses=(*events[0].losses, *lost))
        if hints := client_hints(environ):
            ua = environ.get("HTTP_USER_AGENT", "")[:512]
            events = [hinted(event, hints) if event.ua == ua else event for event in events]
        return self._filtered(events, privacy.opted_out(environ))

    def charges(self, sent: Sequence[Sent], environ: Mapping[str, Any]) -> list[Charge]:
        """The limits that the events count against. The site's own server has none."""
        charges: list[Charge] = []
        if not (self._keys.limited or self._addresses.limited):
            return charges
        strangers = [each for each in sent if each.sender != SITE and each.site]
        if self._keys.limited:
            for site, count in Counter(each.site for each in strangers).items():
                charges.append(Charge(self._keys, f"key:{site}", count))
        subscriber = address.subscriber(request.caller(environ, self._proxies)) if strangers else ""
        if self._addresses.limited and subscriber:
            # Counted under a hash: an address must not be stored anywhere.
            caller = self._salt.visitor("", subscriber, "")
            charges.append(Charge(self._addresses, caller, len(strangers)))
        return charges

    def _filtered(self, events: Iterable[Event], signal: bool) -> list[Event]:
        kept = []
        for sent in events:
            event = without_placeholders(sent)
            if event is not sent:
                self._metrics.placeholder(event.site)
            anonymous = event.visitor is None and event.user is None
            if anonymous or (
                (signal or "consent" in event.context) and self._refused_analytics(event, signal)
            ):
                if not anonymous:
                    self._metrics.cookieless.inc()
                if event.type in _IDENTIFYING or (anonymous and event.type == "consent"):
                    continue
                event = self._cookieless(event)
            elif event.type == "alias" and event.user is None:
                continue  # its user was a placeholder
            kept.append(cut(scrubbed(event)))
        return kept

    @staticmethod
    def _refused_analytics(event: Event, signal: bool) -> bool:
        """Whether the identity must be removed: the visitor refused analytics, or their browser sends an opt-out signal
        and they did not allow analytics on this site.

        Decided by the event alone. ``profiles/consent/rules.py`` decides what a stored consent allows; the tracker
        cannot import it."""
        analytics = _analytics_consent(event)
        return event.type != "consent" and (analytics is False or (signal and not analytics))

    def _cookieless(self, event: Event) -> Event:
        """The event without its identity: it counts in totals and makes no profile."""
        visitor = self._salt.visitor(event.site, event.ip, event.ua)
        context = {**event.context, "cookieless": True}
        return msgspec.structs.replace(event, visitor=visitor, user=None, traits={}, context=context)


def settled(event: Event) -> Event:
    """With no value that a later stage could not hold."""
    texts = f"{event.name}{event.url}{event.title}{event.referrer}{event.ua}{event.lang}{event.screen}"
    changed: dict[str, Any] = {}
    lost = list(event.losses)
    for name in ("props", "traits", "context"):
        if not values.fits(value := getattr(event, name)):
            changed[name] = values.settled(value)
            lost += [loss(name, reason) for reason in sorted(values.reasons_since())]
    if not values.fits(texts):
        changed |= {name: values.text(getattr(event, name)) for name in _TEXTS}
        lost.append(loss("text", "text"))
    return msgspec.structs.replace(event, **changed, losses=tuple(lost)) if changed else event


def hinted(event: Event, hints: Mapping[str, str]) -> Event:
    """With what its own browser's client hints say: those of a request that relays others' events say nothing."""
    return msgspec.structs.replace(event, context={**event.context, "hints": dict(hints)})


def _analytics_consent(event: Event) -> bool | None:
    """The choice about analytics that the visitor made on this site; None without one. It outranks a general signal."""
    return analytics_choice(event.context.get("consent"))


def scrubbed(event: Event) -> Event:
    """The event without credentials and e-mail addresses in the addresses of its pages."""
    changed: dict[str, Any] = {}
    if event.url and (url := privacy.scrub(event.url)) != event.url:
        changed["url"] = url
    if event.referrer and (referrer := privacy.scrub(event.referrer)) != event.referrer:
        changed["referrer"] = referrer
    if not _ADDRESSES.isdisjoint(event.props):
        addresses = {name: event.props[name] for name in _ADDRESSES if isinstance(event.props.get(name), str)}
        cleaned = {name: privacy.scrub(value)[:ADDRESS_CHARACTERS] for name, value in addresses.items()}
        if cleaned != addresses:
            changed["props"] = {**event.props, **cleaned}
    return msgspec.structs.replace(event, **changed) if changed else event


def cut(event: Event) -> Event:
    """The event with addresses and a title that a later stage can hold. What is longer is cut, and named as a loss."""
    if len(event.url) + len(event.referrer) + len(event.title) <= TITLE_CHARACTERS:
        return event
    changed: dict[str, Any] = {}
    lost = list(event.losses)
    for name, limit in _LIMITS:
        if len(text := getattr(event, name)) > limit:
            changed[name] = text[:limit]
            lost.append(loss(name, "cut", text))
    return msgspec.structs.replace(event, **changed, losses=tuple(lost)) if changed else event
