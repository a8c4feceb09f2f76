"""A page tells a rate by the macros of desk/macros/shares.html, which say how sure it is; the others have a reason."""

import re
from collections.abc import Iterator
from typing import Any

from tests.support.machine import ROOT
from web.openapi.description import document

REASONS = {
    "desk/models_training.html": "progress",
    "desk/imports/progress.html": "progress",
    "desk/campaigns/segments.html": "a part of all people, who are all counted",
    "desk/campaigns/campaign.html": "campaigns have intervals of their own",
    "desk/macros/shares.html": "the macros themselves",
}


def test_no_template_of_a_report_tells_a_bare_percentage() -> None:
    folder = ROOT / "web/templates"
    bare = {
        str(path.relative_to(folder))
        for path in folder.rglob("*.html")
        if re.search(r"\|\s*percent\b", path.read_text(encoding="utf-8"))
    }
    assert not bare - REASONS.keys()


ALONE = {
    "CampaignPlan audience_share": "what a plan assumes",
    "CampaignPlan rate": "what a plan assumes",
    "CampaignReport.comparison chance": "a p-value",
    "CampaignReport.split chance": "a p-value",
    "CurvePoint share": "a part of the whole",
    "Variant ctr": "clicks for each impression, beside the click rate of people",
    "Belief rate": "what the bandit plays by",
    "Belief share": "how often the bandit plays it",
    "Run share": "progress",
}
RATE = re.compile(r"(?:^|_)(?:rates?|shares?|ctr|coverage|chance)$")


def test_no_answer_of_the_api_tells_a_bare_rate() -> None:
    schemas = document("https://x.example")["components"]["schemas"]
    bare = {each for name, schema in schemas.items() for each in bare_rates(schema, name)}
    assert bare == ALONE.keys(), "a rate has its interval beside it: NAME_interval"


def bare_rates(schema: Any, path: str) -> Iterator[str]:
    """Numbers named as rates that have no interval beside them."""
    if not isinstance(schema, dict):
        return
    properties = schema.get("properties", {})
    for name, told in properties.items():
        if RATE.search(name) and is_number(told) and f"{name}_interval" not in properties:
            yield f"{path} {name}"
        yield from bare_rates(told, f"{path}.{name}")
    for each in (*schema.get("allOf", ()), *schema.get("anyOf", ())):
        yield from bare_rates(each, path)
    yield from bare_rates(schema.get("items"), f"{path}[]")


def is_number(schema: Any) -> bool:
    if not isinstance(schema, dict):
        return False
    kinds = schema.get("type", ())
    return "number" in ([kinds] if isinstance(kinds, str) else kinds) or any(
        is_number(each) for each in schema.get("anyOf", ())
    )
