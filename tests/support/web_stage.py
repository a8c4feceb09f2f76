"""The web application on real stores, for the tests of web/: Redis, a warehouse folder, a memory log."""

import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import redis
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient

from customers.groups.store import GroupStore
from customers.scoring.card_store import CardStore
from customers.scoring.runs import ScoreRuns
from dangol.history.erasure import Erasure
from ingest.dead_letters import DeadLetters
from ingest.rebuild.classification_runs import ClassificationRuns
from messages.email.marks import MailMarks
from messages.permission.addresses import AddressDigests
from messages.permission.kept_key import KeptKey
from messages.permission.links import LinkSigner
from messages.permission.suppression import SuppressionList
from offers.bandit.arm_store import ArmStore
from offers.campaign.store import CampaignStore
from offers.coupons.pool import CouponStore
from offers.decision.caps import CapStore
from offers.decision.decider import Decider
from offers.decision.decision_counts import DecisionCountStore
from offers.feedback.token import TokenSigner
from offers.segments.membership import Membership, ProgressStore
from offers.segments.store import SegmentStore
from profiles.erasures import RedisErased
from profiles.losses import LossStore
from profiles.redis.store import RedisProfiles
from profiles.search.search import PersonSearch
from profiles.store.port import ProfileStore
from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.redis import RedisItems
from recommender.feeds.status import FeedRecords
from recommender.jobs.runs import TrainingRuns
from recommender.model.registry import ModelRegistry
from recommender.serving.recommender import Recommender
from tests.support import described
from tracker.log.memory import MemoryLog
from tracker.log.port import EventLog
from tracker.redis_connection import connect
from tracker.sites import Site, Sites
from warehouse.attribution.cost_store import RedisCosts
from warehouse.delta import Warehouse
from web.access.audit import Audit
from web.access.passwords import Passwords
from web.access.sign_in_limit import RedisSignInLimit
from web.access.users import Users
from web.app import WebApplication, create_app
from web.imports.jobs import ImportJobs
from web.people.segment_sizes import SegmentSizes
from web.reports.cancellation import Cancellations
from web.reports.saved_queries import SavedStore
from web.stores import (
    AccessStores,
    CampaignStores,
    Health,
    MessageStores,
    ModelStores,
    ReportStores,
    SegmentStores,
    Shop,
    Stores,
    VisitorStores,
    WebSettings,
)

PASSWORD = "a long password"
SECRET = b"a signing key for tests, long enough"


def csrf_of(page: str) -> str:
    """The token in the forms of a page."""
    return re.findall(r'name="csrf" value="([^"]+)"', page)[0]


class Described(FlaskClient):
    """Holds every answer of the API to its description."""

    def open(self, *args: Any, **options: Any) -> Any:
        response = super().open(*args, **options)
        asked = response.request
        sent = asked.environ["wsgi.input"]
        sent.seek(0)
        described.check(
            asked.method,
            asked.path,
            asked.query_string.decode(),
            sent.read(),
            response.status_code,
            response.headers,
            response.get_data(),
        )
        return response


@dataclass
class Stage:
    """One installation with one site, and the clients that tests speak to it with."""

    web: WebApplication
    stores: Stores
    site: Site
    erasure: Erasure

    @classmethod
    def on(cls, stores: Stores, site: Site, erasure: Erasure) -> "Stage":
        web = create_app(stores)
        _open.append(web)
        web.flask.test_client_class = Described
        return cls(web, stores, site, erasure)

    def with_health(self, **told: Any) -> "Stage":
        """The same installation, whose ``Health`` says this."""
        health: Health = replace(self.stores.health, **told)
        return Stage.on(replace(self.stores, health=health), self.site, self.erasure)

    @property
    def app(self) -> Flask:
        return self.web.flask

    @property
    def profiles(self) -> ProfileStore:
        return self.stores.visitors.profiles

    @property
    def campaigns(self) -> CampaignStore:
        return self.stores.campaigns.store

    @property
    def warehouse(self) -> Warehouse:
        return self.stores.reports.warehouse

    @property
    def users(self) -> Users:
        return self.stores.access.users

    @property
    def audit(self) -> Audit:
        return self.stores.access.audit

    def evaluate_segments(self, clock: Callable[[], float] = time.time) -> None:
        """Every visitor anew, as the schedule does."""
        segments = self.stores.segments
        Membership(segments.store, segments.progress, self.profiles, clock=clock).run(self.site)

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    def call(self, method: str, path: str, key: str | None = "sk_test", **options: Any) -> Any:
        headers = {**({"Authorization": f"Bearer {key}"} if key else {}), **options.pop("headers", {})}
        return self.client.open(path, method=method, headers=headers, **options)

    def desk(self, user: str = "admin") -> FlaskClient:
        """A client that is signed in, in English."""
        client = self.app.test_client()
        token = csrf_of(client.get("/desk/login").text)
        form = {"user": user, "password": PASSWORD, "csrf": token}
        assert client.post("/desk/login", data=form).status_code == 302
        return client


def quick_passwords() -> Passwords:
    """Tests need not wait for strong digests."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


_open: list[WebApplication] = []


def close_stages() -> None:
    """Write the counts that still wait: a thread would write them later, into the next test's Redis."""
    while _open:
        _open.pop().close()


def stage_of(
    folder: Path,
    redis_url: str,
    site: Site,
    clock: Callable[[], float],
    personalize_seconds: float = 30.0,  # a busy machine must not change an answer
    patience_seconds: float = 60.0,
    global_holdout: float = 0.0,
    log: EventLog | None = None,
) -> Stage:
    sites = Sites(folder / "sites.json")
    sites.save(site)
    users = Users(folder / "users.json", quick_passwords())
    users.put("admin", PASSWORD, "admin")
    client = redis.Redis.from_url(redis_url)
    shops: dict[str, Shop] = {}

    def shop(site_id: str) -> Shop:
        if site_id not in shops:
            catalogue = Catalogue(RedisItems(client, site_id), every=0.0)
            registry = ModelRegistry(folder / "models", site_id)
            shops[site_id] = Shop(catalogue, Recommender(registry, catalogue, clock=clock), registry)
        return shops[site_id]

    caps, signer = CapStore(redis_url, timeout=10), TokenSigner(SECRET)  # again: a busy machine
    campaigns, segments, arms = CampaignStore(redis_url), SegmentStore(redis_url), ArmStore(redis_url)
    store, warehouse = RedisProfiles(redis_url), Warehouse(str(folder / "warehouse"))
    erased, coupons = RedisErased(store.client), CouponStore(redis_url, timeout=10, clock=clock)
    erasure = Erasure(store, erased, caps, coupons, warehouse, DeadLetters(folder), settle_seconds=0.0)
    stores = Stores(
        sites=sites,
        log=log or MemoryLog(),
        visitors=VisitorStores(
            profiles=store,
            search=PersonSearch(store.index, store),
            erase=lambda site_id, who: (asked := erasure.ask(site_id, who)) and asked.ids,
        ),
        segments=SegmentStores(
            store=segments, sizes=SegmentSizes(redis_url), progress=ProgressStore(redis_url)
        ),
        campaigns=CampaignStores(
            store=campaigns,
            decider=Decider(
                campaigns,
                caps,
                signer,
                arms=arms,
                segments=segments,
                coupons=coupons,
                global_holdout=global_holdout,
                clock=clock,
            ),
            decided=DecisionCountStore(redis_url, timeout=10, clock=clock),
            arms=arms,
            signer=signer,
            coupons=coupons,
        ),
        messages=MessageStores(
            addresses=AddressDigests(key := KeptKey(redis_url, timeout=10)),
            suppressed=SuppressionList(redis_url, timeout=10),
            links=LinkSigner(key),
            marks=MailMarks(key),
        ),
        models=ModelStores(shops=shop, runs=TrainingRuns(client, clock), feeds=FeedRecords(client)),
        reports=ReportStores(
            warehouse=warehouse,
            funnels=SavedStore(redis_url, "funnels"),
            goals=SavedStore(redis_url, "goals"),
            cancellations=Cancellations(redis_url, timeout=10),
            losses=LossStore(connect(redis_url, 10)),
            costs=RedisCosts(redis_url, timeout=10),
            cards=CardStore(redis_url, timeout=10),
            score_runs=ScoreRuns(connect(redis_url, 10.0), lambda: True),
            groups=GroupStore(redis_url, timeout=10),
            classifications=ClassificationRuns(connect(redis_url, 10.0), clock),
            patience_seconds=patience_seconds,
        ),
        access=AccessStores(
            users=users,
            sign_in_limit=RedisSignInLimit(redis_url, clock, timeout=10),
            audit=Audit(folder / "audit.jsonl", clock),
            secret=SECRET,
        ),
        imports=ImportJobs(
            folder / "imports",
            lambda words: (sys.executable, "-m", "dangol", *words),
            folder / "import-mappings.json",
            {"DANGOL_DATA": str(folder)},
        ),
        settings=WebSettings(public_url="http://127.0.0.1:8000", personalize_seconds=personalize_seconds),
        clock=clock,
    )
    return Stage.on(stores, site, erasure)
