"""The desk says when a backup would bring back people who were erased."""

from pathlib import Path

import pytest

from profiles.store.port import ProfilesUnavailable
from tests.support.machine import Clock
from tests.support.web_stage import stage_of
from tracker.sites import Site

pytestmark = pytest.mark.redis


def test_every_page_says_that_a_folder_with_backups_is_away(
    tmp_path: Path, redis_url: str, site: Site, clock: Clock
) -> None:
    stage = stage_of(tmp_path, redis_url, site, clock)

    def page(behind) -> str:
        return str(stage.with_health(backups_behind=behind).desk().get("/desk/setup").text)

    def away() -> bool:
        raise ProfilesUnavailable("away")

    assert "A folder with backups cannot be reached" in page(lambda: True)
    assert "A folder with backups" not in page(lambda: False)
    assert "A folder with backups" not in page(away)
