"""A campaign with ``send``: a message whose slot is a channel."""

from pathlib import Path
from typing import Any

import pytest

from offers.campaign.campaign import CampaignInvalid
from offers.campaign.document import document, dump_yaml, load_yaml, parse
from offers.decision.decider import Decider
from profiles.sansio import run_sync
from tests.support.offers import MAIL, SHOES, decider, message, written
from tests.support.sites import UTC_SITE


def test_its_channel_is_its_only_slot_and_it_is_written_back_as_read():
    told = {
        "again": "30d",
        "topic": "cart",
        "quiet": ["21:00", "08:00"],
        "class": "marketing",
        "best_hour": True,
    }
    campaign = parse(message(told))
    assert campaign.slots == ("email",)
    assert campaign.send is not None
    assert (campaign.send.when.wait_ms, campaign.send.again_ms) == (14_400_000, 2_592_000_000)
    assert parse(document(campaign)) == campaign
    assert document(parse(message({"class": "service"})))["send"]["class"] == "service"


def test_yaml_reads_hours_and_instants_as_they_are_written(tmp_path: Path):
    campaign = parse(message({"quiet": ["21:00", "08:00"], "when": {"at": "2026-12-24T09:00"}}))
    file = tmp_path / "campaigns.yaml"
    text = dump_yaml([campaign])
    for each in ("21:00", "08:00", "2026-12-24T09:00"):
        text = text.replace(f"'{each}'", each)
    file.write_text(text.replace("T09:00", "T09:00:00"))
    (read,) = load_yaml(file)
    assert read.send is not None and read.send.quiet == ("21:00", "08:00")
    assert campaign.send is not None
    assert read.send.when.at_ms(UTC_SITE.zone) == campaign.send.when.at_ms(UTC_SITE.zone)


@pytest.mark.parametrize(
    ("send", "field"),
    [
        ({"channel": "fax"}, "send.channel"),
        ({"when": {}}, "send.when"),
        ({"when": {"on": "A", "enters": "vip"}}, "send.when"),
        ({"when": {"on": "A", "wait": "4 hours"}}, "send.when.wait"),
        ({"when": {"on": "A", "wait": "999d"}}, "send.when.wait"),
        ({"when": {"on": "A", "unless": "B"}}, "send.when.unless"),
        ({"when": {"at": "2026-12-01T09:00", "wait": "4h"}}, "send.when.wait"),
        ({"when": {"at": "tomorrow"}}, "send.when.at"),
        ({"when": {"at": "2026-12-01T09:00"}, "again": "1d"}, "send.again"),
        ({"when": {"date": "birthday"}}, "send.when.date"),
        ({"when": {"on": "A", "campaign": "hero-shoes"}}, "send.when.campaign"),
        ({"when": {"enters": "vip", "campaign": "other"}}, "send.when.campaign"),
        ({"when": {"enters": "v ip"}}, "send.when.enters"),
        ({"again": "0d"}, "send.again"),
        ({"quiet": ["21:00", "24:30"]}, "send.quiet[1]"),
        ({"quiet": ["21:00", "21:00"]}, "send.quiet"),
        ({"class": "service", "best_hour": True}, "send.best_hour"),
        ({"colour": "red"}, "send.colour"),
    ],
)
def test_a_combination_that_means_nothing_is_refused(send: dict[str, Any], field: str):
    with pytest.raises(CampaignInvalid) as refused:
        parse(message(send))
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"slots": ["hero"]}, "slots"),
        ({"tier": "fallback"}, "tier"),
        ({"caps": [{"limit": 1, "per": "session"}]}, "caps[0].per"),
        ({"creatives": [{"id": "a", "kind": "html", "content": "x"}]}, "creatives[0].kind"),
        ({"creatives": [{**MAIL, "content": {"subject": "a\nBcc: b", "html": "x"}}]}, "creatives[0].content"),
    ],
)
def test_what_a_message_cannot_have_is_refused(changes: dict[str, Any], field: str):
    with pytest.raises(CampaignInvalid) as refused:
        parse(message(**changes))
    assert refused.value.field == field


def test_a_page_slot_of_the_channels_name_never_shows_a_message():
    shown: Decider = decider(lambda: 1_795_000_000.0, message())
    assert run_sync(shown.decide(UTC_SITE, SHOES, ["email"])).slots == {"email": None}
    assert shown.fallbacks(UTC_SITE, SHOES, ["email"]) == {}


def test_a_page_has_no_creative_of_a_message():
    with pytest.raises(CampaignInvalid) as refused:
        parse(written(creatives=[MAIL]))
    assert refused.value.field == "creatives[0].kind"
