"""Campaigns in Redis: one hash per site, its versions, and a counter that tells every process when to read again."""

import logging
import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from offers.campaign.campaign import Campaign
from offers.campaign.compiled_campaign import CompiledCampaign
from profiles.redis.refreshed import Refreshed, Source, number_change
from tracker.redis_connection import REDIS_ERRORS, connect
from tracker.sites import Site
from tracker.unavailable import Unavailable

log = logging.getLogger(__name__)

VERSIONS_KEPT = 20
CAMPAIGNS_LIMIT = 1_000
"""Campaigns of one site; the whole set is held compiled by every web worker."""
REFRESH_SECONDS = 0.5

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Campaign).decode


class CampaignsUnavailable(Unavailable):
    """The store cannot be reached now."""


class TooManyCampaigns(ValueError):
    """The site has as many campaigns as it may have; delete one first."""


class Version(msgspec.Struct, frozen=True):
    """A campaign as it was written at ``saved`` (ms); None when it was deleted then."""

    saved: int
    campaign: Campaign | None


class Campaigns(Source, Protocol):
    """What a decision needs of a campaign store."""

    def known(self, site: Site) -> tuple[CompiledCampaign, ...]:
        """Every campaign of the site, compiled, as last read. Asks no store."""


class CampaignStore:
    """Campaigns per site. Writes raise CampaignsUnavailable; decisions are served what was last known.

    ``dg:campaigns:{site}`` is a hash id → document with the version counter in field "", and
    ``dg:campaign-versions:{site}:{id}`` a list, newest first.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic, timeout: float = 1.0) -> None:
        self._redis = connect(url, timeout)
        self._sites: dict[str, Site] = {}
        self._cache: Refreshed[tuple[CompiledCampaign, ...]] = Refreshed(
            self._load, (), REFRESH_SECONDS, clock
        )

    def put(self, site: str, campaign: Campaign, now: int) -> bool:
        """Add or replace a campaign that ``document.parse`` returned; whether that changed anything."""
        key = _key(site)
        try:
            known, size = self._redis.hget(key, campaign.id), self._redis.hlen(key)
            if known == _encode(campaign):
                return False
            if known is None and size > CAMPAIGNS_LIMIT:
                raise TooManyCampaigns(f"{CAMPAIGNS_LIMIT:,} campaigns is the most a site may have")
            self._write(site, campaign.id, Version(now, campaign))
            return True
        except REDIS_ERRORS as error:
            raise CampaignsUnavailable(str(error)) from error

    def delete(self, site: str, campaign_id: str, now: int) -> bool:
        """Whether there was one. Its versions stay."""
        try:
            if not self._redis.hexists(_key(site), campaign_id):
                return False
            self._write(site, campaign_id, Version(now, None))
        except REDIS_ERRORS as error:
            raise CampaignsUnavailable(str(error)) from error
        return True

    def get(self, site: str, campaign_id: str) -> Campaign | None:
        if not campaign_id:
            return None
        try:
            raw = self._redis.hget(_key(site), campaign_id)
        except REDIS_ERRORS as error:
            raise CampaignsUnavailable(str(error)) from error
        return None if raw is None else _readable(campaign_id, raw)

    def all(self, site: str) -> list[Campaign]:
        """By id, but what another version of Dangol wrote and this one cannot read. Raises CampaignsUnavailable."""
        try:
            found = self._redis.hgetall(_key(site))
        except REDIS_ERRORS as error:
            raise CampaignsUnavailable(str(error)) from error
        read = [_readable(name.decode(errors="replace"), raw) for name, raw in sorted(found.items()) if name]
        return [campaign for campaign in read if campaign is not None]

    def versions(self, site: str, campaign_id: str) -> list[Version]:
        """Newest first, at most VERSIONS_KEPT."""
        try:
            raw = self._redis.lrange(_versions_key(site, campaign_id), 0, VERSIONS_KEPT - 1)
        except REDIS_ERRORS as error:
            raise CampaignsUnavailable(str(error)) from error
        found = []
        for each in raw:
            try:
                found.append(msgspec.json.decode(each, type=Version))
            except msgspec.DecodeError as error:
                log.error("a version of campaign %s cannot be read: %s", campaign_id, error)
        return found

    def due(self, site: Site) -> bool:
        """Every REFRESH_SECONDS."""
        return self._cache.due(site.id)

    def refresh(self, site: Site) -> None:
        self._sites[site.id] = site
        self._cache.get(site.id)

    def known(self, site: Site) -> tuple[CompiledCampaign, ...]:
        return self._cache.cached(site.id)

    def _load(
        self, site_id: str, stamp: bytes | None
    ) -> tuple[bytes | None, tuple[CompiledCampaign, ...]] | None:
        current = self._redis.hget(_key(site_id), "")
        zone = self._sites[site_id].zone
        mark = b"%s %s" % (current or b"", str(zone).encode())
        if mark == stamp:
            return None
        compiled: list[CompiledCampaign] = []
        for name, raw in self._redis.hgetall(_key(site_id)).items():
            campaign = _readable(name.decode(errors="replace"), raw) if name else None
            try:
                compiled += [CompiledCampaign(campaign, zone)] if campaign else []
            except ValueError as error:  # written by another version of Dangol
                log.error("campaign %s of site %s is not used: %s", name, site_id, error)
        return mark, tuple(sorted(compiled, key=lambda ready: (ready.rank, ready.campaign.id)))

    def _write(self, site: str, campaign_id: str, version: Version) -> None:
        key, versions = _key(site), _versions_key(site, campaign_id)
        with self._redis.pipeline(transaction=False) as pipe:
            if version.campaign is None:
                pipe.hdel(key, campaign_id)
            else:
                pipe.hset(key, campaign_id, _encode(version.campaign))
            pipe.lpush(versions, _encode(version))
            pipe.ltrim(versions, 0, VERSIONS_KEPT - 1)
            number_change(pipe, key)  # last: whoever sees the new number reads the new document
            pipe.execute()


def _readable(campaign_id: str, raw: bytes) -> Campaign | None:
    """None, and a word in the log, of what another version of Dangol wrote."""
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        log.error("campaign %s cannot be read: %s", campaign_id, error)
        return None


def _key(site: str) -> str:
    return f"dg:campaigns:{site}"


def _versions_key(site: str, campaign_id: str) -> str:
    return f"dg:campaign-versions:{site}:{campaign_id}"
