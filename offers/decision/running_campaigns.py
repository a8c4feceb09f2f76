"""The campaigns that run at this moment, by slot and rank: looked up once a second, not once a visitor."""

from collections.abc import Sequence
from itertools import groupby

from offers.audience.visitor import View
from offers.campaign.compiled_campaign import CompiledCampaign
from profiles.model import Profile
from tracker.sites import Site

Ranks = tuple[tuple[CompiledCampaign, ...], ...]
"""Campaigns of one slot, the highest rank first; those of one rank together."""


class RunningCampaigns:
    """What runs within one second. Schedules are kept to the second, then."""

    __slots__ = ("_slots", "grouped", "second", "source")

    def __init__(self, source: Sequence[CompiledCampaign], now: int, site: Site) -> None:
        """``source`` is sorted by rank; ``now`` in ms."""
        self.source, self.second = source, now // 1000
        view = View(Profile(id=""), now, site)
        running = [ready for ready in source if ready.scheduled(view)]
        # Outside of its hours, too: who was drawn for the morning's campaign must not meet the evening's.
        self.grouped = tuple(ready for ready in source if ready.campaign.group and ready.runs(now))
        by_slot: dict[str, list[CompiledCampaign]] = {}
        for ready in running:
            for slot in ready.slots:
                by_slot.setdefault(slot, []).append(ready)
        self._slots: dict[str, Ranks] = {
            slot: tuple(tuple(equals) for _, equals in groupby(mine, key=lambda ready: ready.rank))
            for slot, mine in by_slot.items()
        }

    def holds(self, source: Sequence[CompiledCampaign], now: int) -> bool:
        """Whether it still tells what runs."""
        return self.source is source and self.second == now // 1000

    def ranks(self, slot: str) -> Ranks:
        return self._slots.get(slot, ())
