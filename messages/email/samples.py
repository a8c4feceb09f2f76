"""A mail as somebody would get it, before the campaign runs: for a preview, and to send to oneself."""

from collections.abc import Callable
from hashlib import blake2b

from messages.email.transport import EmailTransport
from messages.message import Message, Outcome, Unprintable
from offers.campaign.campaign import Campaign
from profiles.model import Profile
from tracker.sites import Site

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


async def send_sample(transport_of: Callable[[], EmailTransport | None], message: Message) -> Outcome:
    """Raises Unprintable, NotSent or OutcomeUnknown."""
    transport = transport_of()
    if transport is None:
        raise Unprintable("no mail server is set: DANGOL_SMTP")
    try:
        return await transport.send(transport.prepare(message))
    finally:
        await transport.close()
