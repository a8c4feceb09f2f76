"""A mail as somebody would get it, before the campaign runs: for a preview, and to send to oneself."""

import re
from collections.abc import Callable
from hashlib import blake2b

from messages.email.letter import Letter
from messages.email.transport import EmailTransport
from messages.message import Message, Outcome, Unprintable
from offers.campaign.campaign import Campaign
from profiles.model import Profile
from tracker.sites import Site

CLIPPED = 102_400
COUPON = "TEST-CODE"


def sample_message(
    site: Site, campaign: Campaign, variant: str | None, profile: Profile, address: str, at: int
) -> Message:
    """Of one variant (None: the first). Its id is of its own, so that it is no attempt of a real message. Raises
    Unprintable."""
    creative = next((each for each in campaign.creatives if variant in (None, each.id)), None)
    if creative is None or creative.kind != "email":
        raise Unprintable(f"campaign {campaign.id} has no mail {variant or ''}".strip())
    told = f"test {site.id} {campaign.id} {creative.id} {profile.id} {address} {at}"
    return Message(
        id=blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest(),
        site=site,
        campaign=campaign.id,
        variant=creative.id,
        channel="email",
        message_class="service",
        profile=profile,
        address=address,
        content=creative.content,
        coupon=COUPON if campaign.coupons else "",
        at=at,
    )


def warnings_of(letter: Letter) -> list[str]:
    """What makes programs of mail cut a mail or take it for spam, one sentence each."""
    words = " ".join(re.sub(r"<style\b[^>]*+>[^<]*+</style>|<[^<>]*+>", " ", letter.html).split())
    pictures = letter.html.lower().count("<img ")
    found = []
    if len(letter.html.encode()) > CLIPPED:
        found.append(f"Its HTML has {len(letter.html.encode()):,} bytes: Gmail cuts it after {CLIPPED:,}.")
    if pictures and len(words) < 20 * pictures:
        found.append("It is nearly all pictures: many readers see none, and filters distrust it.")
    if not letter.text.strip():
        found.append("It has no text.")
    if letter.subject.isupper() or letter.subject.count("!") > 1:
        found.append("Its subject shouts.")
    return found


async def send_sample(
    transport_of: Callable[[], EmailTransport | None], message: Message
) -> tuple[Outcome, list[str]]:
    """What the server answered, and warnings. Raises Unprintable, NotSent or OutcomeUnknown."""
    transport = transport_of()
    if transport is None:
        raise Unprintable("no mail server is set: DANGOL_SMTP")
    try:
        letter = transport.prepare(message)
        return await transport.send(letter), warnings_of(letter)
    finally:
        await transport.close()
