"""The preference page: which messages somebody wants, by which channel and how often. A link of a message opens it
without a login, and nothing else of what is known; /me has the same form."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import redirect, request
from flask.typing import ResponseReturnValue

from messages.permission.suppression import SuppressionList
from profiles.model import Profile
from tracker.sites import Site
from web.http.problem import Problem
from web.http.routes import Routes, get, post
from web.me.message_wishes import MessageWishes, said_by, wishes_of
from web.me.rendering import render_me
from web.me.statements import Statements
from web.me.unsubscribe import LinkOwner
from web.me.visitor_access import VisitorAccess

PREFERENCES = "/me/preferences"
MESSAGES_TEXT = "messages-1"
"""The version of the form's texts: a change of what they say is a new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferencePage:
    """Shows and saves what somebody wants of messages."""

    owner: LinkOwner
    access: VisitorAccess
    suppressed: SuppressionList
    statements: Statements
    topics_of: Callable[[str], Sequence[str]]

    def routes(self) -> Routes:
        return (
            get(PREFERENCES, self.preferences),
            post(PREFERENCES, self.save_preferences),
            post("/me/messages", self.save_messages),
        )

    def wishes(self, site: Site, profile: Profile) -> MessageWishes:
        return wishes_of(profile, self.topics_of(site.id), self.statements.now())

    def preferences(self) -> ResponseReturnValue:
        token, site, profile, _ = self._linked(request.args.get("link", ""))
        saved = bool(request.args.get("saved"))
        wishes = self.wishes(site, profile)
        return render_me("me/preferences.html", site=site, token=token, wishes=wishes, saved=saved)

    def save_preferences(self) -> ResponseReturnValue:
        """The link itself says who: it was sent to the address, so that a yes here confirms it."""
        token, site, profile, digest = self._linked(request.form.get("link", ""))
        self._save(site, profile, PREFERENCES, digest)
        return redirect(f"preferences?link={token}&saved=1", 303)

    def save_messages(self) -> ResponseReturnValue:
        """The form of /me. A browser's cookie confirms no address."""
        site, profile = self.access.form_of()
        self._save(site, profile, "/me", "")
        return redirect_back("messages")

    def _save(self, site: Site, profile: Profile, source: str, digest: str) -> None:
        about = {"source": source, "textVersion": MESSAGES_TEXT}
        now = self.statements.now()
        said = list(said_by(request.form, profile, self.wishes(site, profile), now, about, digest))
        if said:
            self.statements.say(site, profile, *said)
        if digest and any(each.get("marketing") and each.get("address") == digest for each in said):
            self.suppressed.remove(site.id, digest, "unsubscribed")

    def _linked(self, token: str) -> tuple[str, Site, Profile, str]:
        link, site = self.owner.read(token)
        profile = self.owner.person(link)
        if profile is None:
            raise Problem(404, "Nothing is known of you any more")
        return token, site, profile, link.digest if link.channel == "email" else ""


def redirect_back(saved: str) -> ResponseReturnValue:
    """To /me again, so that reloading sends nothing twice."""
    query = {"saved": saved}
    for name in ("pass", "site"):
        if request.form.get(name):
            query[name] = request.form[name]
    return redirect(f"../me?{urlencode(query)}", 303)
