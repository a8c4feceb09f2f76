"""The campaigns that run now, by slot and rank: worked out once a second, not once a visitor."""

from collections.abc import Sequence
from itertools import groupby

from offers.audience.visitor import View
from offers.campaign.compiled_campaign import CompiledCampaign
from profiles.model import Profile
from tracker.sites import Site

Ranks = tuple[tuple[CompiledCampaign, ...], ...]
"""Campaigns of one slot, the highest rank first; those of one rank together."""


class RunningCampaigns:
    """What runs within one second. Schedules are therefore exact to the second."""

    __slots__ = ("_slots", "grouped", "messages", "second", "source")

    def __init__(self, source: Sequence[CompiledCampaign], now: int, site: Site) -> None:
        """``source`` is sorted by rank; ``now`` in ms."""
        self.source, self.second = source, now // 1000
        view = View(Profile(id=""), now, site)
        running = [candidate for candidate in source if candidate.scheduled(view)]
        # Outside of its hours, too: a visitor drawn for the morning's campaign must not be shown the evening's.
        self.grouped = tuple(
            candidate for candidate in source if candidate.campaign.group and candidate.runs(now)
        )
        by_slot: dict[str, list[CompiledCampaign]] = {}
        self.messages = {candidate.id: candidate for candidate in running if candidate.campaign.send}
        for candidate in running:
            # A page has no channel: what is sent is never shown in a slot of that name.
            for slot in () if candidate.campaign.send else candidate.slots:
                by_slot.setdefault(slot, []).append(candidate)
        self._slots: dict[str, Ranks] = {
            slot: tuple(tuple(equals) for _, equals in groupby(mine, key=lambda candidate: candidate.rank))
            for slot, mine in by_slot.items()
        }

    def holds(self, source: Sequence[CompiledCampaign], now: int) -> bool:
        """Whether this is still up to date."""
        return self.source is source and self.second == now // 1000

    def ranks(self, slot: str) -> Ranks:
        return self._slots.get(slot, ())
