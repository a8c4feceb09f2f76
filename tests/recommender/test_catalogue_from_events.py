"""What strangers' product events teach the catalogue: no address elsewhere, no value that visitors do not agree on."""

from pathlib import Path

import msgspec
import pytest

from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.from_events import host_of, item_from_event, own_address
from recommender.catalogue.item import Item
from tests.support.recommender_histories import MemoryItems
from tests.support.warehouse_rows import NOON, row
from warehouse.delta import Warehouse
from warehouse.feeds.product_facts import Product, hosts, products
from warehouse.tables.schema import EventRow

HOSTS = {"shop.example", "127.0.0.1:8000"}
EVIL = [
    "https://evil.example/p", "//evil.example/p", "/\\evil.example", "\\\\evil.example", "\\/evil.example",
    "https:evil.example", "https:/evil.example", "https:///evil.example", "http:\\\\evil.example",
    "https://shop.example@evil.example/", "https://shop.example:x@evil.example/", "https://evil.example#@shop.example",
    "https://shop.example\\.evil.example/", "https://shop.example.evil.example/", "https://evilshop.example/",
    "https://shop.example:8443/", "/\t/evil.example", "/\n/evil.example", "\t//evil.example", " //evil.example",
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\nscript:alert(1)", "data:text/html,x",
    "data:image/png;base64,x",
    "vbscript:x", "blob:https://shop.example/x", "ftp://shop.example/", "//shop.example/p", "evil.example", "p/1",
    "?x", "#",
    "https://shop.example\u3002evil.example/", "https://\uff53hop.example/", "https://shop.example\u200b/", "/\u2028/x",
    "https://" + "shop.example/" * 400, "https:\u2044\u2044evil.example", "https://[::1]/", "https://shop%2eexample/",
]  # fmt: skip
OURS = ["https://shop.example/p/1", "HTTPS://Shop.Example/P", "http://shop.example:80", "https://shop.example:443/x",
        "http://127.0.0.1:8000/p?a=//b", "/p/1", "/", "/p//1", "https://shop.example?x#y",
        "/p?next=https://evil.example"]  # fmt: skip


@pytest.mark.parametrize("address", EVIL)
def test_an_address_elsewhere_is_none(address: str) -> None:
    assert own_address(address, HOSTS) == ""


@pytest.mark.parametrize("address", OURS)
def test_an_address_of_ours_is_kept(address: str) -> None:
    assert own_address(address, HOSTS) == address


def test_the_site_itself_may_show_pictures_from_anywhere() -> None:
    cdn = item_from_event("p", sent_by_site=True, url="/p", image="https://cdn.example/p.png")
    assert cdn is not None and cdn.image and host_of(cdn.image) == "cdn.example"
    script = item_from_event("p", sent_by_site=True, url="javascript:x", image="//cdn.example/p.png")
    assert script is not None and (script.url, script.image) == ("", "")
    assert (
        item_from_event("x" * 101, sent_by_site=True) is None
        and item_from_event("a\x00b", sent_by_site=False) is None
    )


class Shop:
    """A warehouse of product views; each visitor from a network of their own unless told otherwise."""

    def __init__(self, path: Path) -> None:
        self.warehouse, self.number = Warehouse(str(path)), 0
        self.rows: list[EventRow] = []

    def view(self, visitor: str, sender: str | None = "", product: str = "p1", **props: object) -> None:
        self.number += 1
        at = NOON + self.number * 1000
        price, category = props.pop("price", None), props.pop("category", None)
        self.rows.append(
            row(at, id=f"e{self.number}", type="track", name="Product Viewed", profile=visitor, product=product,
                price=price, category=category, sender=visitor if sender == "" else sender,
                props=msgspec.json.encode(props).decode())
        )  # fmt: skip

    def told(self, product: str = "p1") -> Product | None:
        self.warehouse.append(self.rows, (), {})
        self.rows = []
        return next(
            (each for each in products(self.warehouse, "default", "EUR") if each.product == product), None
        )


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "warehouse")


def test_the_newest_stranger_does_not_decide(shop: Shop) -> None:
    for n in range(4):
        shop.view(f"v{n}", name="Tea", price=9.0, category="tea", url="/p1")
    for n in range(1_000):
        shop.view(f"x{n}", "one-network", name="Evil", price=0.01, category="evil", url="//evil.example")
    for _ in range(1_000):
        shop.view("x", name="Evil", price=0.01, category="evil")
    found = shop.told()
    assert (found.name, found.category, found.price, found.url, found.told) == (
        "Tea",
        "tea",
        9.0,
        "/p1",
        False,
    )


def test_fewer_than_three_visitors_teach_nothing(shop: Shop) -> None:
    for n in range(2):
        for _ in range(500):
            shop.view(f"v{n}", name="Evil", price=0.01)
    assert shop.told() is None
    shop.view("v2", name="Evil", price=0.01)
    assert shop.told().name == "Evil"


def test_one_visitor_on_many_networks_is_one_visitor(shop: Shop) -> None:
    for n in range(50):
        shop.view("v", f"network-{n}", name="Evil", price=0.01)
    assert shop.told() is None


def test_one_network_teaches_nothing_alone(shop: Shop) -> None:
    for n in range(1_000):
        shop.view(f"x{n}", "one-network", name="Evil", price=0.01)
    assert shop.told() is None
    shop.view("y", name="Evil", price=0.01)
    assert shop.told().name == "Evil", "two networks do"


def test_made_up_products_push_no_others_out(shop: Shop) -> None:
    for n in range(4):
        shop.view(f"v{n}", name="Tea")
    for product in range(50):
        for n in range(4):
            shop.view(f"x{n}", f"evil{n % 2}", product=f"evil{product}", name="Evil")
    assert shop.told() is not None
    assert [each.product for each in products(shop.warehouse, "default", "EUR", most=1)] == ["p1"]


def test_while_a_shop_is_tried_out_its_own_machine_does(shop: Shop) -> None:
    for n in range(3):
        shop.view(f"v{n}", "~this-machine", name="Tea", price=9.0)
    for n in range(1_000):
        shop.view(f"x{n}", "~this-machine", name="Evil", price=0.01)
    assert (shop.told().name, shop.told().price) == ("Tea", 9.0), "and who came later changes nothing"


def test_visitors_who_disagree_teach_what_most_say(shop: Shop) -> None:
    for n, price in enumerate([9.0, 9.0, 9.0, 9.0, 0.01, 1e9, 0.01]):
        shop.view(f"v{n}", name="Tea" if price == 9.0 else f"Evil {price}", price=price)
    assert (shop.told().name, shop.told().price) == ("Tea", 9.0)


def test_a_new_price_is_learned_from_later_visitors(shop: Shop) -> None:
    for n in range(40):
        shop.view(f"v{n}", name="Tea", price=9.0)
    for n in range(40, 60):
        shop.view(f"v{n}", name="Tea", price=8.0)
    assert shop.told().price == 8.0


def test_the_sites_own_word_counts_at_once_and_alone(shop: Shop) -> None:
    shop.view("v", "site", name="Tea", price=9.0)
    for n in range(50):
        shop.view(f"x{n}", name="Evil", price=0.01, url="/evil")
    found = shop.told()
    assert (found.told, found.name, found.price, found.url) == (True, "Tea", 9.0, "")


def test_the_sites_hosts_are_where_most_visitors_are(shop: Shop) -> None:
    rows = [
        row(NOON + n, id=f"h{n}", profile=f"v{n}", sender=f"n{n}", url="https://Shop.example/x")
        for n in range(5)
    ]
    rows += [
        row(NOON + n, id=f"x{n}", profile=f"x{n}", sender="one", url="https://evil.example/")
        for n in range(500)
    ]
    shop.warehouse.append(rows, (), {})
    assert hosts(shop.warehouse, "default", 0) == {"shop.example"}


def test_a_catalogue_that_was_put_is_not_changed() -> None:
    catalogue = Catalogue(MemoryItems(), every=0.0)
    evil = Item(id="a", name="Evil", category="evil", price=0.01, url="/evil", image="/evil.png")
    catalogue.sync_from_events([evil, Item(id="old", name="Evil")])
    assert catalogue.get("a") == evil
    catalogue.put([Item(id="a", name="Tea")])
    assert catalogue.get("a") == Item(id="a", name="Tea"), "not even where the shop is silent"
    catalogue.sync_from_events(
        [evil, Item(id="b", name="Evil"), Item(id="c", name="ours", sent_by_site=True)]
    )
    assert catalogue.get("a") == Item(id="a", name="Tea")
    assert catalogue.get("b") is None
    assert catalogue.get("old") == Item(id="old"), "what pages said before is forgotten"
    assert catalogue.get("c") == Item(id="c", name="ours", sent_by_site=True)
    assert not {"told", "sent_by_site"} & catalogue.get("c").public().keys()
    catalogue.sync_from_events([Item(id="a", name="x", price=9.0, sent_by_site=True)])
    assert catalogue.get("a") == Item(id="a", name="Tea", price=9.0), "its own events fill it"


def test_what_nobody_agrees_on_any_more_is_forgotten() -> None:
    catalogue = Catalogue(MemoryItems(), every=0.0)
    catalogue.put_from_events([Item(id="a", name="Evil", url="//evil.example", price=0.01)])
    catalogue.sync_from_events([])
    assert catalogue.get("a") == Item(id="a")


def test_prices_that_vary_are_their_median(shop: Shop) -> None:
    for n, price in enumerate([8.0, 8.5, 9.0, 9.5, 1e9]):
        shop.view(f"v{n}", name="Tea", price=price)
    assert shop.told().price == 9.0


def test_a_price_in_another_currency_or_of_a_return_is_none_of_the_catalogue(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    values = {"type": "track", "sender": "site", "profile": "u:1", "product": "p1"}
    rows = [
        row(NOON, id="a", name="Order Completed", order="1", currency="EUR", price=9.0, **values),
        row(NOON + 1, id="b", name="Order Completed", order="2", currency="USD", price=99.0, **values),
        row(NOON + 2, id="c", name="Order Refunded", order="1", price=4.0, **values),
        row(NOON + 3, id="d", name="Product Viewed", currency="KRW", price=12_900.0, **values),
    ]
    warehouse.append(rows, (), {})
    found = products(warehouse, "default", "EUR")
    assert [(each.product, each.price) for each in found] == [("p1", 9.0)]
