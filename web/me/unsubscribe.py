"""Unsubscribing from messages: one click without a login (RFC 8058). A GET shows a page and changes nothing, since mail
scanners follow every link."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

from flask import request
from flask.typing import ResponseReturnValue

from messages.permission.links import LinkInvalid, LinkSigner, MessageLink
from messages.permission.suppression import SuppressionList
from profiles.consent.standing import marketing_answer
from profiles.model import Profile
from profiles.store.port import ProfileStore
from tracker.sites import Site, Sites
from web.access.audit import acting, concerning
from web.http.problem import Problem
from web.http.routes import Routes, get, post
from web.me.rendering import render_me
from web.me.statements import Said, Statements, told_event
from web.me.why_sent import WhySent, why_sent
from web.people.lookup import find

SOURCE = "/v1/unsubscribe"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOwner:
    """Finds the site and the person of a link in a message."""

    sites: Sites
    profiles: ProfileStore
    links: LinkSigner

    def read(self, token: str) -> tuple[MessageLink, Site]:
        """Raises Problem 404: an address that was never in a message."""
        try:
            link = self.links.read(token, "u")
        except LinkInvalid as error:
            raise Problem(404, "This link is not one of ours") from error
        self.sites.refresh(1.0)
        site = self.sites.get(link.site)
        if site is None:
            raise Problem(404, "There is no such site any more")
        return link, site

    def person(self, link: MessageLink) -> Profile | None:
        """None once the person was erased."""
        acting("the visitor", link.site)
        profile = find(self.profiles, link.site, link.profile)
        if profile is not None:
            concerning(profile.id)
        return profile


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsubscribePage:
    """Whoever has a message may end what it belongs to: the profile knows at once, and the event log."""

    owner: LinkOwner
    suppressed: SuppressionList
    statements: Statements
    campaign_name: Callable[[str, str], str]

    def routes(self) -> Routes:
        return (
            get("/v1/unsubscribe/<token>", self.unsubscribe_page),
            post("/v1/unsubscribe/<token>", self.unsubscribe),
        )

    def unsubscribe_page(self, token: str) -> ResponseReturnValue:
        link, site = self.owner.read(token)
        return self._shown(token, link, site, self.owner.person(link), "")

    def unsubscribe(self, token: str) -> ResponseReturnValue:
        """From the topic of the message, where it had one; else, or with ``all``, from everything."""
        link, site = self.owner.read(token)
        profile = self.owner.person(link)
        everything = bool(request.form.get("all")) or not link.topic
        if everything:
            # First what outlives the profile, so that a crash in between still stops the messages.
            self.suppressed.add(site.id, link.digest, "unsubscribed", self.statements.now())
        if profile is not None:
            self._refuse(site, profile, link, everything)
            profile = self.owner.person(link)
        return self._shown(token, link, site, profile, "all" if everything else "topic")

    def _refuse(self, site: Site, profile: Profile, link: MessageLink, everything: bool) -> None:
        """A link that is used again changes nothing, so that nobody fills the record of consent with it."""
        channel, topic = ("", "") if everything else (link.channel, link.topic)
        known = marketing_answer(profile, channel, topic)
        newer = [one for one in profile.consents if one.given and one.purpose == "marketing"]
        if (
            known is not None
            and not known.given
            and (not everything or all(one.given_at <= known.given_at for one in newer))
        ):
            return
        said: Said = {"marketing": False, "channel": channel, "topic": topic, "source": SOURCE}
        said = {**said, "jurisdiction": profile.country}
        props = {"channel": link.channel, "topic": topic, "campaign": link.campaign, "token": link.token}
        now = self.statements.now()
        name = blake2b(f"{link.token}{link.at}{profile.id}{channel}{topic}{now}".encode(), digest_size=16)
        told = told_event(site, profile, "Unsubscribed", props, now, f"unsubscribed-{name.hexdigest()}")
        self.statements.say(site, profile, said, told=[told])

    def _shown(
        self, token: str, link: MessageLink, site: Site, profile: Profile | None, done: str
    ) -> ResponseReturnValue:
        why: WhySent | None = None
        if profile is not None:
            why = why_sent(profile, link, self.campaign_name(site.id, link.campaign), site)
        return render_me("me/unsubscribe.html", site=site, token=token, link=link, why=why, done=done)
