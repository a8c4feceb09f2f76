"""The desk's blueprints: each page with the stores that it uses."""

from collections.abc import Iterator
from dataclasses import replace

from flask import Blueprint, Flask

from web.api.customers import Customers
from web.api.reports import ReportSources, reports_blueprint
from web.desk.access.password import PasswordPage
from web.desk.access.sign_in import SignInPages
from web.desk.access.users import UserPages
from web.desk.banners import register_banners
from web.desk.calls.calls import CallPages
from web.desk.calls.suggestions import CallOffers
from web.desk.campaigns.editor import CampaignEditor, CampaignPreview
from web.desk.campaigns.list import CampaignList
from web.desk.campaigns.result import CampaignResultPage
from web.desk.campaigns.segments import SegmentPages
from web.desk.channels import ChannelsPage
from web.desk.customers.card import CardPart, ScoreButton
from web.desk.customers.listing import CustomerListPage
from web.desk.customers.standing import CustomersPage
from web.desk.help import HelpPages
from web.desk.imports import ImportPages
from web.desk.models import ModelsPage, ModelTraining
from web.desk.pages import Pages
from web.desk.quality import QualityPage
from web.desk.reports.agents import AgentsPage
from web.desk.reports.associations import AssociationsPage
from web.desk.reports.attribution import AttributionPage
from web.desk.reports.engagement import EngagementPage
from web.desk.reports.funnel import FunnelPages
from web.desk.reports.funnel_parts import FunnelParts
from web.desk.reports.funnel_people import FunnelPeople
from web.desk.reports.goals import GoalPages
from web.desk.reports.live import LivePage
from web.desk.reports.overview import OverviewPage
from web.desk.reports.paths import PathsPage
from web.desk.reports.products import ProductsPage
from web.desk.reports.retention import RetentionPage
from web.desk.session import DeskSessions
from web.desk.setup import SetupPage
from web.desk.visitors.merge import MergePages
from web.desk.visitors.visitors import VisitorPages
from web.desk.waiting import CancelPages, register_waiting
from web.http.routes import blueprint_of
from web.http.static_files import StaticFiles, static_blueprint
from web.me.passes import PassSigner
from web.me.visitor_access import VisitorAccess
from web.people.merges import Merges
from web.stores import Stores, gates_of


def register_desk(app: Flask, stores: Stores, sources: ReportSources) -> None:
    reports = sources.people.reports
    register_waiting(app, reports.cache, stores.reports.cancellations)
    assets = StaticFiles()
    sessions = DeskSessions(stores.access.users, stores.access.secret)
    pages = Pages(stores.sites, assets, sessions, stores.clock, reports, stores.segments.store)
    pages.register(app)
    register_banners(app, stores.health, stores.models, stores.clock)
    app.register_blueprint(static_blueprint(assets))
    sign_in = SignInPages(pages, stores.access.sign_in_limit, stores.access.audit)
    app.register_blueprint(blueprint_of("sign_in", sign_in.routes()))
    report_api = reports_blueprint(sources, "desk_reports", "/desk/reports", pages.site)
    app.register_blueprint(pages.guard(report_api))
    for blueprint in (
        *_report_pages(pages, stores, sources),
        *_visitor_pages(pages, stores),
        *_campaign_pages(pages, stores, sources),
        *_site_pages(pages, stores),
    ):
        app.register_blueprint(blueprint)


def _report_pages(pages: Pages, stores: Stores, sources: ReportSources) -> Iterator[Blueprint]:
    cancel = CancelPages(pages, pages.reports.cache, stores.reports.cancellations)
    yield pages.blueprint("waiting", cancel.routes(), harmless=True)
    yield pages.blueprint("desk_overview", OverviewPage(pages).routes())
    yield pages.blueprint("desk_goals", GoalPages(pages, stores.reports.goals).routes())
    yield pages.blueprint("desk_live", LivePage(pages).routes())
    yield pages.blueprint("desk_funnel", FunnelPages(pages, stores.reports.funnels).routes())
    yield pages.blueprint("desk_people", FunnelPeople(pages, sources.people).routes())
    yield pages.blueprint("desk_funnel_parts", FunnelParts(pages).routes())
    yield pages.blueprint("desk_products", ProductsPage(pages, stores.models.shops).routes())
    yield pages.blueprint("desk_associations", AssociationsPage(pages, stores.models.shops).routes())
    yield pages.blueprint("desk_agents", AgentsPage(pages).routes())
    yield pages.blueprint("desk_engagement", EngagementPage(pages).routes())
    yield pages.blueprint("desk_paths", PathsPage(pages).routes())
    yield pages.blueprint("desk_attribution", AttributionPage(pages, stores.reports.goals).routes())
    yield pages.blueprint("desk_retention", RetentionPage(pages).routes())
    waiting = replace(pages.reports, patience=None)
    listed = Customers(waiting, "/desk/customers/list.csv", pages.site)
    yield pages.blueprint("desk_customer_file", listed.routes())
    runs = stores.reports.score_runs
    card = CardPart(pages, stores.reports.cards, runs)
    yield pages.blueprint("desk_customers", CustomersPage(pages, stores.reports.groups, card).routes())
    yield pages.blueprint("desk_score_card", card.routes())
    yield pages.blueprint("desk_score_now", ScoreButton(pages, runs).routes(), "marketer")
    yield pages.blueprint("desk_customer_list", CustomerListPage(pages).routes())


def _visitor_pages(pages: Pages, stores: Stores) -> Iterator[Blueprint]:
    profiles, warehouse, shops = stores.visitors.profiles, stores.reports.warehouse, stores.models.shops
    search = stores.visitors.search
    yield pages.blueprint(
        "desk_visitors", VisitorPages(pages, profiles, warehouse, shops, search, gates_of(stores)).routes()
    )
    yield pages.blueprint("desk_calls", _call_pages(pages, stores).routes())
    merges = Merges(profiles, stores.log, stores.clock)
    yield pages.blueprint("desk_merge", MergePages(pages, profiles, merges).routes())


def _call_pages(pages: Pages, stores: Stores) -> CallPages:
    campaigns, visitors = stores.campaigns, stores.visitors
    offers = CallOffers(campaigns.decider, campaigns.store, campaigns.signer, stores.log, stores.clock)
    return CallPages(
        pages=pages,
        profiles=visitors.profiles,
        search=visitors.search,
        warehouse=stores.reports.warehouse,
        offers=offers,
        log=stores.log,
        access=VisitorAccess(stores.sites, visitors.profiles, PassSigner(stores.access.secret), stores.clock),
        erase=visitors.erase,
        public_url=stores.settings.public_url,
    )


def _campaign_pages(pages: Pages, stores: Stores, sources: ReportSources) -> Iterator[Blueprint]:
    campaigns, audit, audiences = stores.campaigns.store, stores.access.audit, sources.audiences
    segments = SegmentPages(pages, stores.segments, campaigns, audiences)
    editor = CampaignEditor(pages, campaigns, audit, audiences, sources.plans)
    result = CampaignResultPage(pages, campaigns, sources.campaigns, audit)
    yield pages.blueprint("desk_segments", segments.routes())
    yield pages.blueprint("desk_campaigns", CampaignList(pages, campaigns, stores.campaigns.signer).routes())
    yield pages.blueprint("desk_campaign_editor", editor.routes())
    preview = CampaignPreview(pages, audiences, sources.plans)
    yield pages.blueprint("desk_campaign_preview", preview.routes(), harmless=True)
    yield pages.blueprint("desk_campaign_results", result.routes())
    yield pages.blueprint("desk_models", ModelsPage(pages, stores.models).routes())
    yield pages.blueprint("desk_training", ModelTraining(pages, stores.models).routes(), "admin")


def _site_pages(pages: Pages, stores: Stores) -> Iterator[Blueprint]:
    limit, audit = stores.access.sign_in_limit, stores.access.audit
    yield pages.blueprint("desk_quality", QualityPage(pages, stores.reports.losses, stores.clock).routes())
    channels = ChannelsPage(pages, stores.sites, pages.reports, stores.reports.classifications)
    yield pages.blueprint("desk_channels", channels.routes(), "marketer")
    yield ImportPages(pages, stores.imports).blueprint()
    yield pages.blueprint("desk_setup", SetupPage(pages, stores.settings.public_url).routes())
    yield pages.blueprint("desk_help", HelpPages(pages, stores.health.countries).routes())
    yield pages.blueprint("desk_users", UserPages(pages, audit).routes(), "admin")
    yield pages.blueprint("desk_password", PasswordPage(pages, limit, audit).routes(), harmless=True)
