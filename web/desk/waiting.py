"""What a page shows while its report is being counted, and how to stop that."""

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Flask, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from warehouse.running_query import Cancelled
from web.desk.pages import Pages
from web.desk.session import local_path
from web.http.routes import Routes, get, post
from web.reports.cache import ReportCache, StillCounting
from web.reports.cancellation import Cancellation, Cancellations

AGAIN_SECONDS = 1


@dataclass(frozen=True, slots=True)
class CancelPages:
    pages: Pages
    cache: ReportCache
    cancellations: Cancellations

    def routes(self) -> Routes:
        return (
            post("/desk/cancel", self.cancel),
            get("/desk/stopped", self.stopped),
        )

    def cancel(self) -> ResponseReturnValue:
        stop = Cancellation(request.form.get("job", ""), self.pages.clock())
        self.cache.stop(stop)
        self.cancellations.say(stop)
        return redirect(f"/desk/stopped?{urlencode({'again': local_path(request.form.get('again', ''))})}")

    def stopped(self) -> str:
        return render_template("desk/stopped.html", again=local_path(request.args.get("again", "")))


def register_waiting(app: Flask, cache: ReportCache, cancellations: Cancellations) -> None:
    """Pages whose report takes long say so and ask again by themselves; the count goes on meanwhile."""

    @app.errorhandler(StillCounting)
    def working(state: StillCounting) -> Response:
        cancellations.hear(cache.stop)  # the form below may be sent to another process
        page = render_template(
            "desk/waiting.html",
            job=state.job.id,
            seconds=round(cache.running(state.job)),
            progress=state.job.query.progress(),
            again=request.full_path.rstrip("?"),
        )
        return Response(page, 200, {"Refresh": str(AGAIN_SECONDS)}, content_type="text/html; charset=utf-8")

    @app.errorhandler(Cancelled)
    def cancelled(_state: Cancelled) -> ResponseReturnValue:
        """Another who waited for the same count."""
        return redirect(f"/desk/stopped?{urlencode({'again': local_path(request.full_path.rstrip('?'))})}")
