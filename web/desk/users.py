"""The access page, for administrators: who may sign in, and who changed what."""

from dataclasses import dataclass

from flask import Blueprint, Response

from web import formats
from web.audit import Audit
from web.desk.pages import Pages
from web.language import lazy_gettext as _l

CHANGES = 200
ROLE_NAMES = {"viewer": _l("Viewer"), "marketer": _l("Marketer"), "admin": _l("Administrator")}


@dataclass(frozen=True, slots=True)
class Change:
    when: str
    who: str
    site: str
    what: str
    detail: str


def users_blueprint(pages: Pages, audit: Audit) -> Blueprint:
    blueprint = Blueprint("desk_users", __name__)

    @blueprint.get("/desk/access")
    def access() -> Response:
        site = pages.site()
        mine = {each.id for each in pages.visible(pages.user())}
        changes = [
            Change(formats.when(entry.ts, site.zone), entry.who, entry.site, entry.what, entry.detail)
            for entry in audit.latest(CHANGES)
            if not entry.site or entry.site in mine
        ]
        users = sorted(pages.door.users.all().values(), key=lambda user: user.name)
        return pages.show("desk/access.html", "access", site, users=users, roles=ROLE_NAMES, changes=changes)

    return pages.guard(blueprint, "admin")
