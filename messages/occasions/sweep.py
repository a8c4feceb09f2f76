"""The sweep: over all people, for what no event tells: who entered a segment, whose day it is, and moments.

Every person is asked in each sweep, so its cost grows with the people, not with what is new. One process sweeps at a
time. A sweep that was broken off is done again and finds the same occasions.
"""

import logging
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from hashlib import blake2b
from itertools import islice

from messages.ledger.ledger import Ledger, LedgerUnavailable
from messages.ledger.occasion import LATE_MS, Cause, Occasion, occasion_id
from messages.occasions.dates import day_of, due_on, falls_on
from offers.audience.visitor import View
from offers.campaign.campaign import Campaign
from offers.campaign.store import CampaignStore
from offers.segments.store import SegmentStore
from offers.segments.views import Views
from profiles.model import Profile
from profiles.store.port import ProfileStore
from tracker.durations import DAY_SECONDS
from tracker.redis_connection import connect, redis_errors
from tracker.sites import Site, Sites
from tracker.unavailable import Unavailable

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 600.0
BATCH = 500
KEPT_SECONDS = 60 * DAY_SECONDS
"""Members of a segment that were not looked at for so long are forgotten; who is in it then has not entered it."""


class MemberStore:
    """Who was in the segment of a campaign when it was last looked at: a set of digests, and the number of looks.
    Raises LedgerUnavailable."""

    def __init__(self, url: str, timeout: float = 5.0) -> None:
        self._redis = connect(url, timeout)

    def look(self, site: str, campaign: str, segment: str) -> int:
        """The number of the last look at the segment; 0 before the first."""
        with redis_errors("read the members of a segment", LedgerUnavailable):
            self._redis.delete(_key(site, campaign, segment, "next"))
            return int(self._redis.get(_key(site, campaign, segment, "look")) or 0)

    def seen(self, site: str, campaign: str, segment: str, people: list[str]) -> list[bool]:
        """Whether each of these members was one at the last look."""
        digests = [_digest(each) for each in people]
        with redis_errors("read the members of a segment", LedgerUnavailable):
            known = self._redis.smismember(_key(site, campaign, segment, "members"), digests)
            self._redis.sadd(_key(site, campaign, segment, "next"), *digests)
        return [bool(each) for each in known]

    def done(self, site: str, campaign: str, segment: str, look: int) -> None:
        """The look is over: those who were seen in it are the members."""
        names = [_key(site, campaign, segment, name) for name in ("next", "members", "look")]
        with redis_errors("write the members of a segment", LedgerUnavailable):
            pipe = self._redis.pipeline()
            if self._redis.exists(names[0]):
                pipe.rename(names[0], names[1])
                pipe.expire(names[1], KEPT_SECONDS)
            else:
                pipe.delete(names[1])
            pipe.set(names[2], look + 1, ex=KEPT_SECONDS)
            pipe.execute()

    def turn(self) -> bool:
        """Whether it is this process's turn to sweep."""
        with redis_errors("take the turn to sweep", LedgerUnavailable):
            return bool(self._redis.set("dg:messages-sweep", "1", nx=True, ex=int(SWEEP_SECONDS)))


class Sweep:
    """``run`` until told to stop, or ``sweep`` one site by hand."""

    def __init__(
        self,
        sites: Sites,
        campaigns: CampaignStore,
        segments: SegmentStore,
        profiles: ProfileStore,
        ledger: Ledger,
        members: MemberStore,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sites, self._campaigns, self._segments = sites, campaigns, segments
        self._profiles, self._ledger, self._members = profiles, ledger, members
        self._clock = clock

    def run(self, stopped: Callable[[], bool]) -> None:
        while not stopped():
            try:
                if self._members.turn():
                    self._sites.refresh(1.0)
                    for site in self._sites.all().values():
                        self.sweep(site)
            except Unavailable as error:
                logger.warning("the sweep for messages waits: %s", error)
            for _ in range(20):
                if not stopped():
                    time.sleep(0.25)

    def sweep(self, site: Site) -> int:
        """How many occasions are new. Raises Unavailable."""
        now = int(self._clock() * 1000)
        live = [each for each in self._campaigns.all(site.id) if each.send and each.status == "live"]
        entering = [each for each in live if each.send and each.send.when.enters]
        dated = [each for each in live if each.send and (each.send.when.date or self._at(each, site, now))]
        if not entering and not dated:
            return 0
        looks = {each.id: self._members.look(site.id, each.id, _segment(each)) for each in entering}
        view_of, new = Views(self._segments, self._clock).of(site), 0
        people = iter(self._profiles.people(site.id))
        while some := list(islice(people, BATCH)):
            views = [view_of(profile) for profile in some]
            found = [one for view in views for each in dated for one in self._dated(each, site, view, now)]
            for each in entering:
                found += self._entered(each, site, views, looks[each.id], now)
            new += self._ledger.add(found, now)
        for each in entering:
            self._members.done(site.id, each.id, _segment(each), looks[each.id])
        return new

    def _entered(
        self, campaign: Campaign, site: Site, views: list[View], look: int, now: int
    ) -> Iterator[Occasion]:
        """Those who are members and were none at the last look. The first look finds nobody."""
        assert campaign.send is not None
        segment = _segment(campaign)
        inside = [view.profile for view in views if segment in view.segments]
        if not inside:
            return
        known = self._members.seen(site.id, campaign.id, segment, [each.id for each in inside])
        for profile, before in zip(inside, known, strict=True):
            if look and not before:
                due = now + campaign.send.when.wait_ms
                yield _occasion(campaign, site, profile, "enters", f"{segment} {look}", now, due)

    def _dated(self, campaign: Campaign, site: Site, view: View, now: int) -> Iterator[Occasion]:
        assert campaign.send is not None
        when, profile = campaign.send.when, view.profile
        if when.at:
            moment = when.at_ms(site.zone)
            yield _occasion(campaign, site, profile, "at", str(moment), moment, moment)
            return
        today = datetime.fromtimestamp(now / 1000, site.zone).date()
        day = day_of(profile.traits.get(when.date.partition(".")[2]))
        if day is not None and falls_on(day, today):
            due = due_on(today, site.zone)
            yield _occasion(campaign, site, profile, "date", today.isoformat(), due, due)

    def _at(self, campaign: Campaign, site: Site, now: int) -> bool:
        """Whether its moment has come, and is not too long ago."""
        assert campaign.send is not None
        if not campaign.send.when.at:
            return False
        moment = campaign.send.when.at_ms(site.zone)
        return moment - int(SWEEP_SECONDS * 1000) <= now < moment + LATE_MS


def _occasion(
    campaign: Campaign, site: Site, profile: Profile, cause: Cause, trigger: str, ts: int, due: int
) -> Occasion:
    person = profile.subject or profile.id  # the same whatever the profile is called later
    return Occasion(
        id=occasion_id(site.id, campaign.id, person, f"{cause} {trigger}"),
        site=site.id,
        campaign=campaign.id,
        cause=cause,
        visitor="" if profile.user else next(iter(profile.visitors), ""),
        user=profile.user or "",
        ts=ts,
        due=due,
        trigger={"cause": cause, "of": trigger},
    )


def _segment(campaign: Campaign) -> str:
    assert campaign.send is not None
    return campaign.send.when.enters


def _digest(person: str) -> bytes:
    return blake2b(person.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _key(site: str, campaign: str, segment: str, name: str) -> str:
    return f"dg:messages:{{{site}:{campaign}}}:segment:{segment}:{name}"
