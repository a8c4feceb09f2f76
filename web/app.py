"""The Flask application: one blueprint per concern, every store handed in."""

from flask import Flask, redirect
from flask.typing import ResponseReturnValue
from werkzeug.middleware.proxy_fix import ProxyFix

from web.access.audit import register_audit
from web.access.security import register_security
from web.api.audiences import Audiences, audiences_blueprint
from web.api.campaigns import campaigns_blueprint
from web.api.health import health_blueprint, register_metrics
from web.api.items import items_blueprint
from web.api.keys import Keys
from web.api.metrics import Metrics
from web.api.models import models_blueprint
from web.api.profiles import profiles_blueprint
from web.api.reports import reports_blueprint
from web.api.segments import segments_blueprint
from web.assets import Assets, assets_blueprint
from web.desk.access.password import password_blueprint
from web.desk.access.sign_in import door_blueprint
from web.desk.access.users import users_blueprint
from web.desk.banners.backups import register_backup_alarm
from web.desk.banners.event_log import register_log_alarm
from web.desk.banners.ingest import register_ingest_alarm
from web.desk.banners.spool import register_spool_alarm
from web.desk.campaigns.editor import editor_blueprint, preview_blueprint
from web.desk.campaigns.list import campaigns_blueprint as desk_campaigns_blueprint
from web.desk.campaigns.result import results_blueprint
from web.desk.campaigns.segments import segments_blueprint as segment_pages
from web.desk.help import help_blueprint
from web.desk.models import models_blueprint as model_pages
from web.desk.models import training_blueprint
from web.desk.pages import Pages
from web.desk.reports.funnel import funnel_blueprint
from web.desk.reports.funnel_parts import funnel_parts_blueprint
from web.desk.reports.funnel_people import people_blueprint
from web.desk.reports.goals import goals_blueprint
from web.desk.reports.live import live_blueprint
from web.desk.reports.overview import overview_blueprint
from web.desk.reports.paths import paths_blueprint
from web.desk.reports.products import products_blueprint
from web.desk.reports.retention import retention_blueprint
from web.desk.session import Door
from web.desk.setup import setup_blueprint
from web.desk.visitors.visitors import visitors_blueprint
from web.desk.waiting import register_waiting, waiting_blueprint
from web.errors import register_errors
from web.gorse.routes import gorse_blueprint
from web.language import register_language
from web.me.page import me_blueprint
from web.me.passes import Passes
from web.openapi import openapi_blueprint
from web.personalize.decisions import DecisionLog
from web.personalize.fast_path import Shortcut
from web.personalize.personalizer import Personalizer, personalize_blueprint
from web.reports.cache import Kept
from web.reports.reports import Reports
from web.services import Services


def create_app(services: Services) -> Flask:
    """The web application on ``services``; as a WSGI callable it is safe for many threads. Its extension "shortcut"
    answers what need not go through Flask."""
    app = Flask(__name__, static_folder=None)
    app.secret_key = services.secret
    if services.trust_proxy:
        hops = int(services.trust_proxy)
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0)  # type: ignore[method-assign]
    metrics = Metrics()
    register_metrics(app, metrics)
    register_security(app)
    register_errors(app)
    register_language(app)
    register_audit(app, services.audit)
    reports = Reports(
        services.warehouse,
        services.profiles,
        Kept(services.clock, key=services.secret),
        Kept(services.clock, threads=1, key=services.secret),
        services.clock,
        services.patience_seconds,
    )
    register_waiting(app, reports.kept, services.stops)
    _register_api(app, services, metrics, reports)
    _register_desk(app, services, reports)

    @app.get("/")
    def root() -> ResponseReturnValue:
        return redirect("/desk")

    return app


def _register_api(app: Flask, services: Services, metrics: Metrics, reports: Reports) -> None:
    keys = Keys(services.sites)
    decisions = DecisionLog(services.log, services.decided, services.clock)
    app.extensions["decisions"] = decisions
    personalizer = Personalizer(services, metrics, decisions)
    app.register_blueprint(personalize_blueprint(personalizer, keys, services.personalize_seconds))
    seconds, proxies = services.personalize_seconds, services.trust_proxy
    app.extensions["shortcut"] = Shortcut(personalizer, keys, metrics, seconds, proxies)
    app.register_blueprint(items_blueprint(services, keys))
    app.register_blueprint(gorse_blueprint(services, keys))
    app.register_blueprint(models_blueprint(services, keys, metrics))
    app.register_blueprint(campaigns_blueprint(services, keys))
    app.register_blueprint(segments_blueprint(services, keys))
    app.register_blueprint(audiences_blueprint(keys, Audiences(services)))
    app.register_blueprint(profiles_blueprint(services, keys))
    app.register_blueprint(me_blueprint(services, keys, Passes(app.secret_key or b"")))
    app.register_blueprint(reports_blueprint(services, reports, "reports", "/v1/reports", keys.secret_key))
    app.register_blueprint(openapi_blueprint(services.public_url))
    app.register_blueprint(health_blueprint(services, keys, metrics))


def _register_desk(app: Flask, services: Services, reports: Reports) -> None:
    assets = Assets()
    door = Door(services.users, services.secret)
    pages = Pages(services.sites, assets, door, services.clock, reports, services.segments)
    pages.register(app)
    register_spool_alarm(app, services)
    register_log_alarm(app, services)
    register_ingest_alarm(app, services)
    register_backup_alarm(app, services)
    app.register_blueprint(assets_blueprint(assets))
    app.register_blueprint(door_blueprint(pages, services.guesses, services.audit))
    app.register_blueprint(
        pages.guard(reports_blueprint(services, reports, "desk_reports", "/desk/reports", pages.site))
    )
    app.register_blueprint(waiting_blueprint(pages, reports.kept, services.stops))
    app.register_blueprint(overview_blueprint(pages))
    app.register_blueprint(goals_blueprint(pages, services.goals))
    app.register_blueprint(live_blueprint(pages, services))
    app.register_blueprint(funnel_blueprint(pages, services.funnels))
    app.register_blueprint(people_blueprint(pages, services))
    app.register_blueprint(funnel_parts_blueprint(pages))
    app.register_blueprint(segment_pages(pages, services))
    app.register_blueprint(products_blueprint(pages, services))
    app.register_blueprint(visitors_blueprint(pages, services))
    app.register_blueprint(desk_campaigns_blueprint(pages, services))
    app.register_blueprint(editor_blueprint(pages, services, Audiences(services)))
    app.register_blueprint(preview_blueprint(pages, Audiences(services)))
    app.register_blueprint(results_blueprint(pages, services))
    app.register_blueprint(model_pages(pages, services))
    app.register_blueprint(training_blueprint(pages, services))
    app.register_blueprint(paths_blueprint(pages))
    app.register_blueprint(retention_blueprint(pages))
    app.register_blueprint(setup_blueprint(pages, services.public_url))
    app.register_blueprint(help_blueprint(pages, services.countries))
    app.register_blueprint(users_blueprint(pages, services.audit))
    app.register_blueprint(password_blueprint(pages, services.guesses, services.audit))
