"""The links that a message carries, each signed."""

from messages.message import Channel, Links
from messages.permission.links import LinkSigner, MessageLink
from profiles.model import Profile
from tracker.sites import Site


class LinkMaker:
    """``base`` is how browsers reach this installation."""

    def __init__(self, signer: LinkSigner, base: str) -> None:
        self._signer, self._base = signer, base.rstrip("/")

    def links(
        self,
        site: Site,
        profile: Profile,
        channel: Channel,
        topic: str,
        campaign: str,
        digest: str,
        token: str,
        at: int,
    ) -> Links:
        """The link that unsubscribes also shows the preferences. ``at`` in ms."""
        link = MessageLink(
            kind="u",
            site=site.id,
            profile=profile.id,
            channel=channel,
            topic=topic,
            digest=digest,
            at=at,
            campaign=campaign,
            token=token,
        )
        address = f"{self._base}/v1/unsubscribe/{self._signer.sign(link)}"
        return Links(unsubscribe=address, preferences=address)
