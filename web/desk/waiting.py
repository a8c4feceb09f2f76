"""What a page shows while its report is being counted, and how to stop that."""

from urllib.parse import urlencode

from flask import Blueprint, Flask, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from warehouse.running_query import Cancelled
from web.desk.pages import Pages
from web.desk.session import local_path
from web.reports.cache import ReportCache, StillCounting
from web.reports.cancellation import Cancellation, Cancellations

AGAIN_SECONDS = 1


def waiting_blueprint(pages: Pages, kept: ReportCache, stops: Cancellations) -> Blueprint:
    blueprint = Blueprint("waiting", __name__)

    @blueprint.post("/desk/cancel")
    def cancel() -> ResponseReturnValue:
        stop = Cancellation(request.form.get("job", ""), pages.clock())
        kept.stop(stop)
        stops.say(stop)
        return redirect(f"/desk/stopped?{urlencode({'again': local_path(request.form.get('again', ''))})}")

    @blueprint.get("/desk/stopped")
    def stopped() -> str:
        return render_template("desk/stopped.html", again=local_path(request.args.get("again", "")))

    return pages.guard(blueprint, harmless=True)


def register_waiting(app: Flask, kept: ReportCache, stops: Cancellations) -> None:
    """Pages whose report takes long say so and ask again by themselves; the count goes on meanwhile."""

    @app.errorhandler(StillCounting)
    def working(state: StillCounting) -> Response:
        stops.hear(kept.stop)  # the form below may be sent to another process
        page = render_template(
            "desk/waiting.html",
            job=state.job.id,
            seconds=round(kept.running(state.job)),
            progress=state.job.query.progress(),
            again=request.full_path.rstrip("?"),
        )
        return Response(page, 200, {"Refresh": str(AGAIN_SECONDS)}, content_type="text/html; charset=utf-8")

    @app.errorhandler(Cancelled)
    def cancelled(_state: Cancelled) -> ResponseReturnValue:
        """Another who waited for the same count."""
        return redirect(f"/desk/stopped?{urlencode({'again': local_path(request.full_path.rstrip('?'))})}")
