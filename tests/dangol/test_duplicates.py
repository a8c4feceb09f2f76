"""Accounts with the same e-mail become one where the site says so, by what the site itself names and nothing else."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from dangol.jobs.duplicates import Duplicates
from ingest.dead_letters import DeadLetters
from ingest.worker.worker import Bounds, Worker
from profiles.store.memory import MemoryProfiles
from tests.support.ingest_streams import event, records, simple_facts, sites_of
from tests.support.merge_events import acting, separated
from tracker.event import SITE
from tracker.log.memory import MemoryLog
from tracker.sites import Site
from warehouse.delta import Warehouse


class Shop:
    def __init__(self, folder: Path, site: Site) -> None:
        self.log, self.profiles = MemoryLog(), MemoryProfiles()
        self.path, self.folder, self.sites = str(folder / "warehouse"), folder, sites_of(folder, site)

    def count(self, *events: Any) -> None:
        self.log.append(records(events))
        worker = Worker(
            log=self.log,
            store=self.profiles,
            warehouse=Warehouse(self.path),
            sites=self.sites,
            facts=simple_facts,
            deadletters=DeadLetters(self.folder),
            bounds=Bounds(batch=100, poll_seconds=0.0, flush_seconds=1e9),
        )
        while worker.step():
            pass
        worker.flush()
        worker.close()

    def run(self, site: Site) -> int:
        events = Warehouse(self.path)
        try:
            merges = Duplicates(events, self.profiles, self.log).run(site)
        finally:
            events.engine.close()
        self.count()
        return merges

    def people(self) -> set[str]:
        return {each.id for each in self.profiles.people("default") if each.user}


def named(event_id: str, minutes: int, user: str, email: str, **fields: Any) -> Any:
    given = {"sender": SITE, "type": "identify", "traits": {"email": email}} | fields
    return event(event_id, minutes, fields.pop("visitor", None), user, **given)


@pytest.fixture
def shop(tmp_path: Path, site: Site) -> Shop:
    shop = Shop(tmp_path, site)
    shop.count(named("1", 0, "kim", "kim@shop.test"), named("2", 5, "kim2", " Kim@Shop.test"))
    return shop


def test_only_a_site_that_says_so_merges_by_email_and_once(shop: Shop, site: Site) -> None:
    assert shop.run(site) == 0
    assert shop.people() == {"u:kim", "u:kim2"}
    site = msgspec.structs.replace(site, merge_email=True)
    assert shop.run(site) == 1
    assert shop.people() == {"u:kim"}  # who was seen first stays
    assert shop.run(site) == 0
    shop.log.append([acting(separated("s", "kim2", "kim", 9))])
    shop.count()
    assert shop.people() == {"u:kim", "u:kim2"}
    assert shop.run(site) == 0  # what somebody has separated stays so


def test_what_a_browser_names_merges_nobody(shop: Shop, site: Site) -> None:
    """Also the proven customer's own: the address may be that of somebody else, whose data they would read."""
    site = msgspec.structs.replace(site, merge_email=True)
    shop.count(
        named("3", 6, "mallory", "kim@shop.test", sender="192.0.2.0"),
        named("4", 7, "eve", "kim@shop.test", sender="192.0.2.0", proven=False),
    )
    shop.run(site)
    assert shop.people() == {"u:kim", "u:mallory", "u:eve"}


def test_an_address_of_many_accounts_is_nobody_s(shop: Shop, site: Site) -> None:
    site = msgspec.structs.replace(site, merge_email=True)
    shop.count(*(named(f"n{number}", number, f"n{number}", "none@shop.test") for number in range(5)))
    assert shop.run(site) == 1
    assert len(shop.people()) == 6
