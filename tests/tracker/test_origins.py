"""One rule for origins: what collection takes, the API lets the page read, and the other way round."""

from pathlib import Path

import msgspec
import pytest

from tracker.admission.gate import Gate
from tracker.admission.limits import Limiter, Rate
from tracker.admission.privacy import DailySalt
from tracker.event import Event
from tracker.metrics import Metrics
from tracker.origins import admitted
from tracker.protocols.rejected_event import Collected
from tracker.refusal import Refusal
from tracker.sites import Site, Sites
from web.http.cors import readable_by
from web.http.site_keys import Keys

EVENT = Event(site="default", id="e", type="page", ts=0, received=0, source="segment", visitor="v")


def collects(site: Site, origin: str) -> bool:
    gate = Gate(DailySalt(None, lambda: 0.0), Limiter(Rate()), Limiter(Rate()), Metrics())
    answer = gate.admit(Collected([EVENT]), {"HTTP_ORIGIN": origin}, lambda _: site)
    return not isinstance(answer, Refusal)


def reads(site: Site, origin: str, tmp_path: Path) -> bool:
    return "Access-Control-Allow-Origin" in readable_by(Keys(Sites(tmp_path / "none")), site, origin)


TABLE = [
    # entry, origin of the page, whether it belongs to the site
    ("https://shop.example", "https://shop.example", True),
    ("https://shop.example", "http://shop.example", False),
    ("https://shop.example/", "https://shop.example", True),
    ("https://shop.example", "https://shop.example/", True),
    ("HTTPS://Shop.Example", "https://shop.example", True),
    ("https://shop.example", "https://SHOP.example", True),
    ("https://shop.example:443", "https://shop.example", True),
    ("https://shop.example", "https://shop.example:443", True),
    ("http://shop.example:80", "http://shop.example", True),
    ("https://shop.example", "https://shop.example:8443", False),
    ("https://shop.example:80", "https://shop.example", False),
    ("http://localhost:8080", "http://localhost:8080", True),
    ("http://localhost:8080", "http://localhost:8081", False),
    ("shop.example", "https://shop.example", True),
    ("shop.example", "http://shop.example:8080", True),
    ("Shop.Example", "https://shop.example", True),
    ("shop.example:8080", "http://shop.example:8080", True),
    ("shop.example:8080", "http://shop.example", False),
    ("shop.example", "https://www.shop.example", False),
    ("shop.example", "https://shop.example.evil", False),
    ("shop.example", "https://evilshop.example", False),
    ("shop.example", "https://evil.example/shop.example", False),
    ("shop.example", "https://shop.example@evil.example", False),
    ("shop.example", "https://evil.example#shop.example", False),
    ("shop.example", "https://evil.example?shop.example", False),
    ("shop.example", "https://evil.example\\shop.example", False),
    ("shop.example", "shop.example", False),  # no browser says so
    ("https://한국.example", "https://xn--3e0b707e.example", True),
    ("한국.example", "https://xn--3e0b707e.example", True),
    ("https://straße.example", "https://xn--strae-oqa.example", True),
    ("https://BÜCHER.example", "https://xn--bcher-kva.example", True),
    ("https://bücher.example", "https://bucher.example", False),
    ("http://[::1]:8080", "http://[::1]:8080", True),
    ("http://[::1]:8080", "http://[::2]:8080", False),
    ("https://shop.example", "null", False),
    ("null", "null", False),
    ("*", "https://shop.example", False),
    ("https://*.shop.example", "https://www.shop.example", False),
    ("https://shop.example/path", "https://shop.example", False),
    ("https://shop.example", "https://shop.example:99999", False),
    ("https://shop.example", "https://[", False),
    ("https://shop.example", "https://", False),
    ("", "https://shop.example", False),
    ("capacitor://localhost", "capacitor://localhost", True),
    ("capacitor://localhost", "https://localhost", False),
]


@pytest.mark.parametrize(("entry", "origin", "belongs"), TABLE)
def test_collection_and_the_api_hold_the_same(
    entry: str, origin: str, belongs: bool, site: Site, tmp_path: Path
) -> None:
    bound = msgspec.structs.replace(site, origins=("https://other.example", entry))
    assert admitted(bound.origins, origin) is belongs
    assert collects(bound, origin) is belongs
    assert reads(bound, origin, tmp_path) is belongs


@pytest.mark.parametrize("origin", ["https://shop.example", "null", "https://["])
def test_a_site_without_origins_is_any_pages(origin: str, site: Site, tmp_path: Path) -> None:
    assert collects(site, origin) and reads(site, origin, tmp_path)
