"""The Flask application: one blueprint for each API resource and each page, with the stores that it uses."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from flask import Blueprint, Flask, redirect
from flask.typing import ResponseReturnValue
from werkzeug.middleware.proxy_fix import ProxyFix

from messages.email.answers import MailAnswers
from offers.segments.views import Views
from web.access.audit import register_audit
from web.access.security import register_security
from web.api.audiences import AudiencePreview
from web.api.campaigns import Campaigns
from web.api.contacts import Contacts
from web.api.costs import Costs
from web.api.coupons import CouponPools
from web.api.customers import Customers
from web.api.health import HealthPages, add_gauges, register_metrics
from web.api.items import Items
from web.api.models import Models, Trainings
from web.api.profiles import Profiles
from web.api.reports import ReportSources, reports_blueprint
from web.api.scores import Scores
from web.api.segments import Segments
from web.api.why import WhyNotApi
from web.campaigns.plan import CampaignPlans
from web.desk.blueprints import register_desk
from web.gorse.routes import gorse_blueprint
from web.gorse.site import GorseSite
from web.http.error_handlers import register_errors
from web.http.metrics import Metrics
from web.http.routes import ItemIds, blueprint_of
from web.http.site_keys import Keys
from web.language import register_language
from web.me.pages import VisitorLink, VisitorPage, me_blueprint
from web.me.passes import PassSigner
from web.me.preferences import PreferencePage
from web.me.sign_up import SignUpForm
from web.me.statements import Statements
from web.me.topics import campaign_name, topics_of
from web.me.unsubscribe import LinkOwner, UnsubscribePage
from web.me.visitor_access import VisitorAccess
from web.messages.mail_answers import MailPages
from web.openapi.description import openapi_blueprint
from web.people.audience_preview import Audiences
from web.people.merges import Merges
from web.personalize.decision_log import DecisionLog
from web.personalize.fast_path import FastPath
from web.personalize.missed import MissedOffers
from web.personalize.personalizer import Personalizer
from web.personalize.routes import personalize_blueprint
from web.reports.cache import ReportCache
from web.reports.campaign_result import CampaignResults
from web.reports.people import PeopleTables
from web.reports.reports import Reports
from web.stores import Stores, gates_of


@dataclass(frozen=True, slots=True)
class WebApplication:
    """``flask`` is a WSGI application, safe for many threads. ``fast_path`` answers requests that need not go through
    Flask. ``close`` writes what waits when the process ends."""

    flask: Flask
    fast_path: FastPath
    close: Callable[[], None]


def create_app(stores: Stores) -> WebApplication:
    app = _flask(stores)
    metrics, keys = Metrics(), Keys(stores.sites)
    register_metrics(app, metrics)
    register_security(app)
    register_errors(app)
    register_language(app)
    register_audit(app, stores.access.audit)
    decisions = DecisionLog(stores.log, stores.campaigns.decided, stores.clock)
    profiles, decider, shops = stores.visitors.profiles, stores.campaigns.decider, stores.models.shops
    personalizer = Personalizer(profiles, decider, shops, decisions, metrics)
    sources = _report_sources(stores)
    _register_api(app, stores, keys, metrics, sources, personalizer)
    register_desk(app, stores, sources)
    settings = stores.settings
    fast_path = FastPath(personalizer, keys, metrics, settings.personalize_seconds, settings.trust_proxy)
    return WebApplication(app, fast_path, decisions.close)


def _flask(stores: Stores) -> Flask:
    app = Flask(__name__, static_folder=None)
    app.url_map.converters["id"] = ItemIds
    app.secret_key = stores.access.secret
    if hops := int(stores.settings.trust_proxy):
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0)  # type: ignore[method-assign]
    app.add_url_rule("/", "root", _to_desk)
    return app


def _to_desk() -> ResponseReturnValue:
    return redirect("/desk")


def _reports(stores: Stores) -> Reports:
    secret, clock = stores.access.secret, stores.clock
    return Reports(
        stores.reports.warehouse,
        stores.visitors.profiles,
        ReportCache(clock, key=secret),
        ReportCache(clock, threads=1, key=secret),
        clock,
        stores.reports.costs,
        Views(stores.segments.store, clock),
        stores.reports.patience_seconds,
    )


def _report_sources(stores: Stores) -> ReportSources:
    warehouse, profiles, clock = stores.reports.warehouse, stores.visitors.profiles, stores.clock
    segments, campaigns = stores.segments.store, stores.campaigns
    views, reports = Views(segments, clock), _reports(stores)
    return ReportSources(
        people=PeopleTables(reports, segments, stores.segments.sizes, stores.visitors.search),
        plans=CampaignPlans(reports, campaigns.store, campaigns.decider),
        campaigns=CampaignResults(
            warehouse=warehouse,
            profiles=profiles,
            segments=segments,
            views=views,
            campaigns=campaigns.store,
            decider=campaigns.decider,
            decided=campaigns.decided,
            arms=campaigns.arms,
            signer=campaigns.signer,
            coupons=campaigns.coupons,
            clock=clock,
        ),
        audiences=Audiences(profiles, views),
        shops=stores.models.shops,
        losses=stores.reports.losses,
    )


def _me_blueprint(stores: Stores, keys: Keys) -> Blueprint:
    passes = PassSigner(stores.access.secret)
    access = VisitorAccess(stores.sites, stores.visitors.profiles, passes, stores.clock)
    statements = Statements(profiles=stores.visitors.profiles, log=stores.log, clock=stores.clock)
    owner = LinkOwner(sites=stores.sites, profiles=stores.visitors.profiles, links=stores.messages.links)
    preferences = PreferencePage(
        owner=owner,
        access=access,
        suppressed=stores.messages.suppressed,
        statements=statements,
        topics_of=partial(topics_of, stores.campaigns.store, stores.sites),
    )
    page = VisitorPage(
        access=access,
        profiles=stores.visitors.profiles,
        erase_person=stores.visitors.erase,
        segments=stores.segments.store,
        shops=stores.models.shops,
        statements=statements,
        preferences=preferences,
    )
    unsubscribe = UnsubscribePage(
        owner=owner,
        suppressed=stores.messages.suppressed,
        statements=statements,
        campaign_name=partial(campaign_name, stores.campaigns.store),
    )
    sign_up = SignUpForm(
        keys=keys,
        sites=stores.sites,
        profiles=stores.visitors.profiles,
        addresses=stores.messages.addresses,
        suppressed=stores.messages.suppressed,
        links=stores.messages.links,
        signer=stores.campaigns.signer,
        statements=statements,
        public_url=stores.settings.public_url,
        bucket=stores.access.bucket,
    )
    link = VisitorLink(page, keys, stores.settings.public_url)
    return me_blueprint(page, link, unsubscribe, sign_up, stores.access.bucket)


def _mail_answers(stores: Stores) -> MailAnswers:
    return MailAnswers(
        marks=stores.messages.marks,
        suppressed=stores.messages.suppressed,
        profiles=stores.visitors.profiles,
        log=stores.log,
        sites=stores.sites,
        clock=stores.clock,
    )


def _register_api(
    app: Flask,
    stores: Stores,
    keys: Keys,
    metrics: Metrics,
    sources: ReportSources,
    personalizer: Personalizer,
) -> None:
    profiles, segments, clock = stores.visitors.profiles, stores.segments, stores.clock
    shops, runs, erase = stores.models.shops, stores.models.runs, stores.visitors.erase
    metrics.registry.register(Trainings(stores.sites, runs))
    add_gauges(metrics, stores.health, lambda: float(stores.log.lag(stores.health.ingest_group)))
    checks = {
        "log": stores.log.ping,
        "profiles": lambda: profiles.find("", "readyz"),
        "warehouse": stores.reports.warehouse.ping,
    }
    health = HealthPages(checks, stores.health, metrics, keys, stores.settings.trust_proxy)
    seconds = stores.settings.personalize_seconds
    missed = MissedOffers(stores.sites, profiles, stores.campaigns.decider, stores.campaigns.signer, clock)
    gorse = GorseSite(
        keys=keys,
        shops=shops,
        profiles=profiles,
        erase_person=stores.visitors.erase,
        log=stores.log,
        clock=clock,
    )
    waiting = replace(sources.people.reports, patience=None)
    for blueprint in (
        personalize_blueprint(personalizer, keys, seconds),
        blueprint_of("personalize_missed", missed.routes()),
        blueprint_of("why", WhyNotApi(profiles, gates_of(stores), keys).routes()),
        blueprint_of("items", Items(shops, keys).routes()),
        gorse_blueprint(gorse),
        blueprint_of("models", Models(shops, runs, keys).routes()),
        blueprint_of("campaigns", Campaigns(stores.campaigns.store, sources.plans, keys, clock).routes()),
        blueprint_of("costs", Costs(stores.reports.costs, keys, clock).routes()),
        blueprint_of("scores", Scores(stores.reports.cards, stores.reports.score_runs, keys).routes()),
        blueprint_of("customers", Customers(waiting, "/v1/customers", keys.secret_key).routes()),
        blueprint_of("coupons", CouponPools(stores.campaigns.coupons, keys).routes()),
        blueprint_of("segments", Segments(segments.store, segments.progress, keys).routes()),
        blueprint_of("audiences", AudiencePreview(sources.audiences, keys).routes()),
        blueprint_of("contacts", Contacts(stores.log, keys, clock).routes()),
        blueprint_of(
            "profiles",
            Profiles(
                profiles, erase, keys, Merges(profiles, stores.log, clock), Views(segments.store, clock)
            ).routes(),
        ),
        _me_blueprint(stores, keys),
        blueprint_of("mail", MailPages(_mail_answers(stores), keys, stores.access.bucket).routes()),
        reports_blueprint(sources, "reports", "/v1/reports", keys.secret_key),
        openapi_blueprint(stores.settings.public_url),
        blueprint_of("health", health.routes()),
    ):
        app.register_blueprint(blueprint)
