"""The items inside of a message: recommended at the moment of sending, by what the installation's own stores hold."""

from pathlib import Path

import pytest

from dangol import compose
from dangol.compose.sending import recommended
from dangol.settings import Settings
from profiles.model import Profile
from recommender.catalogue.item import Item
from tracker.sites import Sites, new_site

pytestmark = pytest.mark.redis


def test_a_message_shows_what_can_be_had_with_what_the_catalogue_says(tmp_path: Path, redis_url: str) -> None:
    settings = Settings(data=str(tmp_path), profiles=redis_url, log=f"{redis_url}?stream=e")
    sites = Sites(settings.sites_file)
    sites.save(new_site("shop"))
    site = sites.all()["shop"]
    compose.catalogue(settings, "shop").put(
        [
            Item(id="tea", name="Green tea", category="tea", price=5.0, url="/tea", image="/tea.jpg"),
            Item(id="cup", name="Cup", category="cups", price=9.0),
            Item(id="gone", name="Gone", category="tea", price=1.0, available=False),
        ]
    )
    items = recommended(settings)
    ask = {"strategy": "popular", "limit": 5, "filter": {"category": "tea"}}
    (tea,) = items(site, Profile("u:kim", user="kim"), ask)
    assert (tea["id"], tea["name"], tea["price"], tea["currency"]) == ("tea", "Green tea", 5.0, site.currency)
    assert items(site, Profile("u:kim", user="kim"), {"strategy": "no such"}) == ()
