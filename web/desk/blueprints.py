"""The desk's blueprints: each page with the stores that it uses."""

from flask import Flask

from web.api.audiences import Audiences
from web.api.reports import reports_blueprint
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
from web.http.static_files import StaticFiles, static_blueprint
from web.reports.reports import Reports
from web.stores import Stores


def register_desk(app: Flask, stores: Stores, reports: Reports) -> None:
    register_waiting(app, reports.kept, stores.reports.cancellations)
    assets = StaticFiles()
    door = Door(stores.access.users, stores.access.secret)
    pages = Pages(stores.sites, assets, door, stores.clock, reports, stores.segments.store)
    pages.register(app)
    register_spool_alarm(app, stores)
    register_log_alarm(app, stores)
    register_ingest_alarm(app, stores)
    register_backup_alarm(app, stores)
    app.register_blueprint(static_blueprint(assets))
    app.register_blueprint(door_blueprint(pages, stores.access.sign_in_limit, stores.access.audit))
    app.register_blueprint(
        pages.guard(reports_blueprint(stores, reports, "desk_reports", "/desk/reports", pages.site))
    )
    app.register_blueprint(waiting_blueprint(pages, reports.kept, stores.reports.cancellations))
    app.register_blueprint(overview_blueprint(pages))
    app.register_blueprint(goals_blueprint(pages, stores.reports.goals))
    app.register_blueprint(live_blueprint(pages, stores))
    app.register_blueprint(funnel_blueprint(pages, stores.reports.funnels))
    app.register_blueprint(people_blueprint(pages, stores))
    app.register_blueprint(funnel_parts_blueprint(pages))
    app.register_blueprint(segment_pages(pages, stores))
    app.register_blueprint(products_blueprint(pages, stores))
    app.register_blueprint(visitors_blueprint(pages, stores))
    app.register_blueprint(desk_campaigns_blueprint(pages, stores))
    app.register_blueprint(editor_blueprint(pages, stores, Audiences(stores)))
    app.register_blueprint(preview_blueprint(pages, Audiences(stores)))
    app.register_blueprint(results_blueprint(pages, stores))
    app.register_blueprint(model_pages(pages, stores))
    app.register_blueprint(training_blueprint(pages, stores))
    app.register_blueprint(paths_blueprint(pages))
    app.register_blueprint(retention_blueprint(pages))
    app.register_blueprint(setup_blueprint(pages, stores.settings.public_url))
    app.register_blueprint(help_blueprint(pages, stores.health.countries))
    app.register_blueprint(users_blueprint(pages, stores.access.audit))
    app.register_blueprint(password_blueprint(pages, stores.access.sign_in_limit, stores.access.audit))
