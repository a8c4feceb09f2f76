"""What every gate of a decision says of one campaign for one person: for the question why it was shown, or not."""

import msgspec

from offers.campaign.compiled_campaign import CompiledCampaign
from offers.decision.caps import CapRequest
from offers.decision.eligibility import PageRequest, dismissed_campaigns, in_audience


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """``running``: live, and within its schedule. ``personal``: the person allows personalization. ``missing`` are the
    clauses of the audience that the person does not fulfil. ``held_out``: by its own or the global holdout."""

    name: str
    running: bool
    personal: bool
    audience: bool
    missing: tuple[str, ...]
    dismissed: bool
    cap_left: bool
    held_out: bool
    budget_left: bool


def examined(
    request: PageRequest, candidate: CompiledCampaign, asked: CapRequest, cap_left: bool, budget_left: bool
) -> Examined:
    return Examined(
        name=candidate.campaign.name,
        running=candidate.scheduled(request.view),
        personal=request.personal,
        audience=in_audience(request, candidate),
        missing=tuple(each.clause for each in candidate.audience.failed(request.view))
        if request.personal
        else (),
        dismissed=candidate.id in dismissed_campaigns(request.view),
        cap_left=cap_left,
        held_out=asked.ghost,
        budget_left=budget_left,
    )
