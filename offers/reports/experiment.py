"""A campaign's experiment as a marketer judges it: how far it is, its effect by day and part, and its harm."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo

from offers.campaign.campaign import Campaign
from offers.experiments.leader import Leader, leader
from offers.experiments.people import Flags, People
from offers.experiments.planned_end import planned_end
from offers.planning.progress import ExperimentProgress, progress_of
from offers.reports.effects import DayEffect, PartEffect, course, parted
from offers.reports.guardrails import Guardrail, guardrails


@dataclass(frozen=True, slots=True)
class Experiment:
    """``leader``: which variant is ahead; None without two variants that people met. ``complete``: those who are shown
    one of them are as many as the plan's."""

    progress: ExperimentProgress
    course: list[DayEffect]
    parts: list[PartEffect]
    guardrails: list[Guardrail]
    leader: Leader | None
    complete: bool


def experiment_of(
    campaign: Campaign, people: People, zone: tzinfo, now: int, segments: Mapping[str, Flags] | None = None
) -> Experiment:
    """``now`` in ms. ``segments``: by id who of the people is in it."""
    progress = progress_of(people, campaign.plan, campaign.goal.window_ms, now)
    planned = progress.planned.people
    shown = planned_end(people.since[~people.held], campaign.plan.days, campaign.goal.window_ms, now).people
    return Experiment(
        progress,
        course(people, planned, zone),
        parted(people, planned, segments),
        guardrails(people, planned),
        leader(people, len(campaign.creatives), campaign.reward, shown),
        int((~people.held & ~people.open).sum()) >= shown,
    )
