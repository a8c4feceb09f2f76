"""Pages of the desk in its menu: those that the filter bar narrows, and those that say why it does not."""

FUNNEL_STEPS = (
    "step=page:*&step=event:Product+Viewed&step=event:Product+Added&step=event:Order+Completed&window=1d"
)
NARROWED = {
    "/desk": "",
    "/desk/live": "",
    "/desk/funnel": FUNNEL_STEPS,
    "/desk/paths": "",
    "/desk/retention": "",
    "/desk/attribution": "",
    "/desk/products": "",
    "/desk/engagement": "",
    "/desk/visitors": "",
    "/desk/campaigns": "",
}
"""Pages about visits: each has the whole filter bar."""
UNNARROWED = {
    "/desk/calls": "Filters do not apply to this page",
    "/desk/agents": "Agents have no segment or channel",
    "/desk/customers": "Scores are of customers",
    "/desk/segments": "Sizes are current and cover all visitors",
    "/desk/models": "Models are trained on all visits",
    "/desk/channels": "Filters do not apply to this page",
    "/desk/data-quality": "Filters do not apply to this page",
    "/desk/imports": "Filters do not apply to this page",
    "/desk/setup": "Filters do not apply to this page",
    "/desk/access": "Filters do not apply to this page",
    "/desk/help": "Filters do not apply to this page",
}
"""Pages without it: what they say instead."""
