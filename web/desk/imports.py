"""Import the shop's files: upload, see what is in it, say which column is what, import, and get what was refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from zoneinfo import ZoneInfo, available_timezones

from flask import Blueprint, Response, redirect, request, send_file
from flask.typing import ResponseReturnValue

from web.desk.import_lines import KINDS, figures_of, problem_of
from web.desk.pages import Pages
from web.http.json_body import answer
from web.http.problem import Problem
from web.http.routes import Routes, get, post
from web.imports.job import RUNNING, ImportJob, Kind, ReadingOptions
from web.imports.jobs import LARGEST, ImportJobs, ImportRefused
from web.language import gettext as _

ENCODINGS = ("utf-8", "cp949", "cp1252", "utf-16")
DATES = ("dmy", "mdy", "ymd")
PART_BYTES = 512 << 10


@dataclass(frozen=True, slots=True)
class ColumnRow:
    """One column of the file in the form: ``field`` is what it is, "" for nothing."""

    number: int
    name: str
    samples: tuple[str, ...]
    field: str


@dataclass(frozen=True, slots=True)
class ImportPages:
    pages: Pages
    jobs: ImportJobs

    def blueprint(self) -> Blueprint:
        return self.pages.blueprint("desk_imports", self.routes(), "marketer")

    def routes(self) -> Routes:
        return (
            get("/desk/imports", self.listed),
            post("/desk/imports", self.upload),
            post("/desk/imports/begin", self.begin),
            get("/desk/imports/<job_id>", self.one),
            post("/desk/imports/<job_id>/part", self.part),
            post("/desk/imports/<job_id>/check", self.check),
            post("/desk/imports/<job_id>/run", self.run),
            post("/desk/imports/<job_id>/remove", self.remove),
            get("/desk/imports/<job_id>/rejects", self.rejects),
        )

    def listed(self) -> ResponseReturnValue:
        site = self.pages.site()
        view = {"jobs": self.jobs.all(site.id), "kinds": KINDS, "largest": LARGEST, "part": PART_BYTES}
        return self.pages.show("desk/imports/imports.html", "imports", site, **view)

    def upload(self) -> ResponseReturnValue:
        """A small file in one form, for browsers without scripts."""
        file = request.files.get("file")
        if file is None or not file.filename:
            raise Problem(400, _("Choose a file"))
        content = file.read()
        job = self._created(file.filename, len(content))
        job = self.jobs.append(job, 0, content)
        return self._started(job, ReadingOptions(), importing=False)

    def begin(self) -> Response:
        size = request.form.get("size", "")
        job = self._created(request.form.get("name", ""), int(size) if size.isdecimal() else 0)
        return answer({"id": job.id})

    def part(self, job_id: str) -> Response:
        at = request.args.get("at", "")
        try:
            job = self.jobs.append(
                self._job(job_id), int(at) if at.isdecimal() else 0, request.get_data(cache=False)
            )
        except ImportRefused as error:
            raise Problem(409, str(error)) from error
        return answer({"received": job.received})

    def one(self, job_id: str) -> ResponseReturnValue:
        site, job = self.pages.site(), self._job(job_id)
        view = {
            "job": job,
            "kind": KINDS[job.kind],
            "running": job.state in RUNNING,
            "ended": job.state in ("failed", "checked", "done"),
            "columns": _columns(job),
            "figures": figures_of(job),
            "problem": problem_of(job),
            "encodings": ENCODINGS,
            "orders": DATES,
            "zones": sorted(available_timezones()),
        }
        template = "desk/imports/progress.html" if "part" in request.args else "desk/imports/import.html"
        return self.pages.show(template, "imports", site, **view)

    def check(self, job_id: str) -> ResponseReturnValue:
        job = self._job(job_id)
        return self._started(job, _options(job, request.form), importing=False)

    def run(self, job_id: str) -> ResponseReturnValue:
        job = self._job(job_id)
        return self._started(job, _options(job, request.form), importing=True)

    def remove(self, job_id: str) -> ResponseReturnValue:
        try:
            self.jobs.remove(self._job(job_id))
        except ImportRefused as error:
            raise Problem(409, _("This import is still running")) from error
        return redirect("/desk/imports")

    def rejects(self, job_id: str) -> ResponseReturnValue:
        path = self.jobs.rejects(self._job(job_id))
        if not path.exists():
            raise Problem(404, _("No row was refused"))
        return send_file(path.absolute(), "text/csv", as_attachment=True, download_name="refused-rows.csv")

    def _job(self, job_id: str) -> ImportJob:
        job = self.jobs.get(self.pages.site().id, job_id)
        if job is None:
            raise Problem(404, _("There is no such import; it may have been removed"))
        return job

    def _created(self, name: str, size: int) -> ImportJob:
        kind = request.form.get("kind", "")
        if kind not in KINDS:
            raise Problem(400, _("Choose what the file holds"))
        try:
            user = self.pages.user().name
            return self.jobs.create(self.pages.site().id, cast(Kind, kind), name, size, user)
        except ImportRefused as error:
            raise Problem(413, _("A file has at most %(most)s MB", most=LARGEST >> 20)) from error

    def _started(self, job: ImportJob, options: ReadingOptions, *, importing: bool) -> ResponseReturnValue:
        try:
            self.jobs.start(job, options, importing=importing)
        except ImportRefused as error:
            text = _("This import cannot start now: another one is running, or the upload is not complete")
            raise Problem(409, text) from error
        return redirect(f"/desk/imports/{job.id}")


def _columns(job: ImportJob) -> tuple[ColumnRow, ...]:
    fields = {name: field for field, name in job.seen.columns.items()}
    names = job.seen.names
    return tuple(
        ColumnRow(at, name, tuple(row[at] for row in job.seen.samples if at < len(row)), fields.get(name, ""))
        for at, name in enumerate(names)
        if name and names.count(name) == 1
    )


def _options(job: ImportJob, given: Mapping[str, str]) -> ReadingOptions:
    """What the form says. Which column is what is said in full, as it is shown."""
    zone, dates = given.get("zone", ""), given.get("dates", "")
    if zone:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError) as error:
            raise Problem(400, _("There is no time zone of this name"), "zone") from error
    mapping = {}
    for row in _columns(job):
        field = given.get(f"column:{row.number}")
        if field is not None and (field == "" or field in job.seen.fields):
            mapping[row.name] = field
    encoding = given.get("encoding", "")
    return ReadingOptions(
        encoding=encoding if encoding in ENCODINGS else "",
        zone=zone,
        dates=dates if dates in DATES else "",
        mapping=mapping,
    )
