"""Signing up for messages: the form of a page asks, a link in a mail confirms (double opt-in), and the proof is kept.

POST /v1/subscribe takes the public write key, so anybody can name anybody's address. It sends one mail of class service
to it, seldom, and changes nothing else: only who reads that mail can confirm, by a button, since scanners follow links.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from flask import Response, g, request
from flask.typing import ResponseReturnValue
from msgspec import Meta

from messages.permission.addresses import CONFIRMATION, AddressDigests, address_of, is_email, normalized
from messages.permission.links import LinkInvalid, LinkSigner, MessageLink
from messages.permission.suppression import SuppressionList
from offers.feedback.token import TokenInvalid, TokenSigner
from profiles.consent.standing import marketing_answer
from profiles.fold.claims import learn_trait
from profiles.model import Profile
from profiles.store.port import ProfileStore
from tracker.admission.placeholder_ids import placeholder
from tracker.durations import DAY_MS, MINUTE_MS
from tracker.event import Event
from tracker.http.address import attempts_key
from tracker.sites import Site, Sites
from web.access.audit import acting, concerning
from web.http.cors import preflight
from web.http.json_body import answer, body
from web.http.problem import Problem
from web.http.routes import Route, Routes, get, post
from web.http.site_keys import Keys
from web.me.rendering import render_me
from web.me.statements import Statements, site_event, told_event
from web.people.lookup import find

BODY_BYTES = 8_000
LINK_MS = 30 * DAY_MS
CALLER_RATE, CALLER_BURST = 0.1, 10.0
"""Sign-ups from one network."""
CONFIRMED, BACK = "Subscription Confirmed", "Back In Stock Requested"

Word = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]


class SignUp(msgspec.Struct, frozen=True, rename={"text_version": "textVersion"}):
    """What the form sends. ``text`` is what the person agreed to, as it stood there, and ``text_version`` its name.
    ``page`` is where. Without topics it is for all messages. ``item``: tell them when it is back. ``night``: also at
    night, null where that was not asked. ``token``: of the offer whose form it was; with it no key is needed."""

    visitor: Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")]
    email: Annotated[str, Meta(min_length=3, max_length=254)]
    text_version: Word
    text: Annotated[str, Meta(max_length=2_000)] = ""
    page: Annotated[str, Meta(max_length=4_000)] = ""
    topics: Annotated[tuple[Word, ...], Meta(max_length=20)] = ()
    item: Annotated[str, Meta(max_length=100)] = ""
    night: bool | None = None
    token: Annotated[str, Meta(max_length=1_000)] = ""


class SignedUp(msgspec.Struct, frozen=True):
    """``next``: a mail with a link is on its way, unless the address had several today. It says no more, so that
    nobody learns who is known here."""

    next: str = "confirm"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUpForm:
    """Takes sign-ups and confirms them."""

    keys: Keys
    sites: Sites
    profiles: ProfileStore
    addresses: AddressDigests
    suppressed: SuppressionList
    links: LinkSigner
    signer: TokenSigner
    statements: Statements
    public_url: str
    bucket: Callable[[str, float, float, float], float]

    def routes(self) -> Routes:
        return (
            Route(("OPTIONS",), "/v1/subscribe", self.preflight),
            post("/v1/subscribe", self.sign_up),
            get("/v1/confirm/<token>", self.confirm_page),
            post("/v1/confirm/<token>", self.confirm),
        )

    def preflight(self) -> Response:
        return preflight(self.keys, "POST")

    def sign_up(self) -> Response:
        told = body(SignUp, BODY_BYTES)
        g.site = site = self._site(told)
        email = normalized("email", told.email)
        if not is_email(email):
            raise Problem(400, "This is no e-mail address", "email")
        if placeholder(told.visitor):
            raise Problem(400, "This is no visitor's id", "visitor")
        network = attempts_key(request.remote_addr or "")
        if self.bucket(f"signup:{site.id}:{network}", 1.0, CALLER_RATE, CALLER_BURST) < 1.0:
            raise Problem(429, "Too many sign-ups; try again later", headers={"Retry-After": "60"})
        digest = self.addresses.digest(site.id, "email", email)
        # While Redis does not answer, nobody is sent anything: others' addresses are at stake.
        allowed = self.suppressed.may_ask(site.id, digest, self.statements.now())
        why = self.suppressed.find(site.id, digest)
        if allowed and not {"bounced", "complained", "manual"} & set(why):
            self._ask(site, told, email, digest)
        return answer(SignedUp(), 202)

    def confirm_page(self, token: str) -> ResponseReturnValue:
        """It changes nothing: mail scanners follow every link."""
        link, site, profile = self._read(token)
        return self._shown(link, site, profile, asked=not self._confirmed(profile, link))

    def confirm(self, token: str) -> ResponseReturnValue:
        link, site, profile = self._read(token)
        if not self._confirmed(profile, link):
            self._note(site, profile, link)
            profile = find(self.profiles, site.id, link.profile) or profile
        return self._shown(link, site, profile, asked=False)

    def _site(self, told: SignUp) -> Site:
        """By the key, or by the token of the offer that this visitor was given. Raises Problem."""
        if not told.token:
            return self.keys.any_key()
        try:
            token = self.signer.read(told.token, None, self.statements.now())
        except TokenInvalid as error:
            raise Problem(400, f"The token is {error.reason}", "token") from error
        site = self.sites.get(token.site)
        if site is None or token.held or not token.belongs_to(told.visitor):
            raise Problem(400, "The token is foreign", "token")
        return site

    def _ask(self, site: Site, told: SignUp, email: str, digest: str) -> None:
        now = self.statements.now()
        known = self.profiles.find(site.id, visitor=told.visitor)
        profile = known or Profile(f"v:{told.visitor}", visitors=[told.visitor])
        where = urlsplit(told.page)
        link = MessageLink(
            "c",
            site.id,
            profile.id,
            "email",
            "\n".join(told.topics),
            digest,
            now,
            text_version=told.text_version,
            source=f"{where.netloc}{where.path}"[:100] or "/v1/subscribe",
            address=email,
            jurisdiction=profile.country,
            night=told.night,
            item=told.item,
        )
        url = f"{self.public_url.rstrip('/')}/v1/confirm/{self.links.sign(link)}"
        props = {
            "email": email,
            "confirm": url,
            "channel": "email",
            "topics": list(told.topics),
            "textVersion": told.text_version,
            "text": told.text,
            "source": link.source,
            **({"product_id": told.item} if told.item else {}),
            **({"token": told.token} if told.token else {}),
        }
        self.statements.append([told_event(site, profile, CONFIRMATION, props, now)])

    def _note(self, site: Site, profile: Profile, link: MessageLink) -> None:
        now, topics = self.statements.now(), link.topic.split("\n") if link.topic else [""]
        about = {
            "marketing": True,
            "channel": "email",
            "givenAt": link.at,
            "verifiedAt": now,
            "address": link.digest,
            "source": link.source,
            "textVersion": link.text_version,
            "jurisdiction": link.jurisdiction,
            **({} if link.night is None else {"night": link.night}),
        }
        name = f"confirmed-{link.digest}-{link.at}"
        props = {"channel": "email", "topics": [each for each in topics if each]}
        told = [told_event(site, profile, CONFIRMED, props, now, name)]
        if link.item:
            asked = {"product_id": link.item}
            told.append(told_event(site, profile, BACK, asked, now, f"{name}-back"))
        told += self._learn(site, profile, link, now)
        self.statements.say(site, profile, *({**about, "topic": each} for each in topics), told=told)
        since = self.suppressed.find(site.id, link.digest).get("unsubscribed", link.at)
        if since < link.at:
            self.suppressed.remove(site.id, link.digest, "unsubscribed")

    def _learn(self, site: Site, profile: Profile, link: MessageLink, now: int) -> list[Event]:
        """The address becomes the person's, unless the site itself told another one of its customer."""
        if address_of(profile, "email") and "email" not in profile.claims:
            return []

        def learn(stored: Profile) -> Profile:
            learn_trait(stored, "email", link.address)
            return stored

        self.profiles.update(site.id, profile.id, learn)
        event = site_event(site, profile, "identify", "", {}, now, f"address-{link.digest}-{link.at}")
        return [msgspec.structs.replace(event, traits={"email": link.address})]

    def _confirmed(self, profile: Profile, link: MessageLink) -> bool:
        return any(
            one.given_at == link.at and one.address == link.digest and one.verified_at
            for one in profile.consents
        )

    def _read(self, token: str) -> tuple[MessageLink, Site, Profile]:
        try:
            link = self.links.read(token, "c")
        except LinkInvalid as error:
            raise Problem(404, "This link is not one of ours") from error
        self.sites.refresh(1.0)
        site, now = self.sites.get(link.site), self.statements.now()
        if site is None or not -MINUTE_MS <= now - link.at <= LINK_MS:
            raise Problem(403, "This link is too old")
        profile = find(self.profiles, link.site, link.profile)
        if profile is None:
            raise Problem(404, "Nothing is known of you any more")
        acting("the visitor", site.id)
        concerning(profile.id)
        return link, site, profile

    def _shown(self, link: MessageLink, site: Site, profile: Profile, asked: bool) -> ResponseReturnValue:
        topics = link.topic.split("\n") if link.topic else []
        found = [marketing_answer(profile, "email", each) for each in topics or [""]]
        stands = any(each is not None and each.given for each in found)
        return render_me(
            "me/confirm.html", site=site, asked=asked, stands=stands, topics=topics, address=link.address
        )
