"""GET /v1/openapi.json: what the API takes and gives, for people and generators of clients.

The YAML files beside this one describe the requests, one tag each. The schemas of most answers are made from the
types that they are encoded from.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from flask import Blueprint, Response

from customers.scoring.card import RiskCard, ScoreCard, ValueCard
from customers.scoring.drift import Drift
from customers.scoring.runs import ScoreRun
from offers.campaign.campaign import Campaign
from offers.experiments.intervals import Interval
from offers.experiments.lift import Group
from offers.experiments.off_policy import OffPolicy
from offers.ready_made.messages import ReadyMade
from offers.reports.response_counts import ResponseCounts
from offers.segments.lookalike import LookAlike
from profiles.losses import LossCount
from profiles.model import EventCount, Profile
from recommender.jobs.runs import Run
from recommender.model.card import Card
from recommender.serving.request import Reason
from warehouse.attribution.cost import Cost
from warehouse.attribution.report import Attribution
from warehouse.engagement.report import Engagement
from warehouse.feeds.dossier import PersonId, PersonOrder
from warehouse.funnel.breakdown import FunnelGroup
from warehouse.funnel.dropoffs import DropOff
from warehouse.funnel.funnel import Funnel
from warehouse.funnel.reverse import ReverseFunnel
from warehouse.funnel.trend import TrendPeriod
from warehouse.reports.agents import AgentReport
from warehouse.reports.goals import GoalFigures
from warehouse.reports.live import Live
from warehouse.reports.overview import Overview
from warehouse.reports.paths import Paths
from warehouse.reports.products import ProductReport
from warehouse.reports.retention import Retention
from warehouse.reports.vocabulary import Vocabulary
from web.api.contacts import ContactGiven, ContactsTold
from web.api.costs import CostGiven, CostsGiven, CostsTold
from web.api.models import Version
from web.gorse.documents import Feedback, GorseItem, GorseItemGiven, GorseUser, ItemPatch, Scored
from web.http.json_body import answer
from web.me.sign_up import SignedUp, SignUp
from web.messages.mail_answers import MailRead
from web.openapi.schemas import given, schemas_of
from web.people.audience_preview import Explained, Size
from web.people.why_not import WhyNot
from web.personalize.missed import MissedOffer, Returned
from web.reports.campaign_counts import Answered
from web.reports.campaign_result import Lesson
from web.reports.customers.listing import CustomerList
from web.reports.customers.report import CustomerReport
from web.reports.people import People, Sized
from web.reports.products.associations import Associations

METHODS = ("get", "put", "post", "patch", "delete")
ANSWERED: tuple[type, ...] = (
    *(
        Overview,
        Live,
        Funnel,
        FunnelGroup,
        TrendPeriod,
        DropOff,
        ReverseFunnel,
        People,
        ProductReport,
        AgentReport,
        Engagement,
        GoalFigures,
        Paths,
        Retention,
        CustomerReport,
        CustomerList,
        Attribution,
        Vocabulary,
        ContactsTold,
        Cost,
        CostsTold,
        ScoreCard,
        RiskCard,
        Drift,
        ScoreRun,
        ValueCard,
        Returned,
        MailRead,
        SignedUp,
        WhyNot,
    ),
    *(
        Profile,
        PersonOrder,
        PersonId,
        Sized,
        Explained,
        Size,
        ReadyMade,
        Associations,
        Version,
        LossCount,
        Answered,
        Lesson,
        Interval,
        LookAlike,
        OffPolicy,
    ),
    *(Campaign, Card, Run, Reason, Scored, Feedback, GorseItem, GorseUser),
)
NAMED: Mapping[str, type] = {
    "CampaignTally": ResponseCounts,
    "EventTally": EventCount,
    "LiftGroup": Group,
    **{each.__name__: each for each in ANSWERED},
}
"""What answers are made of; with a name of its own what would else have another's."""
GIVEN: Mapping[str, type] = {
    "ContactGiven": ContactGiven,
    "CostGiven": CostGiven,
    "CostsGiven": CostsGiven,
    "FeedbackGiven": Feedback,
    "GorseItemGiven": GorseItemGiven,
    "GorseUserGiven": GorseUser,
    "ItemPatch": ItemPatch,
    "MissedOffer": MissedOffer,
    "SignUp": SignUp,
}
"""What requests are decoded into."""


def document(server: str) -> dict[str, Any]:
    """The description, with this installation as its server."""
    return {**_whole(), "servers": [{"url": server}]}


@cache
def _whole() -> dict[str, Any]:
    whole: dict[str, Any] = {**_part("base"), "tags": [], "paths": {}}
    components = whole["components"]
    for name in sorted(each.name.removesuffix(".yaml") for each in files(__package__).iterdir()):
        if name == "base" or not files(__package__).joinpath(f"{name}.yaml").is_file():
            continue
        part = _part(name)
        whole["tags"].append(part["tag"])
        _add(whole["paths"], part["paths"])
        for kind, named in part.get("components", {}).items():
            _add(components.setdefault(kind, {}), named)
        for operation in _operations(part["paths"]):
            operation["tags"] = [part["tag"]["name"]]
            operation["responses"].setdefault("default", {"$ref": "#/components/responses/Refused"})
    _add(components["schemas"], schemas_of(NAMED))
    _add(components["schemas"], {name: given(kind) for name, kind in GIVEN.items()})
    return whole


def _part(name: str) -> dict[str, Any]:
    text = files(__package__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    part: dict[str, Any] = yaml.safe_load(text)
    return part


def _add(target: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Raises ValueError for what is there already."""
    twice = target.keys() & more.keys()
    if twice:
        raise ValueError(f"described twice: {', '.join(sorted(twice))}")
    target.update(more)


def _operations(paths: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for item in paths.values():
        yield from (item[method] for method in METHODS if method in item)


def openapi_blueprint(public_url: str) -> Blueprint:
    blueprint = Blueprint("openapi", __name__)
    described = document(public_url)

    @blueprint.get("/v1/openapi.json")
    def described_api() -> Response:
        return answer(described)

    return blueprint
