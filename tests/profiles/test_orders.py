"""Orders told with the public key that nobody would believe: set apart, whole."""

from pathlib import Path

import msgspec
import pytest
import redis
from click.testing import CliRunner

from dangol.cli import main
from ingest.enrich.enrich import facts
from ingest.enrich.order_limits import USUAL_LIMIT, with_limits
from ingest.event_rows import row
from ingest.folding.events import EnrichedEvent
from profiles.encoding import codec
from profiles.fold import identity
from profiles.fold.fold import LogPosition, Settings, apply
from profiles.fold.orders import CLAIMED_A_DAY, ORDERS_A_DAY
from profiles.model import Profile
from profiles.order_limits import OrderLimits
from tracker.durations import DAY_MS
from tracker.event import SITE, Event
from tracker.sites import Sites, new_site

NOW = 1_793_534_400_000
SHOP = new_site("default")


def ordered(
    number: int, revenue: float, sender: str = "203.0.113.0", at: int = NOW, **changes: object
) -> Event:
    fields = {"name": "Order Completed", "props": {"order_id": f"o{number}", "revenue": revenue}, **changes}
    return Event(
        site="default", id=f"e{number}", type="track", ts=at, received=at, source="segment", visitor="a1",
        sender=sender, **fields,
    )  # fmt: skip


def told(events: list[Event], limit: float = 0.0) -> tuple[Profile, list[bool]]:
    """The profile after the events, and which of their rows are set apart."""
    enrich, profile, apart = with_limits(facts, lambda _: limit), Profile("a:a1"), []
    for position, event in enumerate(events):
        found, place = enrich(event, SHOP), LogPosition("a1", 0, position)
        outcome = apply(profile, event, found, Settings(), place)
        again = apply(profile, event, found, Settings(), place)  # read again, before its row was committed
        assert (again.doubtful, again.repeated) == (outcome.doubtful, outcome.repeated)
        stored = row(EnrichedEvent(event, found, place), "a:a1", outcome)
        assert bool(stored.doubtful) <= bool(stored.repeated), "no report counts it"
        apart.append(bool(stored.doubtful))
    return profile, apart


@pytest.mark.parametrize("revenue", [1e15, -1e15, 9.9e11, USUAL_LIMIT * 1.01, "1e11"])
@pytest.mark.parametrize("name", ["Order Completed", "Order Refunded"])
def test_an_implausible_amount_teaches_nothing(revenue: float, name: str) -> None:
    profile, apart = told([ordered(1, 40.0), ordered(2, revenue, name=name)])
    assert (profile.counts.revenue, profile.counts.orders) == (40.0, 1)
    assert apart == [False, True]


@pytest.mark.parametrize(
    "props",
    [
        {"revenue": 10**400},
        {"total": "9" * 400},
        {"value": "inf"},
        {"revenue": 40.0, "products": [{"product_id": "p", "price": 1e11, "quantity": 1e11}]},
        {"revenue": 40.0, "products": [{"product_id": "p", "price": -1e11, "quantity": 1}]},
        {"products": [{"product_id": f"p{n}", "price": 1_000, "quantity": 999} for n in range(150)]},
    ],
)
def test_nor_does_one_that_hides_its_amount(props: dict[str, object]) -> None:
    profile, apart = told([ordered(1, 40.0), ordered(2, 0.0, props=props)])
    assert (profile.counts.revenue, profile.counts.orders, apart) == (40.0, 1, [False, True])


def test_a_refund_is_told_by_the_server() -> None:
    events = [
        ordered(1, 40.0),
        ordered(2, 10.0, name="Order Refunded", props={"order_id": "o1", "revenue": 10.0}),
        ordered(3, 15.0, SITE, name="Order Refunded", props={"order_id": "o1", "revenue": 15.0}),
        ordered(4, 0.0, name="Order Cancelled", props={"order_id": "o1"}),
    ]
    profile, apart = told(events)
    assert (profile.counts.revenue, apart) == (25.0, [False, True, False, True])
    enrich = with_limits(facts, lambda _: 0.0)
    trusting = msgspec.structs.replace(SHOP, identity="trusting")
    assert [enrich(event, trusting).doubtful for event in events] == [False] * 4


def test_quantities_have_bounds() -> None:
    enrich = with_limits(facts, lambda _: 0.0)
    for quantity, kept in ((1e11, 1_000.0), (-1e11, 0.0), (3, 3.0)):
        event = ordered(1, 0.0, name="Product Added", props={"product_id": "p", "quantity": quantity})
        assert [line.quantity for line in enrich(event, SHOP).products] == [kept]
        server = msgspec.structs.replace(event, sender=SITE)
        assert [line.quantity for line in enrich(server, SHOP).products] == [quantity]


def test_what_the_sites_server_tells_is_believed() -> None:
    profile, apart = told([ordered(1, 5e6, SITE), ordered(2, 5e6)])
    assert (profile.counts.revenue, apart) == (5e6, [False, True])


def test_the_history_of_a_site_sets_the_bound() -> None:
    profile, apart = told([ordered(1, 1_999.0), ordered(2, 2_001.0)], limit=2_000.0)
    assert (profile.counts.revenue, apart) == (1_999.0, [False, True])


@pytest.mark.parametrize("named", [True, False])
def test_one_visitor_orders_so_often_a_day(named: bool) -> None:
    events = [ordered(n, 100.0) for n in range(10_000 // 50)]
    if not named:
        events = [msgspec.structs.replace(event, props={"revenue": 100.0}) for event in events]
    profile, apart = told(events)
    assert profile.counts.orders == ORDERS_A_DAY
    assert sum(apart) == len(events) - ORDERS_A_DAY
    late = ordered(999, 100.0, at=NOW + DAY_MS + 1)
    assert not apply(profile, late, facts(late, SHOP), Settings(), LogPosition("a1", 0, 9_999)).doubtful


@pytest.mark.parametrize("strangers_first", [True, False])
@pytest.mark.parametrize("same_id", [True, False])
def test_the_site_s_word_of_an_order_is_what_counts(strangers_first: bool, same_id: bool) -> None:
    guessed = ordered(1, 0.01)
    real = (
        ordered(1, 40.0, SITE) if same_id else msgspec.structs.replace(ordered(1, 40.0, SITE), id="server-1")
    )
    profile, _ = told([guessed, real] if strangers_first else [real, guessed])
    assert (profile.counts.orders, profile.counts.revenue) == (1, 40.0)
    assert profile.event_counts["Order Completed"].count == 1
    before = msgspec.structs.replace(profile.counts)
    apply(profile, real, facts(real, SHOP), Settings(), LogPosition("a1", 0, 9))
    assert (profile.counts.orders, profile.counts.revenue) == (1, 40.0), "told again, it counts once"
    assert before.orders == 1


def test_of_two_profiles_orders_the_site_s_word_counts() -> None:
    stranger, _ = told([ordered(1, 0.01)])
    customer, _ = told([msgspec.structs.replace(ordered(1, 40.0, SITE, NOW + 1), id="server-1")])
    for into, other in ((stranger, customer), (customer, stranger)):
        into, other = codec.copy(into), codec.copy(other)
        identity.add_history(into, other)
        assert (into.counts.orders, into.counts.revenue) == (1, 40.0)
        assert [order.site and order.site.amount for order in into.orders.values()] == [400_000]


def test_claims_leave_the_customer_orders_of_their_own() -> None:
    claimed = [ordered(n, 1.0, user="kim") for n in range(ORDERS_A_DAY + 1)]
    own = ordered(99, 40.0, user="kim", proven=True)
    profile, apart = told([*claimed, own])
    assert (profile.counts.orders, apart[-1]) == (CLAIMED_A_DAY + 1, False)


def test_a_server_may_tell_as_many_as_it_likes() -> None:
    profile, apart = told([ordered(n, 100.0, SITE) for n in range(100)])
    assert (profile.counts.orders, any(apart)) == (100, False)


def test_a_site_may_set_its_own_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANGOL_DATA", str(tmp_path / "data"))
    set_to = CliRunner().invoke(main, ["sites", "set", "default", "--order-limit", "250000"])
    assert (set_to.exit_code, set_to.output) == (0, "default: order_limit = 250000.0\n")
    assert CliRunner().invoke(main, ["sites", "set", "default"]).exit_code == 2
    site = Sites(tmp_path / "data" / "sites.json").get("default")
    assert site is not None and OrderLimits(redis.Redis(port=1))(site) == 250_000.0


@pytest.mark.redis
def test_the_bound_is_shared_and_a_store_that_is_away_changes_nothing(redis_url: str) -> None:
    clock = iter((0.0, 1.0, 61.0, 122.0)).__next__
    limits, writer = (
        OrderLimits(redis.Redis.from_url(redis_url), clock),
        OrderLimits(redis.Redis.from_url(redis_url)),
    )
    assert limits(SHOP) == 0.0
    writer.save("default", 2_000.0)
    assert (limits(SHOP), limits(SHOP)) == (0.0, 2_000.0), "read once a minute"
    limits._client = redis.Redis(port=1)
    assert limits(SHOP) == 2_000.0
    writer.save("default", 0.0)
    assert OrderLimits(redis.Redis.from_url(redis_url))(SHOP) == 0.0
