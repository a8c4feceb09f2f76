"""The call page: an agent finds who is calling, sees them in five lines, offers what fits, and notes the call."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from flask import redirect, request
from flask.typing import ResponseReturnValue

from ingest.contact_files.contact import Contact, contact_event
from profiles.ids import is_customer
from profiles.model import Profile
from profiles.search.search import Found, PersonSearch
from profiles.search.terms import PHONES
from profiles.store.port import ProfileStore
from tracker.event import encode
from tracker.log.port import EventLog, Record
from tracker.sites import Site
from warehouse.delta import Warehouse
from warehouse.feeds.contacts import contacts
from warehouse.feeds.dossier import dossier
from web.desk.calls.card import CallerView, caller_of
from web.desk.calls.suggestions import CallOffers, Suggestion
from web.desk.pages import Pages
from web.desk.visitors.person import name_of
from web.desk.visitors.visitors import STATES
from web.drawing import formats
from web.http.problem import Problem
from web.http.routes import Routes, get, post
from web.language import gettext as _
from web.language import lazy_gettext as _l
from web.me.visitor_access import VisitorAccess
from web.people.lookup import seen

QUERY_LIMIT = 200
NOTE_LIMIT = 2_000
ORDERS_SHOWN = 5
KINDS = {"call": _l("Call"), "complaint": _l("Complaint"), "store": _l("Store visit"), "chat": _l("Chat")}
OUTCOMES = {
    "answered": _l("Answered"),
    "ordered": _l("Ordered"),
    "call back": _l("Call back"),
    "not reached": _l("Not reached"),
    "solved": _l("Complaint solved"),
}
BY = {
    "id": _l("by id"),
    "e-mail": _l("by e-mail"),
    "phone": _l("by telephone number"),
    "order": _l("by order number"),
    "name": _l("by name"),
    "similar name": _l("by a similar name"),
}


@dataclass(frozen=True, slots=True)
class CallerRow:
    name: str
    by: str
    email: str
    phone: str
    orders: str
    last_seen: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPages:
    """``erase`` (site, id) forgets a person. ``public_url`` begins the links to a person's own page."""

    pages: Pages
    profiles: ProfileStore
    search: PersonSearch
    warehouse: Warehouse
    offers: CallOffers
    log: EventLog
    access: VisitorAccess
    erase: Callable[[str, str], Sequence[str] | None]
    public_url: str

    def routes(self) -> Routes:
        return (
            get("/desk/calls", self.find),
            get("/desk/calls/<path:who>", self.card),
            get("/desk/call-log/<path:who>", self.contact_log),
            post("/desk/calls/<path:who>/offers", self.suggest),
            post("/desk/calls/<path:who>/answer", self.answer),
            post("/desk/calls/<path:who>/contact", self.note),
            post("/desk/calls/<path:who>/link", self.link),
            post("/desk/calls/<path:who>/erase", self.forget),
        )

    def find(self) -> ResponseReturnValue:
        site, query = self.pages.site(), request.args.get("q", "").strip()[:QUERY_LIMIT]
        found = self.search.search(site.id, query) if query else []
        if len(found) == 1:
            return redirect(href_of(found[0].person.id))
        rows = [_row(each, self.pages.clock()) for each in found]
        return self.pages.show("desk/calls/calls.html", "calls", site, query=query, rows=rows)

    def card(self, who: str) -> ResponseReturnValue:
        return self._card(*self._caller(who))

    def contact_log(self, who: str) -> ResponseReturnValue:
        """What the card fetches after it: contacts, open complaints and the last orders, from the warehouse."""
        site, profile = self._caller(who)
        since = profile.first_seen
        made = contacts(self.warehouse, site.id, profile.id, since)
        orders = dossier(self.warehouse, site.id, profile.id, since, site.currency, ORDERS_SHOWN).orders
        view = {
            "contacts": made,
            "orders": orders,
            "states": STATES,
            "outcomes": OUTCOMES,
            "kinds": KIND_NAMES,
        }
        view |= {"name": name_of(profile), "href": href_of(profile.id)}
        template = "desk/calls/log.html" if "part" in request.args else "desk/calls/log_page.html"
        return self.pages.show(template, "calls", site, **view)

    def suggest(self, who: str) -> ResponseReturnValue:
        """A POST, since what is suggested counts as said."""
        site, profile = self._caller(who)
        return self._card(site, profile, self.offers.suggest(site, profile))

    def answer(self, who: str) -> ResponseReturnValue:
        site, profile = self._caller(who)
        said = request.form.get("said", "")
        self.offers.answer(site, profile, request.form.get("token", ""), said)
        return redirect(f"{href_of(profile.id)}?saved=answer")

    def note(self, who: str) -> ResponseReturnValue:
        """A contact of now, as POST /v1/contacts takes it."""
        site, profile = self._caller(who)
        if not profile.user:
            raise Problem(409, _("Only a customer with an id of the shop has a contact log"))
        form, now = request.form, int(self.pages.clock() * 1000)
        kind, direction = form.get("kind", "call"), form.get("direction", "in")
        if (
            kind not in KINDS
            or direction not in ("in", "out")
            or form.get("outcome", "") not in (*OUTCOMES, "")
        ):
            raise Problem(400, _("This form is not complete; reload the page"))
        topic, note = form.get("topic", "").strip()[:200], form.get("note", "").strip()[:NOTE_LIMIT]
        said = Contact(
            kind=kind,
            direction=direction,
            agent=self.pages.user().name,
            topic=topic,
            outcome=form.get("outcome", ""),
            note=note,
        )
        event = contact_event(site.id, profile.user, said, now, now)
        self.log.append([Record(event.key, encode(event))])
        return redirect(f"{href_of(profile.id)}?saved=contact")

    def link(self, who: str) -> ResponseReturnValue:
        """The address of the person's own page, for the agent to send."""
        site, profile = self._caller(who)
        address = f"{self.public_url.rstrip('/')}/me?pass={self.access.link(site, profile)}"
        return self._card(site, profile, link=address)

    def forget(self, who: str) -> ResponseReturnValue:
        site, profile = self._caller(who)
        if not self.pages.user().may("admin"):
            raise Problem(403, _("Your role does not allow this; ask an administrator"))
        if request.form.get("sure") != "yes":
            raise Problem(400, _("Tick the box to say that you are sure"))
        self.erase(site.id, profile.id)
        return redirect("/desk/calls")

    def _caller(self, who: str) -> tuple[Site, Profile]:
        site = self.pages.site()
        profile = seen(self.profiles, site.id, who)
        if profile is None:
            raise Problem(
                404, _("No visitor has this id. The profile may have been erased, or merged into a customer.")
            )
        return site, profile

    def _card(
        self, site: Site, profile: Profile, suggested: Sequence[Suggestion] | None = None, link: str = ""
    ) -> ResponseReturnValue:
        segments: Mapping[str, str] = {each.id: each.name for each in self.pages.segments.all(site.id)}
        view: CallerView = caller_of(self.pages.reports.views.of(site)(profile), segments)
        shown = {
            "view": view,
            "suggested": suggested,
            "link": link,
            "kinds": KINDS.items(),
            "outcomes": OUTCOMES.items(),
            "saved": request.args.get("saved", ""),
            "address": href_of(profile.id),
            "log": f"/desk/call-log/{quote(profile.id, safe='')}",
            "customer": is_customer(profile.id),
        }
        return self.pages.show("desk/calls/card.html", "calls", site, **shown)


KIND_NAMES = {
    "Call": _l("Call"),
    "Store Visit": _l("Store visit"),
    "Letter": _l("Letter"),
    "Complaint": _l("Complaint"),
    "E-mail": _l("E-mail"),
    "Chat": _l("Chat"),
    "Contact": _l("Contact"),
}


def href_of(profile_id: str) -> str:
    return f"/desk/calls/{quote(profile_id, safe='')}"


def _row(found: Found, now: float) -> CallerRow:
    person = found.person
    email = person.traits.get("email")
    phone = next((str(person.traits[name]) for name in PHONES if person.traits.get(name)), "")
    return CallerRow(
        name_of(person),
        str(BY[found.by]),
        email if isinstance(email, str) else "",
        phone,
        formats.number(person.counts.orders),
        formats.ago(person.last_seen, now),
        href_of(person.id),
    )
