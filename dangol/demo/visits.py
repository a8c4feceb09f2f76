"""The visits of a demo visitor: sessions at the hours when people shop, with the drop-off of a real shop."""

import random
from datetime import date, datetime, time, timedelta, tzinfo
from urllib.parse import quote, quote_plus

from dangol.demo.diary import Diary, Message, iso
from dangol.demo.people import Person, Source, came
from dangol.shop.calls import Calls
from dangol.shop.cart import Cart
from dangol.shop.catalogue import Catalogue, Product
from tracker.durations import DAY_SECONDS, HOUR_SECONDS

EVENTS_LIMIT = 400
"""Most events of one visitor: nobody is more than this, whatever the dice say."""

HOURS = (2, 1, 1, 1, 1, 2, 4, 7, 9, 9, 8, 9, 11, 10, 8, 8, 8, 9, 11, 14, 17, 17, 12, 6)
"""How busy each hour of the shop's day is, relative to the others."""
WEEKDAYS = (9, 9, 9, 10, 10, 13, 14)
"""How busy each day is, from Monday."""
PAUSE = 3 * HOUR_SECONDS
"""Between two visits of one person."""

LEAST_SECONDS = 80.0
"""So long after its start a visit has its first page."""

OUTSIDE_TASTE = 0.12
COMPANION = 0.3


class Visits:
    """The visits of one person, drawn from the seed. Times are seconds since the epoch. ``proof``: see Diary."""

    def __init__(
        self, seed: int, number: int, person: Person, catalogue: Catalogue, shop: str, proof: str = ""
    ) -> None:
        self.person, self._catalogue = person, catalogue
        self._rng = random.Random(f"dangol visits:{seed}:{number}")
        self._calls = Calls(shop)
        self._diary = Diary(f"demo-{seed}-{number}", person, shop, self._rng, proof)
        self._cart = Cart()
        self.sessions = 0

    def play(self, now: float, days: int, zone: tzinfo) -> list[Message]:
        """Every message of the ``days`` before today, and of today as far as it has come; oldest first. Days and hours
        are those of the shop's ``zone``.

        Whose first visit is still to come today has made all visits some days earlier, so everybody has come.
        """
        today = datetime.fromtimestamp(now, zone).date()
        for number, start in enumerate(self._starts(now, today, days, zone)):
            before = len(self._diary.entries)
            self._diary.open(start, self._rng.choice(self.person.devices))
            self._session(number == 0)
            self.sessions += before < EVENTS_LIMIT and self._diary.entries[before][0] <= now
        entries = [entry for entry in self._diary.entries if entry[0] <= now][:EVENTS_LIMIT]
        return [{**message, "timestamp": iso(at)} for at, message in entries]

    def _starts(self, now: float, today: date, days: int, zone: tzinfo) -> list[float]:
        """When the visits begin: on the days and at the hours when people shop. Who comes after the last day comes on
        one of the first instead, so that no day is busier for being near either end."""
        rng, first = self._rng, today - timedelta(days)
        weights = [WEEKDAYS[(first + timedelta(day)).weekday()] for day in range(days + 1)]
        day = rng.choices(range(days + 1), weights)[0]
        moved = rng.randint(1, days)
        offsets = [day]
        for _ in range(rng.randint(*self.person.manner.sessions) - 1):
            near = offsets[-1] + 1 + rng.expovariate(6 / days)
            week = [round(near + each) % (days + 1) for each in range(-3, 4)]
            offsets.append(rng.choices(week, [weights[each] for each in week])[0])
        starts: list[float] = []
        for offset in sorted(offsets):
            start = self._at_busy_hour(first + timedelta(offset), zone)
            starts.append(max(start, starts[-1] + PAUSE) if starts else start)
        if starts[0] + LEAST_SECONDS > now:
            starts = [start - moved * DAY_SECONDS for start in starts]
        return [start for start in starts if start + LEAST_SECONDS <= now]

    def _at_busy_hour(self, day: date, zone: tzinfo) -> float:
        hour = self._rng.choices(range(24), HOURS)[0]
        return datetime.combine(day, time(hour), zone).timestamp() + self._rng.uniform(0, HOUR_SECONDS)

    def _session(self, first: bool) -> None:
        rng, person = self._rng, self.person
        if person.bot:
            self._crawl()
            return
        wanted = self._choose()
        self._arrive(came(rng, first), wanted)
        if rng.random() < person.manner.bounce:
            return
        if person.manner.sign_in and rng.random() < person.manner.sign_in:
            self._sign_in()
        for _ in range(rng.randint(*person.manner.products)):
            self._look(wanted)
            wanted = self._next(wanted)
        if self._cart.lines and rng.random() < 0.85:
            self._buy()

    def _arrive(self, source: Source, wanted: Product) -> None:
        """The first page: home, a shelf, or straight to a product."""
        place = self._rng.choices(("home", "shelf", "product"), (5, 3, 3))[0]
        shelf = self._catalogue.categories[wanted.category]
        words = self._rng.choice((wanted.name, f"{shelf.name} shop", f"{shelf.name} online", "dangol market"))
        query = f"?{source.query}" if source.query else ""
        referrer = source.referrer.format(words=quote_plus(words.lower()))
        if place == "home":
            self._diary.page("/" + query, "For people who come back", referrer)
        elif place == "shelf":
            self._shelf(wanted, query, referrer)
        else:
            self._product(wanted, query, referrer)

    def _choose(self) -> Product:
        """Something to look for: mostly of the visitor's taste, mostly popular, near the visitor's price."""
        rng, person = self._rng, self.person
        tastes = list(self._catalogue.categories) if rng.random() < OUTSIDE_TASTE else list(person.tastes)
        shelf = sorted(self._catalogue.of(rng.choice(tastes)), key=lambda product: -product.price)
        last = max(len(shelf) - 1, 1)
        weights = [p.popularity * (1.1 - abs(i / last - person.thrift)) ** 2 for i, p in enumerate(shelf)]
        return rng.choices(shelf, weights)[0]

    def _next(self, seen: Product) -> Product:
        """What to look at after ``seen``: sometimes what goes with it."""
        if seen.goes_with and self._rng.random() < COMPANION:
            return self._catalogue.products[self._rng.choice(seen.goes_with)]
        return self._choose()

    def _look(self, wanted: Product) -> None:
        rng = self._rng
        way = rng.random()
        if way < 0.12:
            self._search(wanted)
        elif way < 0.5:
            self._shelf(wanted)
        self._product(wanted)
        if wanted.available and rng.random() < self.person.manner.add:
            self._add(wanted)
            for other in wanted.goes_with[:1]:
                if rng.random() < COMPANION:
                    self._product(self._catalogue.products[other])
                    self._add(self._catalogue.products[other])

    def _search(self, wanted: Product) -> None:
        query = self._rng.choice((wanted.name, wanted.name.split()[-1], wanted.category)).lower()
        self._diary.page(f"/search?q={quote(query)}", f"Search: {query}")
        self._diary.call(self._calls.searched(query, len(self._catalogue.search(query))))

    def _shelf(self, wanted: Product, query: str = "", referrer: str = "") -> None:
        shelf = self._catalogue.categories[wanted.category]
        self._diary.page(f"/c/{shelf.id}{query}", shelf.name, referrer)
        self._diary.call(self._calls.listed(shelf.id, self._catalogue.of(shelf.id)))

    def _product(self, product: Product, query: str = "", referrer: str = "") -> None:
        self._diary.page(product.path + query, product.name, referrer)
        self._diary.call(self._calls.viewed(product))

    def _add(self, product: Product) -> None:
        if product.available:
            self._cart = self._cart.with_quantity(product, self._cart.quantity_of(product) + 1)
            self._diary.call(self._calls.added(product), self._rng.uniform(3, 40))

    def _buy(self) -> None:
        rng, manner = self._rng, self.person.manner
        self._diary.page("/cart", "Cart")
        self._diary.call(self._calls.cart_viewed(self._cart))
        if rng.random() > manner.check_out:
            return
        order = f"DM-{rng.getrandbits(32):08X}"
        self._diary.page("/checkout", "Address")
        self._diary.call(self._calls.checkout_started(self._cart, order))
        if rng.random() > manner.pay:
            return
        self._diary.page("/checkout/payment", "Payment")
        self._diary.call(self._calls.step_completed(order, 1))
        if rng.random() > manner.pay:
            return
        self._diary.call(self._calls.step_completed(order, 2), rng.uniform(5, 40))
        self._diary.page("/thank-you", "Thank you")
        self._diary.call(self._calls.completed(self._cart, order))
        self._cart = Cart()

    def _sign_in(self) -> None:
        if self._diary.signed_in:
            return
        self._diary.page("/sign-in", "Sign in")
        self._diary.page("/", "For people who come back")
        traits = {"email": self.person.email, "name": self.person.name}
        self._diary.identify(traits)

    def _crawl(self) -> None:
        """A search engine's robot: every shelf and some products, as fast as is polite."""
        for category in self._catalogue.categories.values():
            self._diary.page(f"/c/{category.id}", category.name, pause=2.0)
            for product in self._catalogue.of(category.id)[:3]:
                self._diary.page(product.path, product.name, pause=2.0)
